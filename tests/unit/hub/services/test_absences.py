"""Absences after they were told: ended early, changed, called off; leave asked for and decided."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from hub import clock
from hub.domain import rota as rules
from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.models.absence import Absence
from hub.queries import rota as rota_query
from hub.services import absences, assignments, notices, rota, tasks
from hub.transaction import transaction
from tests.factories.task import visit
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.duty_roster import ASHA, GARETH, LUCY, Staff, at

MONDAY = date(2026, 12, 28)
HUB = hub_actor("test")


@pytest.fixture(autouse=True)
def time(app: Flask, tmp_path: Path) -> Clockwork:
    return Clockwork(tmp_path)


def away(staff: Staff, who: str = ASHA, reason: str = "sickness", **hours: Any) -> Absence:
    now = clock.now()
    said = {"starts_at": now, "ends_at": now + timedelta(days=3)} | hours
    with transaction():
        return rota.report_absence(
            staff(who.removeprefix("Practitioner/")), who, reason=reason, **said
        )


def is_away(who: str, instant: Any = None) -> bool:
    instant = instant or clock.now()
    return rules.absence_at(rota.around(instant, instant), who, instant) is not None


def test_who_is_back_early_is_back_and_what_was_known_stays_known(
    definition: HubDefinition, staff: Staff, time: Clockwork
) -> None:
    absence = away(staff)
    told_at = clock.now()
    time.advance(days=1)
    with transaction():
        absences.end(staff("asha-nurse"), absence.id)

    later = clock.now() + timedelta(hours=1)
    assert not is_away(ASHA, later)
    assert [a.staff for a in rota_query.as_known(later, told_at).absences] == [ASHA]
    assert rota_query.as_known(later, clock.now()).absences == ()
    with pytest.raises(StateError, match="has ended"), transaction():
        absences.end(staff("asha-nurse"), absence.id)


def test_back_to_work_ends_every_absence_that_runs(
    definition: HubDefinition, staff: Staff, time: Clockwork
) -> None:
    away(staff, reason="leave", starts_at=clock.now() - timedelta(days=1))
    away(staff, reason="sickness", ends_at=None)
    time.advance(hours=2)
    with transaction():
        assert len(absences.back_to_work(staff("asha-nurse"), ASHA)) == 2
    assert not is_away(ASHA)
    with pytest.raises(StateError, match="Asha Patel is not away"), transaction():
        absences.back_to_work(staff("asha-nurse"), ASHA)


def test_the_same_absence_reported_twice_is_one(definition: HubDefinition, staff: Staff) -> None:
    assert away(staff).id == away(staff).id
    assert away(staff).id != away(staff, reason="training").id


def test_an_absence_that_was_called_off_moves_nothing(
    definition: HubDefinition, person: Callable[..., Any], staff: Staff, time: Clockwork
) -> None:
    task = visit(person().reference)
    with transaction():
        tasks.assign(HUB, task.id, to=LUCY, because="a test")
    absence = away(staff, LUCY, starts_at=clock.now() + timedelta(hours=1))
    with transaction():
        absences.cancel(staff("asha-nurse"), absence.id)
    time.advance(hours=1)
    assert rota.absence(absence.id) is None
    spell = assignments.current(task.id)
    assert spell is not None
    assert spell.owner == LUCY


def test_an_absence_moved_to_later_moves_no_work_until_then(
    definition: HubDefinition, person: Callable[..., Any], staff: Staff, time: Clockwork
) -> None:
    task = visit(person().reference)
    with transaction():
        tasks.assign(HUB, task.id, to=LUCY, because="a test")
    soon = clock.now() + timedelta(hours=1)
    absence = away(staff, LUCY, starts_at=soon)
    with transaction():
        absences.change(
            staff("lucy-hart"),
            absence.id,
            starts_at=soon + timedelta(hours=1),
            ends_at=None,
            reason="sickness",
        )
    time.advance(hours=1)
    with transaction():
        assert rota.rehome(absence) == 0
    time.advance(hours=1)
    with transaction():
        assert rota.rehome(absence) == 1


def test_a_lead_reports_the_absence_of_their_own_team_only(
    definition: HubDefinition, staff: Staff
) -> None:
    now = clock.now()
    for who, allowed in ((GARETH, True), ("Practitioner/bernard-nurse", False)):
        try:
            with transaction():
                rota.report_absence(
                    staff("asha-nurse"), who, starts_at=now, ends_at=None, reason="sickness"
                )
            assert allowed
        except NotPermittedError:
            assert not allowed


def test_leave_is_asked_for_granted_and_then_an_absence(
    definition: HubDefinition, staff: Staff
) -> None:
    with transaction():
        asked = absences.request_leave(
            staff("gareth-price"), starts_at=at(MONDAY, 0), ends_at=at(MONDAY, 23)
        )
    assert not is_away(GARETH, at(MONDAY, 12))
    assert [n.line for n in notices.unseen(staff("asha-nurse"))] == ["Gareth Price asks for leave."]
    with pytest.raises(NotPermittedError), transaction():
        absences.decide_leave(staff("gareth-price"), asked.id, grant=True)
    with transaction():
        absences.decide_leave(staff("asha-nurse"), asked.id, grant=True)
    assert is_away(GARETH, at(MONDAY, 12))
    with pytest.raises(StateError, match="granted already"), transaction():
        absences.decide_leave(staff("asha-nurse"), asked.id, grant=False, answer="too late")


def test_leave_is_declined_with_words_only(definition: HubDefinition, staff: Staff) -> None:
    with transaction():
        asked = absences.request_leave(
            staff("gareth-price"), starts_at=at(MONDAY, 0), ends_at=at(MONDAY, 23)
        )
    with pytest.raises(RuleError, match="say why"), transaction():
        absences.decide_leave(staff("asha-nurse"), asked.id, grant=False)
    with transaction():
        absences.decide_leave(staff("asha-nurse"), asked.id, grant=False, answer="nobody is left")
    assert notices.unseen(staff("gareth-price"))[0].line == "Your leave is declined: nobody is left"
    assert not is_away(GARETH, at(MONDAY, 12))


def test_a_lead_does_not_grant_their_own_leave(definition: HubDefinition, staff: Staff) -> None:
    with transaction():
        asked = absences.request_leave(
            staff("asha-nurse"), starts_at=at(MONDAY, 0), ends_at=at(MONDAY, 23)
        )
    with pytest.raises(NotPermittedError), transaction():
        absences.decide_leave(staff("asha-nurse"), asked.id, grant=True)
    with transaction():
        absences.decide_leave(staff("dana-duty"), asked.id, grant=True)
