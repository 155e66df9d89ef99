"""A candidate tried on the hub's own clocks, and put in force."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from hub import clock
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.domain.definition import HubDefinition
from hub.models.escalation import EscalationStep
from hub.models.notice import Notice
from hub.samples import load_hub
from hub.services import clocks, definitions, escalation_trials
from hub.services.definitions import DefinitionError
from hub.transaction import transaction
from tests.factories.task import visit
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.test_escalations import acknowledge, sweep

LOUD = """
escalation_policies:
  - code: standard
    steps:
      - {code: half-time, percent: 50, notify: [owner, team-lead], repeat: {minutes: 20, times: 2}}
      - {code: breach, percent: 100, notify: [duty-manager], reroute: true}
"""
ASHA = "Practitioner/asha-nurse"
Staff = Callable[[str], Actor]


@pytest.fixture
def patient(clockwork: Clockwork, person: Callable[..., Any]) -> str:
    return str(person().reference)


def test_a_candidate_is_compared_with_what_is_in_force_and_with_what_happened(
    patient: str, clockwork: Clockwork
) -> None:
    visit(patient, owner=ASHA)
    for _ in range(4):
        clockwork.advance(minutes=30)
        sweep()
    notices = db.session.scalar(select(func.count()).select_from(Notice))

    trial = escalation_trials.dry_run(escalation_trials.read(LOUD), days=28)

    assert (trial.clocks, trial.changed) == (1, ("standard",))
    # The same policy played from the facts says what the hub did.
    assert trial.current.by_person == trial.happened.by_person
    assert trial.candidate.by_person[ASHA] == 3
    gone = {(each.step, each.added) for each in trial.changes}
    assert ("three-quarters", False) in gone
    assert ("half-time", True) in gone
    assert all(each.at <= trial.until for each in trial.changes)
    # Nothing was written and nobody was told.
    assert db.session.scalar(select(func.count()).select_from(Notice)) == notices
    assert db.session.scalar(select(func.count()).select_from(EscalationStep)) == 3


def test_an_acknowledgement_of_then_quietens_the_candidate(
    patient: str, clockwork: Clockwork, staff: Staff
) -> None:
    task = visit(patient, owner=ASHA)
    clockwork.advance(minutes=60)
    sweep()
    acknowledge(staff("asha-nurse"), task.id)
    clockwork.advance(minutes=60)
    sweep()

    trial = escalation_trials.dry_run(escalation_trials.read(LOUD))

    assert [ring.repeat for ring in trial.rings if ring.step == "half-time"] == [0]


def test_what_ran_before_the_days_looked_at_is_left_out(patient: str, clockwork: Clockwork) -> None:
    visit(patient, owner=ASHA)
    clockwork.advance(hours=3)
    sweep()
    clockwork.advance(days=3)

    trial = escalation_trials.dry_run(escalation_trials.read(LOUD), days=1)

    assert (trial.current.told, trial.happened.told) == (0, 0)


def test_a_candidate_put_in_force_counts_for_new_work_only(
    patient: str, clockwork: Clockwork, staff: Staff
) -> None:
    before = visit(patient, owner=ASHA)
    with transaction():
        escalation_trials.activate(staff("morgan-manager"), LOUD)
    after = visit(patient, owner=ASHA)

    policies = []
    for task in (before, after):
        running = clocks.running(task.id)
        assert running is not None
        policies.append([step.code for step in clocks.policy_of(running).steps])
    assert policies == [["half-time", "three-quarters", "breach"], ["half-time", "breach"]]
    # What the candidate did not name is as it was.
    assert {"crisis", "quiet", "standard", "triage"} == set(
        definitions.current().escalation_policies
    )


def test_a_restart_does_not_undo_what_a_manager_put_in_force(
    definition: HubDefinition, staff: Staff
) -> None:
    with transaction():
        made = escalation_trials.activate(staff("morgan-manager"), LOUD)
    with transaction():
        load_hub(hub_actor("set-up"))

    assert made.active
    assert len(definitions.current().escalation_policies["standard"].steps) == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "cannot be read"),
        ("a: 1", "is a list of policies"),
        ("[]", "is a list of policies"),
        ("- {code: x, steps: []}", "[0].steps"),
        ("- {code: x, steps: [{code: a, percent: 100, notify: [boss]}]}", "notify"),
        (
            "- {code: x, steps: [{code: a, percent: 100, notify: [], when: {from: '08:00'}}]}",
            "hours have a start and an end",
        ),
        ("- {code: x, steps: [{code: a, percent: 100, notify: [], loud: 1}]}", "loud"),
        (
            "- {code: x, steps: [{code: a, percent: 100, repeat: {minutes: 0, times: 1}}]}",
            "minutes",
        ),
        (
            "- {code: x, steps: [{code: a, percent: 100, notify: [], when: {weekend: true}}]}",
            "taken at any time",
        ),
    ],
)
def test_a_candidate_that_is_wrong_says_where(text: str, problem: str) -> None:
    with pytest.raises(DefinitionError) as refusal:
        escalation_trials.read(text)

    assert problem in str(refusal.value)


def test_the_days_looked_at_end_now(patient: str) -> None:
    trial = escalation_trials.dry_run({}, days=7)

    assert trial.until == clock.now()
    assert (trial.until - trial.since).days == 7
    assert trial.changes == ()
