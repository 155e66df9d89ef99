"""Messages to other systems: taken under a lease in the order of their referral, sent, settled.

Sent at least once with the same X-Request-Id: a receiver answers a repeat with 409 ``duplicate``,
which says that it has the message. A refusal for good and one given up hold back what follows
about that referral, until a person sends it again or says how its sender was told instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from fhir import jsontext
from fhir.messaging import Transport, outgoing
from hub import clock, records
from hub.adapters.message_post import Answer, Verdict
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import RuleError, StateError
from hub.domain.task_states import OPEN
from hub.models.outgoing_message import (
    DEAD,
    SENT,
    SETTLED,
    STATES,
    UNROUTED,
    WAITING,
    OutgoingMessage,
)
from hub.records.tables import OUTBOX
from hub.services import definitions
from hub.services.deliveries import BACK_OFF, LEASE, real_now

AT_ONCE = 50
"""Messages of one page, and referrals of one sweep."""
_HUB = hub_actor("messages")
_NOT_FOUND = 404
_HEAD_STATES = (WAITING, DEAD)
ONWARD_REQUEST = "onward-request"
ONWARD_CANCELLATION = "onward-cancellation"
_ASKED_BY = ("ReferralAnswered", "RefusedMessageDone", "ReferralSentOn", "ReferralCalledBack")
"""Events that become messages."""
_SENT_ON, _CALLED_BACK = "ReferralSentOn", "ReferralCalledBack"


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything that one attempt needs."""

    message_id: str
    url: str
    headers: dict[str, str]
    body: bytes


def address_of(client: str) -> str | None:
    """Return where messages for a system are posted: its own address, else the national proxy."""
    known = definitions.current().clients.get(client.removeprefix("client/"))
    own = known.messages_url if known else ""
    return own or current_app.config["CAREHUB"].bars_url or None


def keep(
    *,
    client: str,
    in_reply_to: str | None,
    event_id: int,
    subject: str,
    kind: str,
    outcome: str,
    target: str,
    transport: Transport,
    organisation: Mapping[str, Any],
    bundle: dict[str, Any],
) -> str | None:
    """Keep a message to a system; None where the event has one already.

    ``in_reply_to`` is the inbox row that it answers, None for what nobody asked for.
    """
    now = clock.now()
    kept: str | None = db.session.scalar(
        insert(OutgoingMessage)
        .values(
            id=records.new_id(),
            event_id=event_id,
            subject=subject,
            client=client,
            kind=kind,
            outcome=outcome,
            in_reply_to=in_reply_to,
            bundle_id=bundle["id"],
            request_id=transport.request_id,
            target=target,
            headers=outgoing(transport, target=target, organisation=organisation),
            body=jsontext.dumpb(bundle),
            state=WAITING if address_of(client) else UNROUTED,
            created_at=now,
            due_at=now,
        )
        .on_conflict_do_nothing(constraint="uq_outgoing_message_event")
        .returning(OutgoingMessage.id)
    )
    return kept


def due_subjects() -> list[str]:
    """Return the referrals whose next message is due, the longest waiting first."""
    head = (
        select(OutgoingMessage.subject, OutgoingMessage.state, OutgoingMessage.due_at)
        .ext(distinct_on(OutgoingMessage.subject))
        .where(OutgoingMessage.state.in_(_HEAD_STATES))
        .order_by(OutgoingMessage.subject, OutgoingMessage.event_id)
        .subquery()
    )
    found = db.session.execute(
        select(head.c.subject)
        .where(head.c.state == WAITING, head.c.due_at <= clock.now())
        .order_by(head.c.due_at)
        .limit(AT_ONCE)
    )
    return list(found.scalars())


def take(subject: str) -> Letter | None:
    """Take the next message about a referral under a lease; None when there is none to send."""
    row = db.session.scalar(
        select(OutgoingMessage)
        .where(OutgoingMessage.subject == subject, OutgoingMessage.state.in_(_HEAD_STATES))
        .order_by(OutgoingMessage.event_id)
        .limit(1)
        .with_for_update()
    )
    if row is None or row.state != WAITING or row.due_at > clock.now():
        return None
    if _in_hand(subject) or _earlier_is_open(row):
        return None
    if _sent_on_by_a_person(row):
        row.state, row.settled_by, row.settled_how = SETTLED, _HUB.id, "sent on by a person"
        db.session.flush()
        return None
    url = address_of(row.client)
    if url is None:
        row.state = UNROUTED
        db.session.flush()
        return None
    row.attempts += 1
    row.leased_until = real_now() + LEASE
    row.last_attempt_at = clock.now()
    db.session.flush()
    return Letter(row.id, url, dict(row.headers), row.body)


def settle(message_id: str, answer: Answer) -> OutgoingMessage | None:
    """Write down what came of an attempt; returns the row unless it was settled before.

    The next message may follow when its state is ``sent``.
    """
    row = db.session.get(OutgoingMessage, message_id, with_for_update=True, populate_existing=True)
    if row is None or row.leased_until is None:
        return None
    row.leased_until = None
    row.http_status = answer.http_status
    row.error = answer.error
    if answer.verdict is Verdict.TAKEN:
        row.sent_at, row.error = clock.now(), None
    if row.state != WAITING:
        # Called back while it was on its way: what came of it decides about the cancellation.
        db.session.flush()
        return None
    if answer.verdict is Verdict.TAKEN:
        row.state = SENT
    elif answer.verdict is Verdict.REFUSED:
        # The same bytes would be refused again: a person looks at it.
        row.state = DEAD
    else:
        tries = row.attempts - row.replayed_after
        if tries > len(BACK_OFF):
            row.state = DEAD
        else:
            row.due_at = clock.now() + BACK_OFF[tries - 1]
    db.session.flush()
    return row


def replay(actor: Actor, message_id: str) -> OutgoingMessage:
    """Send a message again that was refused, given up or had no way, with the same ids."""
    row = _open_for_a_person(message_id)
    if address_of(row.client) is None:
        raise StateError("no address is set up for messages to this system", field="client")
    row.state, row.due_at, row.replayed_after = WAITING, clock.now(), row.attempts
    db.session.flush()
    records.audit.record(actor, "outgoing-message-replayed", row.subject, {"message": row.id})
    return row


def settle_otherwise(actor: Actor, message_id: str, how: str) -> OutgoingMessage:
    """Note that its sender was told in another way: what follows about the referral may go."""
    if not 3 <= len(how.strip()) <= 500:
        raise RuleError("say in 3 to 500 characters how they were told", field="how")
    row = _open_for_a_person(message_id)
    row.state, row.settled_by, row.settled_how = SETTLED, actor.id, how.strip()
    db.session.flush()
    records.audit.record(actor, "outgoing-message-settled", row.subject, {"message": row.id})
    return row


def listed(state: str, *, before: str | None = None) -> Sequence[OutgoingMessage]:
    """Return the messages in a state, the latest first; ``before``: the id of the last seen."""
    if state not in STATES:
        raise RuleError("there is no such state", field="state", allowed=STATES)
    asked = select(OutgoingMessage).where(OutgoingMessage.state == state)
    if before:
        asked = asked.where(OutgoingMessage.id < before)
    return db.session.scalars(asked.order_by(OutgoingMessage.id.desc()).limit(AT_ONCE + 1)).all()


def message(message_id: str) -> OutgoingMessage | None:
    return db.session.get(OutgoingMessage, message_id)


def about(subject: str) -> Sequence[OutgoingMessage]:
    """Return what was told of one referral, in order."""
    return db.session.scalars(
        select(OutgoingMessage)
        .where(OutgoingMessage.subject == subject)
        .order_by(OutgoingMessage.event_id)
    ).all()


def concerns(subject: str) -> bool:
    """Say whether there is, or is about to be, a message about ``subject``."""
    message = exists().where(OutgoingMessage.subject == subject)
    return bool(db.session.scalar(select(or_(message, _waits(subject, _SENT_ON)))))


def is_called_back(subject: str) -> bool:
    """Say whether what was sent on is called back, or need not be as it never left."""
    never_left = and_(OutgoingMessage.state == SETTLED, OutgoingMessage.attempts == 0)
    message = exists().where(
        OutgoingMessage.subject == subject,
        or_(OutgoingMessage.kind == ONWARD_CANCELLATION, never_left),
    )
    return bool(db.session.scalar(select(or_(message, _waits(subject, _CALLED_BACK)))))


def _waits(subject: str, event: str) -> ColumnElement[bool]:
    """Say whether an event about ``subject`` has not become a message yet."""
    return exists().where(
        OUTBOX.c.subject == subject, OUTBOX.c.event == event, OUTBOX.c.handled_at.is_(None)
    )


def lock_about(subject: str) -> Sequence[OutgoingMessage]:
    """Return what was told about ``subject``, in order, locked: nobody takes it meanwhile."""
    return db.session.scalars(
        select(OutgoingMessage)
        .where(OutgoingMessage.subject == subject)
        .order_by(OutgoingMessage.event_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def withdraw(actor: Actor, row: OutgoingMessage) -> bool:
    """Stop sending a (locked) message; True where it never left, so that nothing has to follow."""
    if row.state == SENT:
        return False
    never_left = not row.attempts
    words = "called back before it left" if never_left else "called back; it may have arrived"
    # The lease stays: what is on its way is not overtaken by its cancellation.
    row.state, row.settled_by, row.settled_how = SETTLED, actor.id, words
    db.session.flush()
    return never_left


def settle_unknown(row: OutgoingMessage) -> bool:
    """Settle the refused cancellation of what never arrived; False where something did."""
    sent = any(each.sent_at and each.kind == ONWARD_REQUEST for each in about(row.subject))
    if sent or row.http_status != _NOT_FOUND:
        return False
    row.state, row.settled_by, row.settled_how = SETTLED, _HUB.id, "it had never arrived there"
    db.session.flush()
    return True


def of_bundle(client: str, bundle_id: str) -> OutgoingMessage | None:
    """Return the referral that was sent on to ``client`` under a Bundle.id."""
    return db.session.scalar(
        select(OutgoingMessage)
        .where(
            OutgoingMessage.bundle_id == bundle_id,
            OutgoingMessage.client == client,
            OutgoingMessage.kind == ONWARD_REQUEST,
        )
        .limit(1)
    )


def counts() -> dict[str, int]:
    """Return how many messages are in each state that a person has to look at."""
    found = db.session.execute(
        select(OutgoingMessage.state, func.count())
        .where(OutgoingMessage.state.in_((DEAD, UNROUTED)))
        .group_by(OutgoingMessage.state)
    )
    return {str(state): int(count) for state, count in found}


def _open_for_a_person(message_id: str) -> OutgoingMessage:
    row = db.session.get(OutgoingMessage, message_id, with_for_update=True, populate_existing=True)
    if row is None or row.state not in (DEAD, UNROUTED):
        raise StateError(
            "only a message that was refused, given up or has no way is dealt with by hand",
            field="state",
            allowed=[DEAD, UNROUTED],
        )
    return row


def _in_hand(subject: str) -> bool:
    """Say whether a message about ``subject`` is on its way now, also one that was called back."""
    leased = exists().where(
        OutgoingMessage.subject == subject, OutgoingMessage.leased_until > real_now()
    )
    return bool(db.session.scalar(select(leased)))


def _sent_on_by_a_person(row: OutgoingMessage) -> bool:
    """Say whether a referral need not be sent on: its Task was closed otherwise meanwhile."""
    if row.kind != ONWARD_REQUEST:
        return False
    task = records.read(_HUB, "Task", row.subject.removeprefix("Task/"))
    return task["status"] not in OPEN


def _earlier_is_open(row: OutgoingMessage) -> bool:
    """Say whether an earlier answer about the referral has not become a message yet."""
    return bool(
        db.session.scalar(
            select(
                exists().where(
                    OUTBOX.c.subject == row.subject,
                    OUTBOX.c.event.in_(_ASKED_BY),
                    OUTBOX.c.id < row.event_id,
                    OUTBOX.c.handled_at.is_(None),
                )
            )
        )
    )
