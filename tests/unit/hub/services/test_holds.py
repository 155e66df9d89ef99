"""Work put aside: reminded at its review, and work again when nobody looks."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.models.notice import Notice
from hub.records import Record
from hub.records.tables import OUTBOX
from hub.services import clocks, holds, tasks
from hub.transaction import transaction
from tests.factories.task import visit
from tests.unit.hub.services.clockwork import Clockwork

Staff = Callable[[str], Actor]
HUB = hub_actor("test")
GARETH = "Practitioner/gareth-price"


@pytest.fixture(autouse=True)
def time(clockwork: Clockwork) -> Clockwork:
    return clockwork


@pytest.fixture
def held(person: Callable[..., object], staff: Staff) -> Record:
    """Routine work that waits until tomorrow; its clock stands. Version 3."""
    gareth = staff("gareth-price")
    patient = person().reference  # type: ignore[attr-defined]
    task = visit(patient, owner=GARETH, clock="community-routine", priority="routine")
    with transaction():
        tasks.accept(gareth, task.id, version=1)
        return tasks.hold(
            gareth,
            task.id,
            version=2,
            reason="in-hospital",
            review_at=clock.now() + timedelta(days=1),
        )


def told(practitioner: str) -> list[str]:
    query = select(Notice.line).where(Notice.recipient == practitioner).order_by(Notice.id)
    return list(db.session.execute(query).scalars())


def remind(task_id: str, version: int = 3) -> bool:
    with transaction():
        return holds.remind(records.lock(HUB, "Task", task_id), version)


def release(task_id: str, version: int = 3) -> Record | None:
    with transaction():
        return holds.release(records.lock(HUB, "Task", task_id), version)


def test_a_hold_that_nobody_looks_at_is_work_again(held: Record, time: Clockwork) -> None:
    time.advance(days=1)
    assert remind(held.id)
    assert told(GARETH) == ["Look again at work on hold: intervention"]
    query = select(OUTBOX.c.due_at).where(OUTBOX.c.event == "TaskHoldOverdue")
    assert db.session.execute(query).scalars().all() == [clock.now() + timedelta(days=1)]

    time.advance(days=1)
    released = release(held.id)

    assert released is not None
    assert (released["status"], released["owner"]["reference"]) == ("requested", GARETH)
    running = clocks.running(held.id)
    assert running is not None
    assert running.next_step_at is not None
    assert told(GARETH)[-1].startswith("Carehub holds ended the hold")
    # The lead of the team hears of it.
    assert told("Practitioner/asha-nurse") == ["Nobody looked at work on hold: intervention"]
    assert release(held.id) is None


def test_a_reminder_is_not_lost_when_only_words_change(held: Record, staff: Staff) -> None:
    with transaction():
        tasks.advance(staff("gareth-price"), held.id, version=3, step="assessed")

    assert remind(held.id)


def test_what_was_taken_up_again_is_neither_reminded_of_nor_released(
    held: Record, staff: Staff
) -> None:
    gareth = staff("gareth-price")
    with transaction():
        tasks.resume(gareth, held.id, version=3)

    assert not remind(held.id)
    assert release(held.id) is None

    with transaction():
        tasks.hold(
            gareth,
            held.id,
            version=4,
            reason="in-hospital",
            review_at=clock.now() + timedelta(days=3),
        )
    # A second hold is another one, with a review of its own.
    assert not remind(held.id)
    assert release(held.id) is None
    assert remind(held.id, 5)
