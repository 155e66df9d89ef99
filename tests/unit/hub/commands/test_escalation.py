"""`carehub escalation dry-run`: what is printed, and that nothing is written."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import func, select

from hub import clock
from hub.cli import cli
from hub.db import db
from hub.domain.actor import hub_actor
from hub.models.escalation import EscalationStep
from hub.services import escalations
from hub.settings import Settings
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.factories.task import visit
from tests.sample_hub import load_hub

LOUD = """
escalation_policies:
  - code: standard
    steps:
      - {code: early, percent: 10, notify: [owner], repeat: {minutes: 20, times: 2}}
      - {code: breach, percent: 100, notify: [duty-manager], reroute: true}
"""

DryRun = Callable[..., Result]


@pytest.fixture
def dry_run(
    app: Flask, hub_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> DryRun:
    """Run the command on a hub with one visit of Asha's that started 70 minutes ago."""
    for name, value in {
        "CAREHUB_HOME": str(tmp_path / "home"),
        "DATABASE_URL": hub_settings.database_url,
        "REDIS_URL": hub_settings.redis_url,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("hub.supervisor.schema.migrated", lambda _url: True)
    with transaction():
        load_hub()
        person = patient(nhs_number="9990000018").reference
    visit(
        person,
        owner="Practitioner/asha-nurse",
        clock_from=clock.now() - timedelta(minutes=70),
    )
    for clock_id in escalations.due_clocks():
        with transaction():
            escalations.escalate(hub_actor("escalation"), clock_id)
    db.session.rollback()

    def run(policy: str, *options: str) -> Result:
        file = tmp_path / "candidate.yaml"
        file.write_text(policy)
        return CliRunner().invoke(cli, ["escalation", "dry-run", "--policy", str(file), *options])

    return run


def test_it_prints_what_happened_what_is_in_force_and_what_the_candidate_means(
    dry_run: DryRun,
) -> None:
    done = dry_run(LOUD)

    assert done.exit_code == 0, done.output
    assert "1 clocks" in done.output
    assert "changed policies: standard" in done.output
    told = next(line for line in done.output.splitlines() if line.startswith("told"))
    # At 70 minutes: half time happened; the candidate spoke at 12, 32 and 52.
    assert told.split() == ["told", "1", "1", "3"]
    assert "+ " in done.output
    assert "Asha Patel: early (repeat 2) of Task/" in done.output


def test_json_has_every_line_and_nothing_is_written(dry_run: DryRun) -> None:
    said = json.loads(dry_run(LOUD, "--days", "7", "--json").output)

    assert said["changed"] == ["standard"]
    assert said["candidate"]["by_person"] == {"Practitioner/asha-nurse": 3}
    assert [ring["step"] for ring in said["rings"]] == ["early"] * 3
    assert {(each["step"], each["added"]) for each in said["changes"]} == {
        ("early", True),
        ("half-time", False),
    }
    assert db.session.scalar(select(func.count()).select_from(EscalationStep)) == 1


def test_a_file_that_is_no_policy_is_refused_in_a_sentence(dry_run: DryRun) -> None:
    done = dry_run("escalation_policies: [{code: x}]")

    assert done.exit_code == 1
    assert "escalation_policies[0].steps" in done.output
    assert "Traceback" not in done.output
