"""Each night's proof is read from the records, and finds what is missing from them."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from hub import clock
from hub.db import db
from hub.domain.actor import Actor
from hub.models.audit_finding import AuditFinding
from hub.models.conservation_day import ConservationDay
from hub.models.message import InboxMessage
from hub.queries import conservation as query
from hub.services import conservation, referrals
from hub.services.referrals import Channel
from hub.transaction import transaction
from tests.api.bars import referral
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.spor_desk import Receive
from tests.unit.hub.services.test_referral_responses import sent
from workflows import conservation as workflow

DAY = date(2026, 12, 26)
LATE = datetime(2026, 12, 26, 23, 59, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _saturday(clockwork: Clockwork) -> None:
    clockwork.set(datetime(2026, 12, 26, 10, 30, tzinfo=UTC))


def counted(day: date = DAY) -> list[tuple[str, str, int, int, dict[str, int]]]:
    with transaction():
        conservation.count(day)
    return [
        (each.what, each.channel, each.hour.hour, each.received, dict(each.parts))
        for each in conservation.kept(day) or []
    ]


def test_by_channel_and_hour_with_what_became_of_it_since(
    clockwork: Clockwork, receive: Receive, sam: Actor
) -> None:
    receive()
    by_phone = receive()
    receive(channel=Channel.FORM)
    sent(referral())
    clockwork.set(LATE)
    receive()
    clockwork.advance(minutes=10)
    with transaction():
        referrals.accept(
            sam, by_phone.task.id, version=by_phone.task.version, service="district-nursing"
        )

    assert counted() == [
        ("referrals", "bars", 10, 1, {"waiting": 1}),
        ("referrals", "form", 10, 1, {"waiting": 1}),
        ("referrals", "phone", 10, 2, {"accepted": 1, "waiting": 1}),
        ("referrals", "phone", 23, 1, {"waiting": 1}),
        ("messages", "hospital-system", 10, 1, {"processed": 1}),
    ]
    assert counted(date(2026, 12, 27)) == []


def test_the_count_of_a_night_can_be_made_again_and_opened(
    clockwork: Clockwork, receive: Receive, sam: Actor
) -> None:
    clockwork.set(LATE)
    receipt = receive()
    clockwork.advance(minutes=20)
    assert counted() == [("referrals", "phone", 23, 1, {"waiting": 1})]
    night = clock.now()
    clockwork.advance(hours=9)
    with transaction():
        referrals.accept(
            sam, receipt.task.id, version=receipt.task.version, service="district-nursing"
        )

    since, until = LATE.replace(minute=0), LATE + timedelta(minutes=1)
    (then,) = query.referrals(since, until, night)
    assert dict(then.parts) == {"waiting": 1}, "as it was that night"
    (now,) = query.referrals(since, until)
    assert dict(now.parts) == {"accepted": 1}, "of those received that day, as it is now"

    def behind(part: str) -> list[tuple[str, str]]:
        found = conservation.behind(DAY, "referrals", "phone", since, part)
        return [(each.subject, each.task) for each in found]

    assert behind("waiting") == [(receipt.service_request.reference, receipt.task.id)]
    assert behind("received") == behind("waiting")
    assert behind("accepted") == []
    assert counted() == [("referrals", "phone", 23, 1, {"accepted": 1})]
    assert (behind("waiting"), len(behind("accepted"))) == ([], 1)


def test_the_night_on_which_the_clocks_go_back_has_its_hours_apart(
    clockwork: Clockwork, receive: Receive
) -> None:
    for hour in (0, 1):
        # Both are half past one on the wall.
        clockwork.set(datetime(2026, 10, 25, hour, 30, tzinfo=UTC))
        receive()
    clockwork.set(datetime(2026, 10, 26, 0, 30, tzinfo=UTC))
    assert [(hour, came) for _, _, hour, came, _ in counted(date(2026, 10, 25))] == [(0, 1), (1, 1)]


def test_every_end_of_a_message_is_counted(clockwork: Clockwork, definition: Any) -> None:
    sent(referral())
    with transaction():
        for status in ("duplicate", "refused", "quarantined"):
            row = db.session.scalars(select(InboxMessage)).first()
            assert row is not None
            values = {c.name: getattr(row, c.name) for c in InboxMessage.__table__.columns}
            values |= {"id": str(uuid.uuid4()), "status": status, "request_id": str(uuid.uuid4())}
            db.session.add(InboxMessage(**values | {"subject": None}))
    messages = [each for each in counted() if each[0] == "messages"]
    assert messages == [
        (
            "messages",
            "hospital-system",
            10,
            4,
            {"duplicate": 1, "processed": 1, "quarantined": 1, "refused": 1},
        )
    ]


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE fhir_task SET deleted = true WHERE code = 'triage'",
        "UPDATE fhir_service_request SET deleted = true",
    ],
)
def test_what_is_lost_is_found_the_next_night_and_cleared_when_mended(
    clockwork: Clockwork, receive: Receive, harm: str
) -> None:
    receive()
    with transaction():
        db.session.execute(text(harm))
    clockwork.set(LATE)
    clockwork.advance(minutes=20)

    assert workflow.sweep.run() >= 1

    row = db.session.get_one(ConservationDay, DAY)
    assert row.broken == 1
    finding = db.session.scalars(
        select(AuditFinding).where(AuditFinding.invariant == "conservation")
    ).one()
    assert (finding.subject, finding.cleared_at) == ("Day/2026-12-26", None)

    with transaction():
        db.session.execute(text(harm.replace("= true", "= false")))
    assert workflow.sweep.run() == 1, "only the day that did not add up is counted again"
    db.session.expire_all()
    assert db.session.get_one(ConservationDay, DAY).broken == 0
    assert db.session.get_one(AuditFinding, finding.id).cleared_at is not None
    assert workflow.sweep.run() == 0


def test_a_message_that_was_done_and_left_no_record_does_not_add_up(
    clockwork: Clockwork, definition: Any
) -> None:
    sent(referral())
    with transaction():
        db.session.execute(update(InboxMessage).values(subject="ServiceRequest/none"))
    assert ("messages", "hospital-system", 10, 1, {}) in counted()


def test_today_is_not_counted_before_it_is_over(clockwork: Clockwork, receive: Receive) -> None:
    receive()
    assert DAY not in conservation.due_days()
    clockwork.set(datetime(2026, 12, 27, 0, 0, tzinfo=UTC) + timedelta(seconds=1))
    assert DAY in conservation.due_days()
