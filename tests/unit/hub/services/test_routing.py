"""Routing with the sample hub's people and rota on a Sunday between bank holidays."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from hub import clock
from hub.db import db
from hub.domain import routing as rules
from hub.domain.actor import Actor, hub_actor
from hub.domain.definition import HubDefinition
from hub.domain.errors import NotPermittedError, RuleError
from hub.models.decision import RoutingDecision
from hub.records import Record
from hub.records.tables import OUTBOX
from hub.services import assignments, escalations, notices, rota, routing, task_content, tasks
from hub.transaction import transaction
from tests.factories.task import visit
from tests.unit.hub.services.clockwork import Clockwork

SPOR = hub_actor("spor")
ROUTING = hub_actor("routing")
WEST = "CareTeam/district-nursing-west"
Staff = Callable[[str], Actor]


@pytest.fixture(autouse=True)
def time(app: Flask, tmp_path: Path) -> Clockwork:
    return Clockwork(tmp_path)


@pytest.fixture
def patient(person: Callable[..., Any]) -> str:
    return str(person().reference)


def route(task: Record, **more: Any) -> RoutingDecision:
    with transaction():
        decision = routing.route(ROUTING, task.id, **more)
    assert decision is not None
    return decision


def on_shift(team: str) -> set[str]:
    now = clock.now()
    return {
        shift.staff
        for shift in rota.around(now, now).shifts
        if shift.team == team and shift.starts_at <= now < shift.ends_at
    }


def test_work_of_a_sunday_goes_to_somebody_on_shift_with_the_reason(
    definition: HubDefinition, patient: str
) -> None:
    task = visit(patient)
    decision = route(task)

    assert decision.owner in on_shift(WEST)
    assert decision.sentence.startswith("Routed to ")
    assert "on shift until" in decision.sentence
    spell = assignments.current(task.id)
    assert spell is not None
    assert (spell.owner, spell.team) == (decision.owner, WEST)
    found = routing.decision_of(task.id)
    assert found is not None
    recalled = routing.recall(found)
    assert recalled is not None
    assert recalled.owner == decision.owner
    assert rules.explain(recalled) == decision.sentence


def test_who_saw_the_person_last_sees_them_again(
    definition: HubDefinition, patient: str, staff: Staff, time: Clockwork
) -> None:
    # Noon to half past three: the early and the late of the team are both there.
    time.advance(hours=3)
    working = sorted(on_shift(WEST))
    assert len(working) > 1
    # Whoever would get it without a history is not the one who has seen the person.
    usual = route(visit(patient)).owner
    other = next(who for who in working if who != usual)
    task = visit(patient)
    with transaction():
        tasks.assign(ROUTING, task.id, to=other, because="a test")
        tasks.complete(staff(other.removeprefix("Practitioner/")), task.id, version=2, outcome="ok")
    decision = route(visit(patient))

    assert decision.owner == other
    assert "saw this person on 27 December" in decision.sentence


def test_who_declined_does_not_get_it_back(
    definition: HubDefinition, patient: str, staff: Staff
) -> None:
    task = visit(patient)
    first = route(task).owner
    with transaction():
        tasks.decline(
            staff(first.removeprefix("Practitioner/")), task.id, version=2, reason="too-far"
        )
    second = route(task, cause="declined", displaced=first)

    assert second.owner != first
    assert "gave this task back" in routing.why_not(task.id, first)


def test_when_nobody_fits_a_desk_has_it_and_it_is_looked_at_again(
    definition: HubDefinition, patient: str
) -> None:
    task = visit(patient, roles=["audiologist"])
    decision = route(task)

    assert decision.owner == "CareTeam/duty-desk"
    spell = assignments.current(task.id)
    assert spell is not None
    assert (spell.owner, spell.team) == ("CareTeam/duty-desk", WEST)
    again = db.session.execute(
        select(OUTBOX.c.due_at).where(OUTBOX.c.event == "TaskAwaitsRouting")
    ).scalar_one()
    assert again > clock.now()


def test_a_task_that_somebody_claimed_meanwhile_is_left_alone(
    definition: HubDefinition, patient: str, staff: Staff
) -> None:
    task = visit(patient)
    with transaction():
        tasks.claim(staff("lucy-hart"), task.id, version=1)
        assert routing.route(ROUTING, task.id) is None
    assert routing.decision_of(task.id) is None


def test_an_absence_moves_forty_open_tasks_at_once(
    definition: HubDefinition, person: Callable[..., Any], staff: Staff
) -> None:
    working = sorted(on_shift(WEST))
    patient = person().reference
    opened = [visit(patient, minutes=5) for _ in range(40)]
    with transaction():
        for task in opened:
            tasks.assign(ROUTING, task.id, to=working[0], because="a test")

    started = datetime.now(UTC)
    with transaction():
        absence = rota.report_absence(
            staff(working[0].removeprefix("Practitioner/")),
            working[0],
            starts_at=clock.now(),
            ends_at=clock.now() + timedelta(days=2),
            reason="sickness",
        )
    took = datetime.now(UTC) - started

    assert absence.moved == 40
    owners = {spell.owner for task in opened if (spell := assignments.current(task.id))}
    assert working[0] not in owners
    assert len([task for task in opened if assignments.current(task.id)]) == 40
    # One second on an idle machine: this leaves room for a busy one.
    assert took < timedelta(seconds=8)


def test_an_absence_that_lies_ahead_moves_the_work_when_it_begins(
    definition: HubDefinition, patient: str, staff: Staff, time: Clockwork
) -> None:
    working = sorted(on_shift(WEST))
    task = visit(patient)
    with transaction():
        tasks.assign(ROUTING, task.id, to=working[0], because="a test")
        absence = rota.report_absence(
            staff(working[0].removeprefix("Practitioner/")),
            working[0],
            starts_at=clock.now() + timedelta(hours=1),
            ends_at=None,
            reason="leave",
        )
    assert absence.moved == 0
    time.advance(hours=1)
    with transaction():
        found = rota.absence(absence.id)
        assert found is not None
        assert rota.rehome(found) == 1

    spell = assignments.current(task.id)
    assert spell is not None
    assert spell.owner != working[0]


def test_only_the_person_or_a_manager_reports_an_absence(
    definition: HubDefinition, staff: Staff
) -> None:
    now = clock.now()
    with transaction(), pytest.raises(NotPermittedError):
        rota.report_absence(
            staff("gareth-price"),
            "Practitioner/asha-nurse",
            starts_at=now,
            ends_at=None,
            reason="sickness",
        )
    with transaction(), pytest.raises(RuleError, match="reason"):
        rota.report_absence(
            staff("morgan-manager"),
            "Practitioner/asha-nurse",
            starts_at=now,
            ends_at=None,
            reason="tired",
        )


def test_nobody_is_planned_twice_at_once(definition: HubDefinition) -> None:
    today = clock.now().date()
    with transaction():
        # The set-up has planned these days already.
        assert rota.plan_shifts(today, today + timedelta(days=3)) == 0


def test_a_decision_takes_a_handful_of_queries(definition: HubDefinition, patient: str) -> None:
    task = visit(patient)
    statements: list[str] = []

    def count(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        route(task)
    finally:
        event.remove(db.engine, "before_cursor_execute", count)
    assert len(statements) <= 24, "\n".join(statements)


def test_every_step_of_a_clock_is_taken_once_and_breach_gives_it_to_another(
    definition: HubDefinition, patient: str, time: Clockwork
) -> None:
    escalation = hub_actor("escalation")
    task = visit(patient)
    owner = route(task).owner
    for minutes, code, told in (
        (60, "half-time", [owner]),
        # The lead is off shift: somebody of the team who is at work hears too.
        (30, "three-quarters", ["Practitioner/asha-nurse", "Practitioner/lucy-hart"]),
        # The manager named for the team is off shift: the duty manager at work hears.
        (30, "breach", ["Practitioner/farah-aziz"]),
    ):
        assert escalations.due_clocks() == []
        time.advance(minutes=minutes)
        (due,) = escalations.due_clocks()
        with transaction():
            taken = escalations.escalate(escalation, due)
        assert taken is not None
        assert (taken.action, taken.told) == (code, told)
        with transaction():
            assert escalations.escalate(escalation, due) is None

    spell = assignments.current(task.id)
    assert spell is not None
    assert spell.owner != owner
    assert [step.step for step in escalations.steps_of(task.id)] == [0, 1, 2]


def test_a_clock_of_finished_work_never_escalates(
    definition: HubDefinition, patient: str, staff: Staff, time: Clockwork
) -> None:
    task = visit(patient, owner="Practitioner/asha-nurse")
    with transaction():
        tasks.complete(staff("asha-nurse"), task.id, version=1, outcome="seen")
    time.advance(hours=3)

    assert escalations.due_clocks() == []
    assert [n.kind for n in notices.unseen(staff("dana-duty"))] == []
    assert not task_content.is_open(task.resource | {"status": "completed"})
