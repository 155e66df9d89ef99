"""Clocks as services keep them: the log is the truth, the row and the pages say the same."""

from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from sqlalchemy import delete, select, text

from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.clock_log import ClockState
from hub.domain.clock_spans import Cause
from hub.models.clock_event import ClockEvent
from hub.queries import integrity
from hub.records import Record
from hub.services import clock_histories, clocks, tasks
from hub.transaction import transaction
from tests.factories.task import visit
from tests.unit.hub.services.clockwork import Clockwork

migration = import_module("migrations.versions.0008_clock_events")
Staff = Callable[[str], Actor]
LOST = RuntimeError("the process dies here")


@pytest.fixture
def asha(staff: Staff) -> Actor:
    return staff("asha-nurse")


@pytest.fixture
def work(clockwork: Clockwork, person: Callable[..., Any]) -> Record:
    patient = person().reference
    # A second task keeps the person visible to the nurse after the first is done.
    _, made = [
        visit(
            patient, owner="Practitioner/asha-nurse", clock="community-routine", priority="routine"
        )
        for _ in range(2)
    ]
    return made


def hold(asha: Actor, work: Record, reason: str) -> None:
    with transaction():
        version = tasks.accept(asha, work.id, version=1).version
        review = clock.now() + timedelta(days=9)
        tasks.hold(asha, work.id, version=version, reason=reason, review_at=review)


def log(work: Record) -> list[tuple[str, str | None, str | None, int | None]]:
    rows = db.session.execute(
        select(ClockEvent).where(ClockEvent.task_id == work.id).order_by(ClockEvent.sequence)
    ).scalars()
    return [(row.kind, row.reason, row.actor, row.task_version) for row in rows]


def sound() -> bool:
    (result,) = integrity.check(["clock-history"])
    return result.holds


def test_each_event_names_its_reason_its_actor_and_the_version_that_caused_it(
    asha: Actor, work: Record, clockwork: Clockwork
) -> None:
    hold(asha, work, "in-hospital")
    clockwork.advance(days=2)
    with transaction():
        tasks.resume(asha, work.id, version=3)
    with transaction():
        tasks.complete(asha, work.id, version=4, outcome="seen")
    with transaction():
        tasks.undo(asha, work.id, version=5)

    me = "Practitioner/asha-nurse"
    assert log(work)[1:] == [
        ("pause", "in-hospital", me, 3),
        ("resume", None, me, 4),
        ("stop", "completed", me, 5),
        ("reopen", None, me, 6),
    ]
    assert log(work)[0][0] == "start"
    assert sound()


def test_what_was_shown_at_any_time_is_read_again_from_the_log(
    asha: Actor, work: Record, clockwork: Clockwork
) -> None:
    shown: list[tuple[datetime, tuple[object, ...]]] = []

    def look() -> None:
        running = clocks.running(work.id)
        assert running is not None
        reading = clocks.read(running)
        shown.append((clock.now(), (reading.due_at, reading.share, reading.paused)))

    look()
    clockwork.advance(hours=3)
    hold(asha, work, "in-hospital")
    for _ in range(3):
        clockwork.advance(hours=17)
        look()
    # At the instant of an event the log has it already: what was shown was a moment before.
    clockwork.advance(minutes=1)
    with transaction():
        tasks.resume(asha, work.id, version=3)
    clockwork.advance(days=1)
    look()

    for at, said in shown:
        found = clock_histories.history(work.id, at)
        assert found is not None
        reading = found.status.reading
        assert (reading.due_at, reading.share, reading.paused) == said
    assert found is not None
    assert found.status.without_pauses.due_at < found.status.reading.due_at
    assert sum((span.length for span in found.spans), timedelta(0)) == clock.now() - shown[0][0]


def test_a_hold_that_the_clock_does_not_know_is_in_the_log_and_hides_nothing(
    asha: Actor, work: Record, clockwork: Clockwork
) -> None:
    hold(asha, work, "awaiting-panel")
    clockwork.advance(hours=2)

    found = clock_histories.history(work.id, clock.now())

    assert log(work)[-1][:2] == ("pause", "awaiting-panel")
    assert found is not None
    assert found.status.state is ClockState.RUNNING
    assert found.status.reading == found.status.without_pauses
    assert [span.cause for span in found.spans] == [Cause.ON_HOLD]
    assert sound()


def test_a_pause_is_lost_with_the_version_that_caused_it(asha: Actor, work: Record) -> None:
    def die() -> None:
        with transaction():
            version = tasks.accept(asha, work.id, version=1).version
            review = clock.now() + timedelta(days=9)
            tasks.hold(asha, work.id, version=version, reason="in-hospital", review_at=review)
            raise LOST

    with pytest.raises(RuntimeError, match="dies here"):
        die()

    assert [kind for kind, *_ in log(work)] == ["start"]
    assert records.read(asha, "Task", work.id).version == 1
    assert sound()


def test_the_migration_makes_the_log_of_the_rows_that_exist(
    asha: Actor, work: Record, clockwork: Clockwork
) -> None:
    hold(asha, work, "in-hospital")
    clockwork.advance(days=2)
    with transaction():
        tasks.resume(asha, work.id, version=3)
    clockwork.advance(hours=1)
    with transaction():
        tasks.complete(asha, work.id, version=4, outcome="seen")
    was = clocks.entries_of(clocks.clocks_of(work.id)[0].id)

    with transaction():
        db.session.execute(delete(ClockEvent))
        db.session.execute(text(migration.FILL))

    assert clocks.entries_of(clocks.clocks_of(work.id)[0].id) == was
    assert sound()
