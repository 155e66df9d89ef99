"""Messages to other systems: in the order of their referral, once at a time, never forgotten."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import insert, update

from hub import clock
from hub.adapters.message_post import Answer, Verdict
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.errors import RuleError, StateError
from hub.models.outgoing_message import SENT, OutgoingMessage
from hub.records.tables import OUTBOX
from hub.services import outgoing_messages
from hub.services.deliveries import BACK_OFF, real_now
from hub.transaction import transaction
from tests.factories.outgoing_message import outgoing_message
from tests.unit.hub.services.clockwork import Clockwork

ONE = "ServiceRequest/1"
TAKEN = Answer(Verdict.TAKEN, 200)
REFUSED = Answer(Verdict.REFUSED, 400, "400 invariant at Bundle")
AGAIN = Answer(Verdict.AGAIN, 503, "503")


pytestmark = pytest.mark.usefixtures("proxy", "definition")


def queued(*outcomes: str, subject: str = ONE) -> list[str]:
    with transaction():
        return [outgoing_message(subject=subject, outcome=each).id for each in outcomes]


def taken(subject: str = ONE) -> str | None:
    with transaction():
        letter = outgoing_messages.take(subject)
    return letter.message_id if letter else None


def settled(message_id: str, answer: Answer) -> bool:
    with transaction():
        row = outgoing_messages.settle(message_id, answer)
        return row is not None and row.state == SENT


def state(message_id: str) -> str:
    db.session.expire_all()
    return db.session.get_one(OutgoingMessage, message_id).state


def test_one_at_a_time_in_order(clockwork: Clockwork) -> None:
    first, second = queued("accepted", "done")

    assert taken() == first
    assert taken() is None, "the first is in hand"
    assert settled(first, TAKEN)
    assert taken() == second
    assert settled(second, TAKEN)
    assert (state(first), state(second)) == ("sent", "sent")
    assert taken() is None


def test_one_referral_does_not_hold_up_another(clockwork: Clockwork) -> None:
    (first,) = queued("accepted")
    (other,) = queued("accepted", subject="ServiceRequest/2")
    assert taken() == first
    assert taken("ServiceRequest/2") == other


def test_a_worker_that_dies_leaves_a_lease_that_runs_out(clockwork: Clockwork) -> None:
    (first,) = queued("accepted")
    assert taken() == first
    with transaction():
        db.session.execute(
            update(OutgoingMessage).values(leased_until=real_now() - timedelta(seconds=1))
        )
    assert taken() == first
    assert db.session.get_one(OutgoingMessage, first, populate_existing=True).attempts == 2


def test_an_answer_that_is_not_a_message_yet_comes_first(clockwork: Clockwork) -> None:
    """Two workers: the later event was handled before the earlier one."""
    with transaction():
        event = db.session.scalar(
            insert(OUTBOX)
            .values(
                event="ReferralAnswered",
                handler="messages.answer",
                subject=ONE,
                payload={},
                created_at=clock.now(),
                due_at=clock.now(),
            )
            .returning(OUTBOX.c.id)
        )
        assert event is not None
        later = outgoing_message(subject=ONE, event_id=event + 1).id
    assert taken() is None
    with transaction():
        db.session.execute(
            update(OUTBOX).where(OUTBOX.c.id == event).values(handled_at=clock.now())
        )
    assert taken() == later


def test_what_is_refused_holds_back_what_follows_until_a_person_has_dealt_with_it(
    clockwork: Clockwork, sam: Actor
) -> None:
    first, second = queued("accepted", "done")
    assert taken() == first
    assert not settled(first, REFUSED)
    assert state(first) == "dead"
    assert taken() is None
    assert ONE not in outgoing_messages.due_subjects()

    with transaction():
        outgoing_messages.settle_otherwise(sam, first, "Told by telephone at 10:20")
    assert taken() == second


def test_a_refused_message_can_be_sent_again_with_the_same_ids(
    clockwork: Clockwork, sam: Actor
) -> None:
    (first,) = queued("accepted")
    taken()
    settled(first, REFUSED)
    before = db.session.get_one(OutgoingMessage, first, populate_existing=True).request_id
    with transaction():
        outgoing_messages.replay(sam, first)
    with transaction():
        letter = outgoing_messages.take(ONE)
    assert letter is not None
    assert letter.headers["X-Request-Id"] == before


def test_it_is_tried_for_days_and_then_left_to_a_person(clockwork: Clockwork) -> None:
    (first,) = queued("accepted")
    for wait in BACK_OFF:
        assert taken() == first
        assert not settled(first, AGAIN)
        assert state(first) == "waiting"
        assert taken() is None, "not before its time"
        clockwork.advance(seconds=wait.total_seconds())
        assert ONE in outgoing_messages.due_subjects()
    assert taken() == first
    settled(first, AGAIN)
    assert state(first) == "dead"


def test_without_an_address_it_waits_for_a_person_and_holds_nothing_back(
    clockwork: Clockwork, app: Flask, sam: Actor
) -> None:
    (first,) = queued("accepted")
    with_proxy = app.config["CAREHUB"]
    app.config["CAREHUB"] = replace(with_proxy, bars_url="")
    assert taken() is None
    assert state(first) == "unrouted"
    with pytest.raises(StateError), transaction():
        outgoing_messages.replay(sam, first)
    app.config["CAREHUB"] = with_proxy
    with transaction():
        outgoing_messages.replay(sam, first)
    assert taken() == first


@pytest.mark.parametrize("how", ["", "  ", "x", "y" * 501])
def test_how_the_sender_was_told_must_be_said(clockwork: Clockwork, sam: Actor, how: str) -> None:
    (first,) = queued("accepted")
    taken()
    settled(first, REFUSED)
    with pytest.raises(RuleError), transaction():
        outgoing_messages.settle_otherwise(sam, first, how)
    assert state(first) == "dead"


def test_what_is_sent_or_waits_is_not_dealt_with_by_hand(clockwork: Clockwork, sam: Actor) -> None:
    (first,) = queued("accepted")
    with pytest.raises(StateError), transaction():
        outgoing_messages.replay(sam, first)
    with pytest.raises(StateError), transaction():
        outgoing_messages.settle_otherwise(sam, first, "Told by telephone")
