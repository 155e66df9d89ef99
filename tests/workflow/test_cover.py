"""Holes in the cover through the real worker: found by the change, rung once, whoever looks."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from hub import clock
from hub.db import db
from hub.domain.definition import HubDefinition
from hub.models.cover_alarm import CoverAlarm
from hub.models.cover_hole import CoverHole
from hub.models.notice import Notice
from hub.models.shift import Shift
from hub.queries import cover as cover_query
from hub.queries import idle
from hub.services import cover, rota
from hub.transaction import transaction
from tests.workflow.conftest import SET_UP, Processes, eventually
from workflows import cover as cover_work

WITHIN = timedelta(minutes=1)


def _holes(need: str) -> list[CoverHole]:
    return [each for each in cover_query.open_holes() if each.need == need]


def _away(username: str, days: int) -> None:
    """Let somebody report sick for a day that lies ahead."""
    start = clock.now() + timedelta(days=days)
    with transaction():
        rota.report_absence(
            SET_UP,
            f"Practitioner/{username}",
            starts_at=start.replace(hour=0),
            ends_at=start.replace(hour=23),
            reason="sickness",
        )


@pytest.mark.slow
def test_a_reported_absence_is_a_hole_and_a_notice_within_a_minute(
    app: Flask, processes: Processes, definition: HubDefinition
) -> None:
    """No beat runs: the event alone must do it."""
    processes.start("worker", "relay")
    eventually(idle.is_idle, processes=processes)
    before = {each.id for each in _holes("audiologist")}
    _away("aud-hearing", 4)  # Thursday the last day of the year

    def found() -> CoverHole | None:
        return next((each for each in _holes("audiologist") if each.id not in before), None)

    hole = eventually(found, processes=processes)

    assert hole.caused_by.startswith("outbox/")
    assert hole.cause == "Audrey Lim is away."
    assert hole.opened_at - hole.caused_at <= WITHIN
    (alarm,) = cover_query.alarms_of(hole.id)
    (notice,) = db.session.scalars(
        select(Notice).where(Notice.subject == f"CoverHole/{hole.id}")
    ).all()
    assert alarm.told == [notice.recipient] == ["Practitioner/aud-hearing"]
    assert alarm.rung_at == hole.opened_at
    processes.stop()


class TestSweeps:
    """Sweeps that the test runs itself."""

    @pytest.fixture(autouse=True)
    def nobody_else(self, processes: Processes, definition: HubDefinition) -> None:
        processes.stop()

    def test_what_nobody_said_is_found_by_the_sweep(self) -> None:
        cover_work.sweep.run()
        before = {each.id for each in _holes("audiologist")}
        with transaction():
            db.session.execute(
                delete(Shift).where(
                    Shift.practitioner == "Practitioner/aud-hearing",
                    func.lower(Shift.during) > clock.now() + timedelta(days=3),
                )
            )

        assert cover_work.sweep.run() == 0  # all rang while they were counted

        made = [each for each in _holes("audiologist") if each.id not in before]
        assert {each.caused_by for each in made} == {"sweep"}
        assert all(cover_query.alarms_of(each.id) for each in made)

    def test_two_sweeps_and_a_change_at_once_ring_each_hole_once(self, app: Flask) -> None:
        _away("aud-hearing", 4)
        barrier = threading.Barrier(3)

        def counts(work: Callable[[], object]) -> threading.Thread:
            def run() -> None:
                with app.app_context():
                    barrier.wait()
                    work()

            return threading.Thread(target=run)

        def change() -> None:
            with transaction():
                cover.recount({"CareTeam/audiology"}, by="outbox/1")

        threads = [counts(cover_work.sweep.run), counts(cover_work.sweep.run), counts(change)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        spans = db.session.execute(
            select(CoverHole.need, CoverHole.starts_at, func.count())
            .where(CoverHole.closed_at.is_(None))
            .group_by(CoverHole.need, CoverHole.starts_at)
        ).all()
        assert spans
        assert {count for *_, count in spans} == {1}
        stages = db.session.execute(
            select(func.count(CoverAlarm.id)).group_by(CoverAlarm.hole_id, CoverAlarm.stage)
        ).scalars()
        assert set(stages) == {1}

    def test_a_hole_whose_alarm_fails_lets_the_others_ring(
        self, advance: Callable[[timedelta], None]
    ) -> None:
        cover_work.sweep.run()
        poisonous, good, *_ = cover_query.open_holes()
        with transaction():
            for each in (poisonous, good):
                db.session.execute(
                    update(CoverHole)
                    .where(CoverHole.id == each.id)
                    .values(next_alarm_at=clock.now(), rung=None, round=7)
                )
            db.session.execute(
                update(CoverHole).where(CoverHole.id == poisonous.id).values(rung="nonsense")
            )

        cover_work.sweep.run()

        db.session.expire_all()
        assert 7 in {each.round for each in cover_query.alarms_of(good.id)}
        assert poisonous.next_alarm_at is not None
        assert poisonous.next_alarm_at > clock.now()
