"""Stuck work is found with its signs, its lead hears once, and moving work is closed again."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from hub import clock
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.models.notice import Notice
from hub.services import stuck, tasks
from hub.transaction import transaction
from tests.factories.task import visit
from tests.unit.hub.services.clockwork import Clockwork

HUB = hub_actor("routing")
Staff = Callable[[str], Actor]


@pytest.fixture(autouse=True)
def time(clockwork: Clockwork, definition: object) -> Clockwork:
    return clockwork


@pytest.fixture
def patient(person: Callable[..., Any]) -> str:
    return str(person().reference)


def found() -> list[tuple[str, str]]:
    with transaction():
        return sorted((row.task_id, row.sign) for row in stuck.look())


def told() -> list[str]:
    return list(db.session.scalars(select(Notice.recipient).where(Notice.kind == "TaskStuck")))


def test_urgent_work_that_nobody_accepts_is_told_to_the_lead_once(
    patient: str, definition: Any, time: Clockwork
) -> None:
    task = visit(patient, owner="Practitioner/asha-nurse")
    assert found() == []
    time.advance(minutes=16)

    assert found() == [(task.id, "silent")]
    assert found() == []
    lead = f"Practitioner/{definition.teams['district-nursing-west'].lead}"
    assert told() == [lead]


def test_it_is_closed_when_it_moves_and_found_again_when_it_rests_again(
    patient: str, staff: Staff, time: Clockwork
) -> None:
    task = visit(patient, owner="Practitioner/asha-nurse")
    time.advance(minutes=16)
    found()
    with transaction():
        tasks.accept(staff("asha-nurse"), task.id, version=1)

    assert found() == []
    assert stuck.signs_of(task.id) == []
    time.advance(minutes=61)
    assert found() == [(task.id, "zombie")]


def test_a_third_person_makes_a_ping_pong(patient: str, time: Clockwork) -> None:
    task = visit(patient)
    for version, who in enumerate(("asha-nurse", "gareth-price", "asha-nurse"), 1):
        with transaction():
            tasks.assign(HUB, task.id, to=f"Practitioner/{who}", because="a test", version=version)
        time.advance(minutes=1)

    assert found() == [(task.id, "circular")]
    with transaction():
        tasks.assign(HUB, task.id, to="Practitioner/sunita-rao", because="a test", version=4)
    assert found() == [(task.id, "ping-pong")]


def test_a_lead_sees_the_work_of_the_team_and_a_manager_all(
    patient: str, staff: Staff, definition: Any, time: Clockwork
) -> None:
    task = visit(patient, owner="Practitioner/asha-nurse")
    time.advance(minutes=16)
    found()
    lead = staff(definition.teams["district-nursing-west"].lead)

    assert [each.task_id for each in stuck.open_of(lead)] == [task.id]
    assert [each.task_id for each in stuck.open_of(staff("dana-duty"))] == [task.id]
    assert stuck.teams_led(staff("sam-spor")) in ([], ["CareTeam/spor"])
    assert clock.now() > stuck.open_of(lead)[0].since
