"""One delivery at a time per subscriber: taken under a lease, sent, settled.

What leaves the hub is sent at least once with a stable idempotency key; a repeat is the
subscriber's to drop, never being told is a defect.
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from fhir.outcomes import ForbiddenError, GoneError, NotFoundError
from hub import clock, records
from hub.adapters.rest_hook import Answer
from hub.db import db
from hub.models.delivery import (
    ACKNOWLEDGED,
    DEAD,
    DROPPED,
    HANDSHAKE,
    WAITING,
    Delivery,
    DeliveryAttempt,
)
from hub.models.subscriber import Subscriber
from hub.services import announcements, notifications, subscriptions

LEASE = timedelta(seconds=30)
"""Real time after which a delivery whose worker died is anybody's again."""

BACK_OFF = tuple(
    timedelta(seconds=seconds)
    for seconds in (2, 10, 30, 120, 600, 1_800, 3_600, *(3 * 3_600,) * 6, *(12 * 3_600,) * 6)
)
"""Waits between attempts: soon at first, then for four days, past a bank-holiday weekend."""

_POISON = frozenset({400, 406, 413, 415, 422})
"""Answers that are about this one notification: it is given up alone, and the next one follows.
Anything else is about the endpoint."""

HANDSHAKE_ATTEMPTS = 4
"""An endpoint that does not answer its handshake this often is unreachable."""


_IN_ORDER = (Delivery.kind != HANDSHAKE, Delivery.sequence)
"""A subscriber that changes its Subscription shakes hands again; what waited is told after it."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Everything that one POST needs."""

    delivery_id: str
    endpoint: str
    headers: dict[str, str]
    body: bytes


def due_subscribers() -> list[str]:
    """Return the subscriptions whose next delivery in order is due."""
    head = (
        select(Delivery.subscription_id, Delivery.due_at)
        .ext(distinct_on(Delivery.subscription_id))
        .join(Subscriber, Subscriber.subscription_id == Delivery.subscription_id)
        .where(Delivery.status == WAITING, Subscriber.paused_from.is_(None))
        .order_by(Delivery.subscription_id, *_IN_ORDER)
        .subquery()
    )
    found = db.session.execute(
        select(head.c.subscription_id).where(head.c.due_at <= clock.now()).order_by(head.c.due_at)
    )
    return list(found.scalars())


def take(subscription_id: str) -> Parcel | None:
    """Take the next delivery of a subscriber under a lease; None when there is none to send."""
    # The subscriber's row is the turnstile: nobody overtakes the delivery that is in hand.
    subscriber = db.session.get(Subscriber, subscription_id, with_for_update=True)
    if subscriber is None or subscriber.paused_from is not None:
        return None
    while True:
        delivery = db.session.execute(
            select(Delivery)
            .where(Delivery.subscription_id == subscription_id, Delivery.status == WAITING)
            .order_by(*_IN_ORDER)
            .limit(1)
        ).scalar_one_or_none()
        if delivery is None or delivery.due_at > clock.now():
            return None
        if delivery.leased_until is not None and delivery.leased_until > real_now():
            return None
        parcel = _pack(subscriber, delivery)
        if parcel is not None:
            delivery.leased_until = real_now() + LEASE
            db.session.flush()
            return parcel
        db.session.flush()


def settle(delivery_id: str, answer: Answer) -> bool:
    """Write down what came back; True when the next one may follow."""
    owner = db.session.scalar(select(Delivery.subscription_id).where(Delivery.id == delivery_id))
    # The subscriber first, as whoever takes the next one: they cannot wait for one another.
    db.session.get(Subscriber, owner, with_for_update=True)
    delivery = db.session.get(Delivery, delivery_id, with_for_update=True)
    if delivery is None or delivery.status != WAITING:
        return False
    delivery.attempts += 1
    delivery.leased_until = None
    db.session.add(
        DeliveryAttempt(
            delivery_id=delivery.id,
            number=delivery.attempts,
            attempted_at=clock.now(),
            http_status=answer.http_status,
            milliseconds=answer.milliseconds,
            error=answer.error,
        )
    )
    if answer.acknowledged:
        delivery.status = ACKNOWLEDGED
        delivery.acknowledged_at = clock.now()
        delivery.acknowledgement = answer.text or str(answer.http_status)
        delivery.error = None
        if delivery.kind == HANDSHAKE:
            subscriptions.activate(delivery.subscription_id)
        elif (subscriber := db.session.get(Subscriber, delivery.subscription_id)) is not None:
            subscriptions.heard_from(subscriber)
        db.session.flush()
        return True
    delivery.error = answer.error
    tries = delivery.attempts - delivery.replayed_after
    if delivery.kind == HANDSHAKE and tries >= HANDSHAKE_ATTEMPTS:
        delivery.status = DEAD
        subscriptions.fail(
            delivery.subscription_id, f"the endpoint cannot be reached: {answer.error}"
        )
    elif tries > len(BACK_OFF):
        delivery.status = DEAD
        if answer.http_status is None or answer.http_status not in _POISON:
            db.session.flush()
            subscriptions.fail(
                delivery.subscription_id,
                f"the endpoint did not answer for days: {answer.error}",
                at=delivery.sequence,
            )
    else:
        delivery.due_at = clock.now() + BACK_OFF[tries - 1]
    db.session.flush()
    return False


def _pack(subscriber: Subscriber, delivery: Delivery) -> Parcel | None:
    """Build the POST of a delivery, or drop what may not or need not be sent any more."""
    subscription = records.read(
        announcements.AUTHOR, "Subscription", subscriber.subscription_id
    ).resource
    ended = subscriber.ends_at is not None and subscriber.ends_at <= clock.now()
    if ended or not (subscriber.active or delivery.kind == HANDSHAKE):
        _drop(delivery, "the subscription has ended")
        return None
    channel = subscription["channel"]
    headers = _asked_for(channel)
    headers |= {
        "Idempotency-Key": delivery.id,
        "X-Carehub-Event": delivery.kind,
        "X-Carehub-Subject": f"{delivery.subject}/_history/{delivery.version}",
        "X-Carehub-Sequence": str(delivery.sequence),
        "X-Carehub-Subscription": f"Subscription/{subscriber.subscription_id}",
    }
    body = b""
    if subscriber.topic is not None:
        headers["Content-Type"] = channel.get("payload") or "application/fhir+json"
        body = notifications.of_delivery(subscriber, subscription, delivery)
    elif channel.get("payload") and delivery.kind != HANDSHAKE:
        actor = announcements.actor_of(subscriber)
        if actor is None:
            _drop(delivery, "the subscriber has no access any more")
            return None
        resource_type, _, record_id = delivery.subject.partition("/")
        try:
            record = records.read(actor, resource_type, record_id)
        except (NotFoundError, GoneError, ForbiddenError) as error:
            _drop(delivery, error.text)
            return None
        headers["Content-Type"] = channel["payload"]
        body = record.text.encode()
    return Parcel(delivery.id, subscriber.endpoint, headers, body)


def due_heartbeats() -> list[str]:
    """Return the subscriptions to which nothing has been sent for as long as they allow."""
    found = db.session.execute(
        select(Subscriber.subscription_id).where(
            Subscriber.heartbeat_at <= clock.now(), Subscriber.active
        )
    )
    return list(found.scalars())


def take_heartbeat(subscription_id: str) -> Parcel | None:
    """Take a heartbeat that is due; None where another worker has it, or an event waits."""
    subscriber = db.session.get(
        Subscriber, subscription_id, with_for_update=True, populate_existing=True
    )
    now = clock.now()
    if subscriber is None or not subscriber.active or subscriber.heartbeat_at is None:
        return None
    if subscriber.heartbeat_at > now:
        return None
    subscriptions.heard_from(subscriber)
    db.session.flush()
    ended = subscriber.ends_at is not None and subscriber.ends_at <= now
    waits = select(Delivery.id).where(
        Delivery.subscription_id == subscription_id, Delivery.status == WAITING
    )
    if ended or db.session.scalar(waits.limit(1)) is not None:
        return None
    subscription = records.read(announcements.AUTHOR, "Subscription", subscription_id).resource
    channel = subscription["channel"]
    headers = _asked_for(channel) | {
        "Content-Type": channel.get("payload") or "application/fhir+json",
        "X-Carehub-Event": "Heartbeat",
        "X-Carehub-Subscription": f"Subscription/{subscription_id}",
    }
    body = notifications.heartbeat(subscriber, subscription)
    return Parcel("", subscriber.endpoint, headers, body)


def _asked_for(channel: dict[str, Any]) -> dict[str, str]:
    """Return the headers that a channel asks for."""
    headers: dict[str, str] = {}
    for header in channel.get("header", ()):
        name, _, value = header.partition(":")
        headers[name.strip()] = value.strip()
    return headers


def _drop(delivery: Delivery, why: str) -> None:
    delivery.status = DROPPED
    delivery.error = why


def real_now() -> datetime:
    """Leases are time-outs: they run in real time, also in a simulated hub."""
    return datetime.fromtimestamp(time.time(), UTC)
