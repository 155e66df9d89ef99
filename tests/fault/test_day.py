"""A whole day at a private hub: everything arrives once, whatever is killed in the middle."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hub.settings import ROOT

CAREHUB = Path(sys.executable).with_name("carehub")
DEMAND = 14
BUCKETS = ("accepted", "redirected", "declined", "withdrawn", "waiting")

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(900)]


def _run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CAREHUB, *words], cwd=ROOT, capture_output=True, text=True, timeout=800, check=False
    )


def _day(home: Path, *more: str) -> dict[str, Any]:
    words = ["--seed", "7", "--date", "2026-12-27", "--demand", str(DEMAND), "--json"]
    done = _run("day", *words, "--home", home, *more)

    assert done.returncode == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.fixture(scope="module")
def quiet_day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    home = tmp_path_factory.mktemp("quiet") / "hub"
    return home, _day(home)


def test_every_referral_of_a_day_stands_in_one_place(
    quiet_day: tuple[Path, dict[str, Any]],
) -> None:
    _, report = quiet_day

    assert report["problems"] == []
    assert report["received"] == DEMAND == sum(report[bucket] for bucket in BUCKETS)
    assert (report["lost"], report["duplicated"]) == (0, 0)
    assert report["routed"] >= DEMAND * 3 // 5
    assert report["messages_sent"] == sum(
        report[f"messages_{end}"] for end in ("processed", "duplicate", "refused", "quarantined")
    )


def test_every_invariant_holds_after_a_day(quiet_day: tuple[Path, dict[str, Any]]) -> None:
    home, _ = quiet_day

    checked = _run("integrity", "--home", home)

    assert checked.returncode == 0, checked.stdout


def test_a_day_of_break_downs_ends_like_a_quiet_one(
    quiet_day: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    home = tmp_path / "hub"

    report = _day(home, "--chaos", "worker,web,valkey,postgres")

    _, quiet = quiet_day
    told = ("received", *BUCKETS, "routed", "lost", "duplicated", "by_person")
    assert {name: report[name] for name in told} == {name: quiet[name] for name in told}
    checked = _run("integrity", "--home", home)
    assert checked.returncode == 0, checked.stdout


def test_unknown_victims_are_named(tmp_path: Path) -> None:
    done = _run("day", "--seed", "1", "--date", "2026-12-27", "--chaos", "moon", "--json")

    assert done.returncode == 2
    assert "moon: allowed are worker, web, valkey, postgres" in done.stderr
