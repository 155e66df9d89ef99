"""A lead changes the rota: with a reason, with history, and with the work of who was taken off."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from flask import Flask

from hub import clock
from hub.db import db
from hub.domain import rota as rules
from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.queries import rota as rota_query
from hub.services import assignments, rota, rota_overrides, tasks
from hub.transaction import transaction
from tests.factories.task import visit
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.duty_roster import (
    ASHA,
    BERNARD,
    GARETH,
    LUCY,
    WEST,
    Staff,
    at,
    events,
    shift_of,
    shifts_of,
)

SUNDAY, MONDAY, SATURDAY = date(2026, 12, 27), date(2026, 12, 28), date(2027, 1, 2)
LEAD = "asha-nurse"
HUB = hub_actor("test")


@pytest.fixture(autouse=True)
def time(app: Flask, tmp_path: Path) -> Clockwork:
    return Clockwork(tmp_path)


def test_a_lead_puts_somebody_on_with_reason_and_author(
    definition: HubDefinition, staff: Staff
) -> None:
    with transaction():
        made = rota_overrides.put_on(
            staff(LEAD),
            GARETH,
            team=WEST,
            starts_at=at(SATURDAY, 8),
            ends_at=at(SATURDAY, 14),
            reason="snow",
            kind="on-call",
            areas=("leigh",),
        )
    assert (made.kind, made.areas, made.reason) == ("on-call", ["leigh"], "snow")
    assert made.changed_by == staff(LEAD).id
    (found,) = (
        s for s in rota.around(at(SATURDAY, 9), at(SATURDAY, 9)).shifts if s.staff == GARETH
    )
    assert (found.kind, found.areas) == ("on-call", ("leigh",))


def test_nobody_but_the_lead_or_a_manager_changes_the_rota(
    definition: HubDefinition, staff: Staff
) -> None:
    shift = shift_of(GARETH, MONDAY)
    for who in ("gareth-price", "bernard-nurse", "jo-coordinator"):
        with pytest.raises(NotPermittedError), transaction():
            rota_overrides.take_off(staff(who), shift.id, reason="no")
    with transaction():
        rota_overrides.take_off(staff("morgan-manager"), shift.id, reason="training")
    with pytest.raises(LookupError):
        shift_of(GARETH, MONDAY)


def test_a_change_without_a_reason_is_refused(definition: HubDefinition, staff: Staff) -> None:
    with pytest.raises(RuleError, match="say why"), transaction():
        rota_overrides.take_off(staff(LEAD), shift_of(GARETH, MONDAY).id, reason="  ")


def test_what_was_taken_off_is_not_planned_again(definition: HubDefinition, staff: Staff) -> None:
    with transaction():
        rota_overrides.take_off(staff(LEAD), shift_of(GARETH, MONDAY).id, reason="training")
        assert rota.plan_shifts(MONDAY, MONDAY) == 0


def test_who_is_taken_off_loses_what_is_due_in_that_time_at_once(
    definition: HubDefinition, person: Callable[..., Any], staff: Staff
) -> None:
    urgent = visit(person().reference, priority="urgent", clock="community-urgent")
    patient = person(nhs_number="9990000026").reference
    routine = visit(patient, priority="routine", clock="community-routine")
    with transaction():
        for task in (urgent, routine):
            tasks.assign(HUB, task.id, to=LUCY, because="a test")
        rota_overrides.take_off(staff(LEAD), shift_of(LUCY, SUNDAY).id, reason="fell ill")

    moved, kept = assignments.current(urgent.id), assignments.current(routine.id)
    assert moved is not None
    assert moved.owner != LUCY
    assert kept is not None
    assert kept.owner == LUCY


def test_work_due_in_time_that_lies_ahead_moves_when_it_starts(
    definition: HubDefinition, person: Callable[..., Any], staff: Staff, time: Clockwork
) -> None:
    task = visit(person().reference, priority="urgent", clock="community-urgent")
    shift = shift_of(GARETH, MONDAY)
    with transaction():
        tasks.assign(HUB, task.id, to=GARETH, because="a test")
        rota_overrides.take_off(staff(LEAD), shift.id, reason="training")
    before = assignments.current(task.id)
    assert before is not None
    assert before.owner == GARETH
    ((subject, _),) = events("TimeLost")
    assert subject == GARETH

    time.set(at(MONDAY, 12, 30))
    starts, ends = at(MONDAY, 12, 30), at(MONDAY, 20, 30)
    with transaction():
        assert rota_overrides.rehome_lost(GARETH, starts, ends) == 1
        assert rota_overrides.rehome_lost(GARETH, starts, ends) == 0


def test_who_is_at_work_after_all_keeps_the_work(
    definition: HubDefinition, person: Callable[..., Any], staff: Staff, time: Clockwork
) -> None:
    task = visit(person().reference, priority="urgent", clock="community-urgent")
    with transaction():
        tasks.assign(HUB, task.id, to=LUCY, because="a test")
        assert rota_overrides.rehome_lost(LUCY, clock.now(), at(SUNDAY, 15, 30)) == 0


def test_replacing_somebody_keeps_the_shift_and_its_history(
    definition: HubDefinition, staff: Staff, time: Clockwork
) -> None:
    shift = shift_of(GARETH, MONDAY)
    planned = clock.now()
    time.advance(hours=1)
    with transaction():
        rota_overrides.take_off(staff(LEAD), shift_of(ASHA, MONDAY).id, reason="made free")
        rota_overrides.replace(staff(LEAD), shift.id, by=ASHA, reason="Gareth has a course")
    noon = at(MONDAY, 13)

    def on(known_at: Any) -> set[str]:
        return {
            each.staff for each in rota_query.as_known(noon, known_at).shifts if each.team == WEST
        }

    assert shift_of(ASHA, MONDAY).id == shift.id
    assert on(planned) == {ASHA, GARETH, LUCY}
    assert on(clock.now()) == {ASHA, LUCY}
    (was,) = rota_query.history(shift.id)
    assert (was.practitioner, was.cause, was.reason) == (GARETH, "replaced", "Gareth has a course")
    assert was.ended_by == staff(LEAD).id


def test_a_shift_is_not_given_to_another_role_or_to_somebody_at_work(
    definition: HubDefinition, staff: Staff
) -> None:
    shift = shift_of(GARETH, MONDAY)
    with pytest.raises(RuleError, match="the shift needs District nurse"), transaction():
        rota_overrides.replace(
            staff(LEAD), shift.id, by="Practitioner/olive-therapist", reason="gap"
        )
    with pytest.raises(RuleError, match="Asha Patel works another shift"), transaction():
        rota_overrides.replace(staff(LEAD), shift.id, by=ASHA, reason="gap")
    with pytest.raises(RuleError, match="is not one of the hub's staff"), transaction():
        rota_overrides.replace(staff(LEAD), shift.id, by="Practitioner/nobody", reason="gap")


def test_a_shift_is_extended_but_not_into_another_one(
    definition: HubDefinition, staff: Staff
) -> None:
    shift = shift_of(LUCY, SUNDAY)
    with transaction():
        rota_overrides.move(
            staff(LEAD),
            shift.id,
            starts_at=at(SUNDAY, 7, 30),
            ends_at=at(SUNDAY, 18),
            reason="late visits",
        )
    assert (shift.cause, shift.during.upper) == ("extended", at(SUNDAY, 18))
    with pytest.raises(RuleError, match="works another shift"), transaction():
        rota_overrides.move(
            staff(LEAD),
            shift.id,
            starts_at=at(SUNDAY, 7, 30),
            ends_at=at(MONDAY, 7, 31),
            reason="too far",
        )


def test_what_was_worked_stays(definition: HubDefinition, staff: Staff, time: Clockwork) -> None:
    shift = shift_of(LUCY, SUNDAY)
    time.set(at(SUNDAY, 15, 30))
    with pytest.raises(StateError, match="over"), transaction():
        rota_overrides.take_off(staff(LEAD), shift.id, reason="rewriting history")


def test_two_who_plan_at_once_cannot_put_one_person_in_two_places(
    app: Flask, definition: HubDefinition, staff: Staff
) -> None:
    """Both have looked before either writes: only the exclusion constraint can tell."""
    lead, both_looked = staff(LEAD), Barrier(2)
    outcomes: list[str] = []

    def put(hour: int) -> None:
        with app.app_context():
            try:
                with transaction():
                    db.session.connection()
                    both_looked.wait(20)
                    rota_overrides.put_on(
                        lead,
                        BERNARD,
                        team=WEST,
                        starts_at=at(date(2027, 3, 30), hour),
                        ends_at=at(date(2027, 3, 30), hour + 6),
                        reason="two planners",
                    )
                outcomes.append("on")
            except RuleError as refusal:
                outcomes.append(refusal.text)

    threads = [Thread(target=put, args=(hour,)) for hour in (8, 11)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert outcomes.count("on") == 1
    found = [s for s in shifts_of(BERNARD) if s.reason == "two planners"]
    assert len(found) == 1
    assert rules.overlapping(rota.around(at(SUNDAY, 0), at(date(2027, 4, 1), 0)).shifts) == ()


def test_every_change_names_the_team_and_the_time(definition: HubDefinition, staff: Staff) -> None:
    before = len(events("RotaChanged"))
    with transaction():
        rota.report_absence(
            staff(LEAD), ASHA, starts_at=at(MONDAY, 8), ends_at=None, reason="sickness"
        )
        rota_overrides.take_off(staff(LEAD), shift_of(GARETH, MONDAY).id, reason="closed")
    absence, taken_off = events("RotaChanged")[before:]
    assert absence[0] == taken_off[0] == WEST
    assert absence[1]["people"] == [ASHA]
    assert taken_off[1]["from"] == "2026-12-28T12:30:00+00:00"
    assert taken_off[1]["to"] == "2026-12-28T20:30:00+00:00"
