"""Two short days at a private hub, and the policies compared: nothing lost, nothing ownerless."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hub.settings import ROOT

CAREHUB = Path(sys.executable).with_name("carehub")
BUCKETS = ("accepted", "redirected", "declined", "withdrawn", "waiting")

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(900)]


def _run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CAREHUB, *words], cwd=ROOT, capture_output=True, text=True, timeout=800, check=False
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Two days across the autumn clock change, with their surge and their hour of stress."""
    home = tmp_path_factory.mktemp("simulated") / "hub"
    words = ["--days", "2", "--from", "2026-10-24", "--seed", "3", "--seeds", "1", "--json"]
    done = _run("simulate", *words, "--demand", "12", "--home", home)

    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    report: dict[str, Any] = json.loads(done.stdout)
    return home, report


def test_every_referral_stands_in_one_place(played: tuple[Path, dict[str, Any]]) -> None:
    _, report = played

    assert report["problems"] == []
    assert report["received"] > 10
    assert report["received"] == sum(report[bucket] for bucket in BUCKETS)
    assert (report["lost"], report["duplicated"]) == (0, 0)
    assert report["routed"] >= report["accepted"] * 3 // 5


def test_no_work_is_ever_nobodys(played: tuple[Path, dict[str, Any]]) -> None:
    _, report = played

    assert (report["unassigned_past_limit"], report["without_owner"]) == (0, 0)
    assert 0 < report["share_in_time"] <= 1


def test_the_policies_are_beside_it(played: tuple[Path, dict[str, Any]]) -> None:
    _, report = played

    assert set(report["policies"]) == {"carehub", "round-robin", "least-loaded"}
    for day in report["by_day"]:
        assert max(day[name] for name in report["policies"]) <= day["bound"] <= day["cases"]


def test_every_invariant_holds_after_it(played: tuple[Path, dict[str, Any]]) -> None:
    home, _ = played

    checked = _run("integrity", "--home", home)

    assert checked.returncode == 0, checked.stdout


def test_a_folder_that_holds_a_hub_is_left_alone(played: tuple[Path, dict[str, Any]]) -> None:
    home, _ = played

    refused = _run("simulate", "--days", "1", "--home", home)

    assert refused.returncode == 2
    assert "a simulation needs its own" in refused.stderr
