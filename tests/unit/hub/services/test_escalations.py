"""Steps taken from a running clock: who hears, how often, what an acknowledgement stops."""

from collections.abc import Callable
from datetime import time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from fhir.outcomes import ForbiddenError, NotFoundError
from hub import clock, records
from hub.db import db
from hub.domain import escalation
from hub.domain.actor import Actor, hub_actor
from hub.domain.definition import HubDefinition
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.escalation import EscalationPolicy, EscalationStep, Notified, Repeat
from hub.domain.escalation_hours import Otherwise, When
from hub.models.escalation import EscalationStep as Row
from hub.models.notice import Notice
from hub.queries import integrity
from hub.services import acknowledgements, clocks, escalation_circle, escalations, tasks
from hub.transaction import transaction
from tests.factories.absence import absence
from tests.factories.deputy import deputy
from tests.factories.shift import shift
from tests.factories.task import visit
from tests.unit.hub.services.clockwork import Clockwork

ESCALATION = hub_actor("escalation")
ASHA = "Practitioner/asha-nurse"
POOL = "CareTeam/district-nursing-west"

BREACH = EscalationStep("breach", 100, (Notified.TEAM_LEAD,), reroute=True)

Staff = Callable[[str], Actor]


@pytest.fixture
def patient(clockwork: Clockwork, person: Callable[..., object]) -> str:
    return str(person().reference)  # type: ignore[attr-defined]


def work(patient: str, *steps: EscalationStep, owner: str = ASHA) -> str:
    """Open a two-hour visit that escalates by these steps; return the id of its Task."""
    task = visit(patient, owner=owner)
    with transaction():
        running = clocks.running(task.id, locked=True)
        assert running is not None
        policy = EscalationPolicy("for-test", steps)
        running.policy = {**running.policy, "escalation": escalation.freeze(policy)}
        clocks.reschedule(running)
    return task.id


def sweep() -> list[Row]:
    """Take everything that is due now."""
    taken = []
    while due := escalations.due_clocks():
        for clock_id in due:
            with transaction():
                row = escalations.escalate(ESCALATION, clock_id)
            assert row is not None
            taken.append(row)
    return taken


def managers(row: Row, definition: HubDefinition) -> list[str]:
    """Return the duty managers among those told."""
    codes = [who.removeprefix("Practitioner/") for who in row.told]
    return [code for code in codes if definition.staff[code].role == "duty-manager"]


def acknowledge(actor: Actor, task_id: str, **said: str) -> Row:
    with transaction():
        return acknowledgements.acknowledge(actor, task_id, **said)


def invariants_hold() -> None:
    broken = [
        (result.name, result.breaches)
        for result in integrity.check({"escalation-once", "escalation-missed"})
        if not result.holds
    ]
    assert broken == []


def test_a_step_comes_again_until_it_has_come_as_often_as_it_may(
    patient: str, clockwork: Clockwork
) -> None:
    half = EscalationStep("half-time", 50, (Notified.OWNER,), repeat=Repeat(10, 2))
    task_id = work(patient, half, BREACH)
    clockwork.advance(minutes=60)
    came = [(row.action, row.repeat, row.told) for row in sweep()]
    for _ in range(2):
        assert sweep() == []
        clockwork.advance(minutes=10)
        came += [(row.action, row.repeat, row.told) for row in sweep()]
    clockwork.advance(minutes=30)

    assert sweep() == []
    assert came == [("half-time", number, [ASHA]) for number in range(3)]
    lines = db.session.scalars(
        select(Notice.line).where(Notice.kind == "TaskEscalated").order_by(Notice.id)
    ).all()
    assert len(set(lines)) == 3
    assert clocks.running(task_id) is not None
    invariants_hold()


def test_an_acknowledgement_stops_the_repeats_and_never_the_clock_or_the_breach(
    patient: str, clockwork: Clockwork, staff: Staff, definition: HubDefinition
) -> None:
    half = EscalationStep("half-time", 50, (Notified.OWNER,), repeat=Repeat(10, 5))
    task_id = work(patient, half, BREACH)
    clockwork.advance(minutes=60)
    sweep()
    due = clocks.running(task_id)
    assert due is not None
    before = due.due_at

    acknowledged = acknowledge(staff("asha-nurse"), task_id, note="On my way at two")

    assert (acknowledged.acknowledged_by, acknowledged.note) == (ASHA, "On my way at two")
    assert acknowledged.acknowledged_at == clock.now()
    running = clocks.running(task_id)
    assert running is not None
    assert (running.due_at, running.next_step_at) == (before, before)
    clockwork.advance(minutes=59)
    assert sweep() == []
    clockwork.advance(minutes=1)
    (breach,) = sweep()
    # The policy names the lead only: who trusted the acknowledgement must hear too.
    assert breach.action == "breach"
    assert len(managers(breach, definition)) == 1
    assert records.read(ESCALATION, "Task", task_id)["owner"]["reference"] != ASHA
    invariants_hold()


def test_a_breach_that_nobody_acknowledged_tells_whom_the_policy_names(
    patient: str, clockwork: Clockwork, definition: HubDefinition
) -> None:
    work(patient, EscalationStep("half-time", 50, (Notified.OWNER,)), BREACH)
    clockwork.advance(minutes=120)

    *_, breach = sweep()

    assert managers(breach, definition) == []


def test_what_came_after_the_page_was_loaded_is_not_acknowledged_with_it(
    patient: str, clockwork: Clockwork, staff: Staff
) -> None:
    late = EscalationStep("late", 75, (Notified.OWNER,), repeat=Repeat(5, 3))
    task_id = work(patient, EscalationStep("half-time", 50, (Notified.OWNER,)), late, BREACH)
    clockwork.advance(minutes=60)
    (seen,) = sweep()
    clockwork.advance(minutes=30)
    sweep()

    acknowledge(staff("asha-nurse"), task_id, step_id=seen.id)

    running = clocks.running(task_id)
    assert running is not None
    assert running.next_step_at == clock.now() + timedelta(minutes=5)


def test_who_comes_second_is_told_who_was_first(
    patient: str, clockwork: Clockwork, staff: Staff
) -> None:
    task_id = work(patient, EscalationStep("half-time", 50, (Notified.OWNER,)), BREACH)
    clockwork.advance(minutes=60)
    sweep()
    first = acknowledge(staff("asha-nurse"), task_id)

    assert acknowledge(staff("asha-nurse"), task_id).id == first.id
    with pytest.raises(StateError, match="Asha Patel has already acknowledged"):
        acknowledge(staff("dana-duty"), task_id)


def test_nothing_can_be_acknowledged_before_it_has_come(patient: str, staff: Staff) -> None:
    task_id = work(patient, BREACH)

    with pytest.raises(StateError, match="nothing has escalated yet"):
        acknowledge(staff("asha-nurse"), task_id)


def test_a_note_that_is_too_long_is_refused(
    patient: str, clockwork: Clockwork, staff: Staff
) -> None:
    task_id = work(patient, EscalationStep("half-time", 50, (Notified.OWNER,)), BREACH)
    clockwork.advance(minutes=60)
    sweep()

    with pytest.raises(RuleError) as refusal:
        acknowledge(staff("asha-nurse"), task_id, note="x" * 501)
    assert refusal.value.field == "note"


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ("asha-nurse", True),  # owner, told
        ("gareth-price", True),  # of the team
        ("dana-duty", True),  # duty manager
        ("morgan-manager", True),  # service manager
        ("olive-therapist", False),  # of another team
    ],
)
def test_who_may_acknowledge(
    patient: str, clockwork: Clockwork, staff: Staff, who: str, *, may: bool
) -> None:
    task_id = work(patient, EscalationStep("half-time", 50, (Notified.OWNER,)), BREACH)
    clockwork.advance(minutes=60)
    sweep()

    if may:
        assert acknowledge(staff(who), task_id).acknowledged_by == f"Practitioner/{who}"
    else:
        with pytest.raises((NotPermittedError, NotFoundError, ForbiddenError)):
            acknowledge(staff(who), task_id)


def test_finished_work_cannot_be_acknowledged(
    patient: str, clockwork: Clockwork, staff: Staff
) -> None:
    task_id = work(patient, EscalationStep("half-time", 50, (Notified.OWNER,)), BREACH)
    clockwork.advance(minutes=60)
    sweep()
    with transaction():
        tasks.complete(staff("asha-nurse"), task_id, version=1, outcome="seen")

    with pytest.raises(StateError, match="does not run"):
        acknowledge(staff("asha-nurse"), task_id)


def test_a_colleague_of_the_same_role_hears_for_an_owner_who_is_away(
    patient: str, clockwork: Clockwork, definition: HubDefinition
) -> None:
    with transaction():
        absence(ASHA)
    work(patient, EscalationStep("half-time", 50, (Notified.OWNER,)), BREACH)
    clockwork.advance(minutes=60)

    (taken,) = sweep()

    (deputy,) = taken.told
    member = definition.staff[deputy.removeprefix("Practitioner/")]
    assert deputy != ASHA
    assert member.role == "district-nurse"
    assert "district-nursing-west" in member.teams
    assert "the owner is away: their deputy was told" in taken.sentence


def test_the_deputy_who_was_asked_hears_before_any_other_colleague(
    patient: str, clockwork: Clockwork, definition: HubDefinition
) -> None:
    """The rule takes who is longest at work; whoever was asked to act comes first."""
    now = clock.now()
    with transaction():
        by_rule = escalation_circle.around(
            definition, owner=ASHA, team="CareTeam/district-nursing-west", at=now
        )
        asked = next(
            who
            for who in sorted(by_rule.present)
            if who not in {ASHA, *by_rule.at_work} and who.startswith("Practitioner/")
        )
        deputy(ASHA, deputy=asked, began_at=now)
    work(patient, EscalationStep("half-time", 50, (Notified.OWNER,)), BREACH)
    clockwork.advance(minutes=60)

    (taken,) = sweep()

    assert taken.told == [asked]


def test_whoever_is_on_call_hears(patient: str, clockwork: Clockwork) -> None:
    start = clock.now() + timedelta(hours=5)
    with transaction():
        shift(
            "Practitioner/morgan-manager",
            kind="on-call",
            team=POOL,
            during=Range(clock.now(), start),
        )
    work(patient, EscalationStep("half-time", 50, (Notified.ON_CALL,)), BREACH)
    clockwork.advance(minutes=60)

    (taken,) = sweep()

    assert taken.told == ["Practitioner/morgan-manager"]


def test_with_nobody_on_call_a_duty_manager_at_work_hears_and_the_record_says_so(
    patient: str, clockwork: Clockwork, definition: HubDefinition
) -> None:
    work(patient, EscalationStep("half-time", 50, (Notified.ON_CALL,)), BREACH)
    clockwork.advance(minutes=60)

    (taken,) = sweep()

    assert taken.told == [f"Practitioner/{each}" for each in managers(taken, definition)]
    assert "nobody is on call" in taken.sentence


def test_somebody_on_call_is_not_taken_for_somebody_at_work(
    patient: str, clockwork: Clockwork
) -> None:
    """At 04:00 the nurses sleep; the one on call is asked for `on-call` only."""
    clockwork.advance(hours=18)
    with transaction():
        shift(
            "Practitioner/morgan-manager",
            kind="on-call",
            team=POOL,
            during=Range(clock.now(), clock.now() + timedelta(hours=5)),
        )
    work(patient, EscalationStep("half-time", 50, (Notified.SHIFT_LEAD,)), BREACH)
    clockwork.advance(minutes=60)

    (taken,) = sweep()

    assert taken.told == ["Practitioner/morgan-manager"]
    assert "nobody of the team is at work" in taken.sentence


def test_a_step_for_other_hours_is_passed_over_and_kept(patient: str, clockwork: Clockwork) -> None:
    nights = When(starts=time(20), ends=time(8), otherwise=Otherwise.SKIP)
    night = EscalationStep("night", 50, (Notified.ON_CALL,), when=nights)
    task_id = work(patient, night, BREACH)
    clockwork.advance(minutes=60)

    (taken,) = sweep()

    assert (taken.passed, taken.told) == (True, [])
    assert "20:00 to 08:00" in taken.sentence
    clockwork.advance(minutes=60)
    sweep()
    assert [row.step for row in escalations.steps_of(task_id)] == [0, 1]
    invariants_hold()


def test_a_step_that_waits_for_the_morning_comes_then(patient: str, clockwork: Clockwork) -> None:
    clockwork.advance(hours=11)  # 21:00
    mornings = When(starts=time(8), ends=time(20))
    lead = EscalationStep("lead", 75, (Notified.TEAM_LEAD,), when=mornings)
    work(patient, lead, BREACH)
    clockwork.advance(hours=2)
    assert [row.action for row in sweep()] == ["breach"]
    clockwork.advance(hours=8, minutes=59)
    assert sweep() == []

    clockwork.advance(minutes=1)

    assert [row.action for row in sweep()] == ["lead"]
    invariants_hold()


def test_a_clock_that_stands_still_repeats_nothing(
    patient: str, clockwork: Clockwork, staff: Staff
) -> None:
    half = EscalationStep("half-time", 50, (Notified.OWNER,), repeat=Repeat(10, 5))
    task_id = work(patient, half, BREACH)
    clockwork.advance(minutes=60)
    sweep()
    with transaction():
        tasks.complete(staff("asha-nurse"), task_id, version=1, outcome="seen")
    clockwork.advance(minutes=30)

    assert escalations.due_clocks() == []
