"""A pack at each shift change: what is in it, who reads it, who hears when nobody does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import Range

from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import NotPermittedError, RuleError
from hub.models.handover import HandoverLine, HandoverPack
from hub.models.notice import Notice
from hub.models.shift import Shift
from hub.services import handover, tasks
from hub.transaction import transaction
from tests.factories.absence import absence
from tests.factories.cover_hole import cover_hole
from tests.factories.shift import shift
from tests.factories.task import visit
from tests.unit.hub.services.clockwork import Clockwork

TEAM = "CareTeam/district-nursing-west"
ASHA, GARETH = "Practitioner/asha-nurse", "Practitioner/gareth-price"
Staff = Callable[[str], Actor]


@pytest.fixture(autouse=True)
def time(clockwork: Clockwork, definition: object) -> Clockwork:
    """A hub in which nobody is on the rota yet."""
    with transaction():
        db.session.execute(delete(Shift))
    return clockwork


@pytest.fixture
def patient(person: Callable[..., Any]) -> str:
    return str(person().reference)


def at_work(who: str, hours_ago: float, hours: float = 8, **more: Any) -> None:
    start = clock.now() - timedelta(hours=hours_ago)
    with transaction():
        shift(who, during=Range(start, start + timedelta(hours=hours)), **more)


def made() -> list[HandoverPack]:
    with transaction():
        changes = handover.due()
    packs = []
    for change in changes:
        with transaction():
            if (pack := handover.make(change)) is not None:
                packs.append(pack)
    return packs


def kinds() -> dict[str, str]:
    return {row.subject: row.kind for row in db.session.scalars(select(HandoverLine))}


def test_a_hole_in_the_rota_until_the_next_shift_change_is_a_critical_line(
    time: Clockwork,
) -> None:
    now = clock.now()
    at_work(ASHA, hours_ago=1)
    at_work(GARETH, hours_ago=-5)
    with transaction():
        soon = cover_hole(TEAM, starts_at=now, ends_at=now + timedelta(hours=3))
        cover_hole(TEAM, starts_at=now + timedelta(hours=6), ends_at=now + timedelta(hours=8))
        cover_hole(TEAM, starts_at=now, ends_at=now + timedelta(hours=3), closed_at=now)
        cover_hole("CareTeam/spor", starts_at=now, ends_at=now + timedelta(hours=3))

    made()

    (line,) = db.session.scalars(select(HandoverLine))
    assert (line.kind, line.subject) == ("cover", f"CoverHole/{soon.id}")
    assert line.critical
    assert line.alarm_at is not None
    assert line.words.startswith("Pharmacist: nobody, ")


def test_a_pack_is_made_once_for_each_shift_change(patient: str, time: Clockwork) -> None:
    at_work(ASHA, hours_ago=1)
    urgent = visit(patient)

    (pack,) = made()
    assert (pack.team, pack.at) == (TEAM, clock.now() - timedelta(hours=1))
    assert made() == []
    assert kinds() == {urgent.reference: "urgent"}

    at_work(GARETH, hours_ago=-2)
    time.advance(hours=2)
    (following,) = made()
    assert following.since == pack.at


def test_somebody_who_is_away_makes_no_shift_change_and_nor_does_on_call(app: Flask) -> None:
    at_work(ASHA, hours_ago=1)
    at_work(GARETH, hours_ago=1, kind="on-call")
    with transaction():
        absence(ASHA, during=Range(clock.now() - timedelta(hours=2), None))

    assert made() == []


def test_the_pack_tells_what_is_late_due_left_unowned_put_aside_and_new(
    patient: str, staff: Staff, time: Clockwork
) -> None:
    routine = {"priority": "routine", "clock": None}
    old = visit(patient, **routine)
    held = visit(patient, **routine)
    late = visit(patient, priority="routine")
    with transaction():
        tasks.claim(staff("asha-nurse"), old.id, version=1)
        mine = tasks.claim(staff("asha-nurse"), held.id, version=1)
        tasks.hold(
            staff("asha-nurse"),
            held.id,
            version=mine.version,
            reason="person-not-available",
            review_at=clock.now() + timedelta(hours=30),
        )
    time.advance(hours=25)
    at_work(ASHA, hours_ago=0)
    fresh = visit(patient, **routine)

    made()

    # What is old, owned and not due says nothing.
    assert kinds() == {
        late.reference: "breached",
        held.reference: "hold",
        fresh.reference: "unowned",
    }
    lines = handover.lines_of(handover.packs_of([TEAM])[0].id)
    assert (lines[0].subject, lines[0].critical) == (late.reference, True)


def test_work_of_somebody_off_shift_that_falls_due_is_said(
    patient: str, staff: Staff, time: Clockwork
) -> None:
    task = visit(patient, priority="routine", clock="home-care-4h")
    with transaction():
        tasks.claim(staff("gareth-price"), task.id, version=1)
    at_work(ASHA, hours_ago=0)

    made()

    assert kinds() == {task.reference: "left"}


def test_an_alert_for_somebody_the_team_looks_after_is_critical(
    patient: str, staff: Staff, time: Clockwork
) -> None:
    visit(patient)
    flag = {
        "resourceType": "Flag",
        "status": "active",
        "code": {"text": "Key safe by the door"},
        "subject": {"reference": patient},
    }
    with transaction():
        alert = records.create(hub_actor("set-up"), flag)
    at_work(ASHA, hours_ago=0)

    made()

    assert kinds()[alert.reference] == "alert"
    words = db.session.scalar(
        select(HandoverLine.words).where(HandoverLine.subject == alert.reference)
    )
    assert words == "A new alert", "clinical detail stays in the record"


def test_lines_are_acknowledged_once_by_people_of_the_team(
    patient: str, staff: Staff, time: Clockwork
) -> None:
    visit(patient)
    at_work(ASHA, hours_ago=0)
    (pack,) = made()
    (line,) = handover.lines_of(pack.id)

    with transaction(), pytest.raises(NotPermittedError, match="another team"):
        handover.acknowledge(staff("sam-spor"), [line.id])
    with transaction(), pytest.raises(RuleError, match="choose the lines"):
        handover.acknowledge(staff("asha-nurse"), [])
    with transaction(), pytest.raises(RuleError, match="not there"):
        handover.acknowledge(staff("asha-nurse"), [line.id, "nothing"])
    with transaction():
        assert handover.acknowledge(staff("asha-nurse"), [line.id]) == 1
    with transaction():
        assert handover.acknowledge(staff("gareth-price"), [line.id]) == 0

    db.session.refresh(line)
    assert (line.acknowledged_by, line.alarm_at) == (ASHA, None)


def test_a_critical_line_that_nobody_reads_is_told_to_the_lead_then_to_the_duty_manager(
    patient: str, definition: Any, time: Clockwork
) -> None:
    visit(patient)
    at_work(ASHA, hours_ago=0)
    made()

    def told() -> list[str]:
        with transaction():
            handover.tell_on()
        query = select(Notice.recipient).where(Notice.kind == "HandoverUnread")
        return list(db.session.scalars(query.order_by(Notice.id)))

    team = definition.teams["district-nursing-west"]
    time.advance(minutes=29)
    assert told() == []
    time.advance(minutes=1)
    assert told() == [f"Practitioner/{team.lead}"]
    assert told() == [f"Practitioner/{team.lead}"]
    time.advance(minutes=30)
    assert told() == [f"Practitioner/{team.lead}", f"Practitioner/{team.duty_manager}"]
    time.advance(days=1)
    assert len(told()) == 2


def test_what_stands_in_the_next_pack_rings_no_more_from_the_last(
    patient: str, time: Clockwork
) -> None:
    visit(patient)
    at_work(ASHA, hours_ago=0)
    made()
    at_work(GARETH, hours_ago=-0.1)
    time.advance(minutes=6)
    made()

    ringing = db.session.scalars(select(HandoverLine).where(HandoverLine.alarm_at.is_not(None)))
    assert [line.pack_id for line in ringing] == [handover.packs_of([TEAM])[0].id]


def test_two_processes_make_one_pack(app: Flask, patient: str) -> None:
    visit(patient)
    at_work(ASHA, hours_ago=0)
    with transaction():
        (change,) = handover.due()
    ready = Barrier(4)

    def make(_: int) -> bool:
        with app.app_context():
            ready.wait(timeout=20)
            with transaction():
                return handover.make(change) is not None

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(make, range(4))) == [False, False, False, True]
    assert len(kinds()) == 1
