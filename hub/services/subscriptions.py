"""R4 Subscriptions by rest-hook: accepted, shaken hands with, turned off, shown.

http://hl7.org/fhir/R4/subscription.html. ``status``, ``error`` and secret headers belong to the
server: behaviour.md, thirteenth rule. Deliveries themselves: ``hub.services.deliveries``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from flask import current_app
from sqlalchemy import func, or_, select, update

from fhir import subscriptions as topics
from fhir.outcomes import FHIRError, NotFoundError
from fhir.registry.types import SUPPORTED_TYPES
from hub import clock, records
from hub.adapters import rest_hook
from hub.db import db
from hub.domain.actor import Actor, ActorKind
from hub.domain.errors import StateError
from hub.models.delivery import DEAD, DROPPED, HANDSHAKE, WAITING, Delivery, DeliveryAttempt
from hub.models.subscriber import Subscriber
from hub.records.ids import new_id
from hub.records.record import Record
from hub.services import announcements

_ASKED = (
    *("name", "resource_type", "criteria", "endpoint", "actor_id", "ends_at"),
    *("topic", "content", "heartbeat_seconds"),
)
"""Columns that the Subscription says."""


@dataclass(frozen=True, slots=True)
class Told:
    """One line of "who was told": a subscriber and how the delivery stands."""

    subscriber: str
    subject: str
    status: str
    attempts: int
    sent_at: datetime | None
    acknowledged_at: datetime | None
    acknowledgement: str | None
    error: str | None
    delivery_id: str = ""


def subscribe(
    actor: Actor,
    *,
    criteria: str,
    endpoint: str,
    name: str,
    id: str | None = None,  # noqa: A002 - the FHIR element
    payload: str | None = "application/fhir+json",
    end: datetime | None = None,
) -> Record:
    """Create a Subscription with status ``requested``; the handshake follows after the commit."""
    channel: dict[str, Any] = {"type": "rest-hook", "endpoint": endpoint}
    if payload:
        channel["payload"] = payload
    subscription: dict[str, Any] = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": name,
        "criteria": criteria,
        "channel": channel,
    }
    if end is not None:
        subscription["end"] = records.instant(end)
    return records.create(actor, subscription, id=id)


def consider(
    subscription_id: str, *, version: int | None, author: str, error: str | None = None
) -> None:
    """Look at a Subscription that somebody wrote: start its handshake, or say why it cannot run."""
    try:
        record = records.lock(announcements.AUTHOR, "Subscription", subscription_id)
    except FHIRError:
        _stop(subscription_id)
        return
    if version is not None and record.version != version:
        # A later version has an event of its own.
        return
    content = record.resource
    if content.get("status") == "off":
        _stop(subscription_id)
        return
    subscriber = _row_of(content, author)
    fault = error or _fault(content, subscriber)
    if fault is not None:
        _stop(subscription_id)
        _show(record, "error", fault)
        return
    stored = db.session.get(Subscriber, subscription_id, with_for_update=True)
    if stored is None:
        db.session.add(subscriber)
        stored = subscriber
        stored.sequence = 0
    else:
        for column in _ASKED:
            setattr(stored, column, getattr(subscriber, column))
    _shake_hands(stored, record)
    if content.get("status") != "requested" or "error" in content:
        _show(record, "requested", None)


def _shake_hands(subscriber: Subscriber, record: Record) -> None:
    """Send a handshake before everything that waits; who was paused gets the rest after it."""
    if subscriber.paused_from is not None:
        db.session.execute(
            update(Delivery)
            .where(
                Delivery.subscription_id == subscriber.subscription_id,
                Delivery.status == DEAD,
                Delivery.kind != HANDSHAKE,
                Delivery.sequence >= subscriber.paused_from,
            )
            .values(status=WAITING, due_at=clock.now(), replayed_after=Delivery.attempts)
        )
        subscriber.paused_from = None
    subscriber.active = False
    subscriber.heartbeat_at = None
    db.session.flush()
    now = clock.now()
    db.session.add(
        Delivery(
            id=new_id(),
            subscription_id=subscriber.subscription_id,
            event_id=f"handshake/{record.version}",
            # The numbers of a topic's events have no gaps, and a handshake is no event.
            sequence=-record.version if subscriber.topic else announcements.number(subscriber),
            subject=record.reference,
            version=record.version,
            kind=HANDSHAKE,
            status=WAITING,
            created_at=now,
            due_at=now,
            attempts=0,
            replayed_after=0,
        )
    )
    db.session.flush()


def activate(subscription_id: str) -> None:
    """Turn a subscription on after its handshake."""
    subscriber = db.session.get(Subscriber, subscription_id)
    if subscriber is None:
        return
    record = records.lock(announcements.AUTHOR, "Subscription", subscription_id)
    if record["status"] == "requested":
        subscriber.active = True
        heard_from(subscriber)
        db.session.flush()
        _show(record, "active", None)


def heard_from(subscriber: Subscriber) -> None:
    """Count the silence until the next heartbeat from now."""
    if subscriber.heartbeat_seconds is not None:
        subscriber.heartbeat_at = clock.now() + timedelta(seconds=subscriber.heartbeat_seconds)


def fail(subscription_id: str, error: str, *, at: int | None = None) -> None:
    """Turn a subscription off that cannot be reached, and say why.

    Where it has run before it is paused: what waits, and what happens meanwhile, stays for when it
    is requested again (behaviour.md, thirteenth rule). One that never ran is told nothing.
    ``at``: number of the delivery that was given up, which then goes first.
    """
    subscriber = db.session.get(Subscriber, subscription_id, with_for_update=True)
    first = db.session.scalar(
        select(func.min(Delivery.sequence)).where(
            Delivery.subscription_id == subscription_id,
            Delivery.kind != HANDSHAKE,
            Delivery.status == WAITING,
        )
    )
    if subscriber is not None and announcements.has_run(subscription_id):
        waiting = [each for each in (at, first) if each is not None]
        subscriber.paused_from = min(waiting, default=subscriber.sequence + 1)
        subscriber.active = False
        subscriber.heartbeat_at = None
        db.session.flush()
    else:
        _stop(subscription_id)
    record = records.lock(announcements.AUTHOR, "Subscription", subscription_id)
    if record["status"] != "off":
        _show(record, "error", error)


def deliveries_for(subjects: Sequence[str]) -> list[Told]:
    """Return who was told of records (``EpisodeOfCare/1``) or of a person (``Patient/1``)."""
    rows = db.session.execute(
        select(Delivery, Subscriber.name, DeliveryAttempt.attempted_at)
        .join(Subscriber, Subscriber.subscription_id == Delivery.subscription_id)
        .outerjoin(
            DeliveryAttempt,
            (DeliveryAttempt.delivery_id == Delivery.id)
            & (DeliveryAttempt.number == Delivery.attempts),
        )
        .where(or_(Delivery.subject.in_(subjects), Delivery.patient.in_(subjects)))
        .order_by(Delivery.created_at.desc(), Subscriber.name)
    )
    return [
        Told(
            subscriber=name,
            subject=delivery.subject,
            status=delivery.status,
            attempts=delivery.attempts,
            sent_at=sent_at,
            acknowledged_at=delivery.acknowledged_at,
            acknowledgement=delivery.acknowledgement,
            error=delivery.error,
            delivery_id=delivery.id,
        )
        for delivery, name, sent_at in rows
    ]


def attempts_of(delivery_id: str) -> list[DeliveryAttempt]:
    """Return every attempt of a delivery, the first one first."""
    found = db.session.execute(
        select(DeliveryAttempt)
        .where(DeliveryAttempt.delivery_id == delivery_id)
        .order_by(DeliveryAttempt.number)
    )
    return list(found.scalars())


def replay(actor: Actor, delivery_id: str) -> Delivery:
    """Send a dead delivery again, with the same key."""
    delivery = db.session.get(Delivery, delivery_id, with_for_update=True)
    if delivery is None:
        raise NotFoundError(f"there is no delivery {delivery_id}")
    if delivery.status != DEAD:
        raise StateError(f"a delivery that is {delivery.status} is not replayed", allowed=[DEAD])
    delivery.status = WAITING
    delivery.due_at = clock.now()
    delivery.replayed_after = delivery.attempts
    records.audit.record(actor, "delivery-replayed", f"Delivery/{delivery_id}")
    db.session.flush()
    subscriber = db.session.get(Subscriber, delivery.subscription_id, with_for_update=True)
    if subscriber is not None and subscriber.paused_from is not None:
        # A person tries the endpoint again: everything that waits for it goes with it.
        record = records.lock(announcements.AUTHOR, "Subscription", delivery.subscription_id)
        _shake_hands(subscriber, _show(record, "requested", None))
    return delivery


def _row_of(content: dict[str, Any], author: str) -> Subscriber:
    try:
        wanted = topics.read(content)
    except topics.UnreadableError:
        # ``_fault`` says it; the row is not kept.
        wanted = None
    resource_type, _, query = str(content.get("criteria", "")).partition("?")
    end = content.get("end")
    return Subscriber(
        subscription_id=content["id"],
        name=content.get("reason", "")[:200],
        resource_type=wanted.resource_type if wanted else resource_type,
        criteria=wanted.filters if wanted else query,
        topic=wanted.topic if wanted else None,
        content=wanted.content.value if wanted else None,
        heartbeat_seconds=wanted.heartbeat if wanted else None,
        endpoint=content["channel"].get("endpoint", ""),
        actor_id=author,
        active=False,
        ends_at=datetime.fromisoformat(end) if end else None,
    )


def _fault(content: dict[str, Any], subscriber: Subscriber) -> str | None:
    """Say why a Subscription cannot run, or None."""
    if content["channel"].get("type") != "rest-hook":
        return f"channel.type {content['channel'].get('type')} is not offered; it may be rest-hook"
    if subscriber.ends_at is not None and subscriber.ends_at <= clock.now():
        return "end is past"
    try:
        topics.read(content)
    except topics.UnreadableError as error:
        return str(error)
    if subscriber.resource_type not in SUPPORTED_TYPES:
        return f"criteria name no type that the hub holds: {content.get('criteria')}"
    payload = content["channel"].get("payload")
    if payload not in {None, "application/fhir+json"}:
        return f"channel.payload {payload} is not offered; it may be application/fhir+json"
    actor = announcements.actor_of(subscriber)
    if actor is None or actor.kind is ActorKind.PERSON:
        return "only a registered system may subscribe"
    try:
        with db.session.begin_nested():
            parameters = parse_qsl(subscriber.criteria, keep_blank_values=True)
            records.search(actor, subscriber.resource_type, [*parameters, ("_count", "1")])
    except FHIRError as error:
        return f"criteria cannot be used: {error.text}"
    hub_url: str = current_app.config["CAREHUB"].base_url
    return rest_hook.refusal(subscriber.endpoint, hub_url=hub_url)


def _stop(subscription_id: str) -> None:
    """Send nothing more: what waits is dropped and stays to be seen."""
    db.session.execute(
        update(Subscriber)
        .where(Subscriber.subscription_id == subscription_id)
        .values(active=False, heartbeat_at=None, paused_from=None)
    )
    db.session.execute(
        update(Delivery)
        .where(Delivery.subscription_id == subscription_id, Delivery.status == WAITING)
        .values(status=DROPPED, error="the subscription was turned off")
    )


def _show(record: Record, status: str, error: str | None) -> Record:
    content = record.resource
    content["status"] = status
    content.pop("error", None)
    if error is not None:
        content["error"] = error
    return records.update(
        announcements.AUTHOR, content, type="Subscription", id=record.id, if_match=record.version
    )
