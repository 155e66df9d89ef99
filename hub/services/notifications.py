"""What topic subscriptions are sent and may ask for: notifications, their status, past events.

Bundles are those of ``fhir.subscriptions``. Every record is read as the subscriber, now: what it
may not read any more stands as a number without a focus, so that its numbers have no gaps.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from flask import current_app
from sqlalchemy import select

from fhir import jsontext
from fhir.outcomes import ForbiddenError, GoneError, NotFoundError
from fhir.subscriptions import Content, Event, Kind, Standing, notification, status
from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor
from hub.models.delivery import HANDSHAKE, Delivery
from hub.models.subscriber import Subscriber
from hub.records import instant
from hub.services import announcements

MOST_EVENTS = 100
"""Events of one answer to ``$events``; whoever wants more asks on from the last number."""

Json = dict[str, Any]


def of_delivery(subscriber: Subscriber, subscription: Json, delivery: Delivery) -> bytes:
    """Return the body of a handshake or of an event. The same delivery has the same Bundle.id."""
    standing = _standing(subscriber, subscription)
    if delivery.kind == HANDSHAKE:
        return _bytes(_bundle(standing, Kind.HANDSHAKE, delivery.id, ()))
    reader = announcements.actor_of(subscriber)
    events = _events(reader, [delivery], Content(str(subscriber.content)))
    return _bytes(_bundle(standing, Kind.EVENT, delivery.id, events))


def heartbeat(subscriber: Subscriber, subscription: Json) -> bytes:
    """Return the body that says that nothing has happened."""
    return _bytes(
        _bundle(_standing(subscriber, subscription), Kind.HEARTBEAT, str(uuid.uuid4()), ())
    )


def statuses(actor: Actor, ids: Sequence[str], wanted: Sequence[str] = ()) -> Json:
    """Answer ``$status``: a searchset of one Parameters for each of the actor's own subscriptions.

    ``ids``: those only, empty for all; ``wanted``: Subscription.status codes. Raises NotFoundError
    for an id that is not the actor's.
    """
    asked = select(Subscriber).where(Subscriber.topic.is_not(None))
    if ids:
        asked = asked.where(Subscriber.subscription_id.in_(ids))
    rows = db.session.execute(asked.order_by(Subscriber.subscription_id)).scalars()
    mine = [each for each in rows if each.actor_id == actor.id]
    missing = sorted(set(ids) - {each.subscription_id for each in mine})
    if missing:
        raise NotFoundError(f"there is no topic subscription {missing[0]} of this client")
    entries = []
    for each in mine:
        held = records.read(announcements.AUTHOR, "Subscription", each.subscription_id)
        if wanted and held["status"] not in wanted:
            continue
        said = status(_standing(each, held.resource), Kind.STATUS)
        entries.append(
            {
                "fullUrl": f"urn:uuid:{uuid.uuid4()}",
                "resource": {**said, "id": each.subscription_id},
                "search": {"mode": "match"},
            }
        )
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return {**bundle, "entry": entries} if entries else bundle


def past_events(
    actor: Actor,
    subscription_id: str,
    *,
    since: int | None,
    until: int | None,
    content: Content | None,
) -> Json:
    """Answer ``$events``: numbers ``since`` to ``until`` inclusive, at most ``MOST_EVENTS``.

    Raises NotFoundError for a subscription that is not the actor's.
    """
    subscriber = db.session.get(Subscriber, subscription_id)
    if subscriber is None or subscriber.topic is None or subscriber.actor_id != actor.id:
        raise NotFoundError(f"there is no topic subscription {subscription_id} of this client")
    asked = select(Delivery).where(
        Delivery.subscription_id == subscription_id, Delivery.kind != HANDSHAKE
    )
    if since is not None:
        asked = asked.where(Delivery.sequence >= since)
    if until is not None:
        asked = asked.where(Delivery.sequence <= until)
    rows = db.session.execute(asked.order_by(Delivery.sequence).limit(MOST_EVENTS)).scalars()
    held = records.read(announcements.AUTHOR, "Subscription", subscription_id)
    events = _events(actor, list(rows), content or Content(str(subscriber.content)))
    standing = _standing(subscriber, held.resource)
    return _bundle(standing, Kind.EVENTS, str(uuid.uuid4()), events)


def _standing(subscriber: Subscriber, subscription: Json) -> Standing:
    return Standing(
        subscription=f"{_base()}/Subscription/{subscriber.subscription_id}",
        topic=str(subscriber.topic),
        status=subscription["status"],
        events=subscriber.sequence,
        error=subscription.get("error"),
    )


def _events(
    reader: Actor | None, deliveries: Sequence[Delivery], content: Content
) -> tuple[Event, ...]:
    found = []
    for each in deliveries:
        at = instant(each.created_at)
        held = None if content is Content.EMPTY else _read(reader, each.subject)
        if held is None:
            found.append(Event(each.sequence, at))
            continue
        resource = held if content is Content.FULL else None
        focus = f"{_base()}/{each.subject}"
        found.append(Event(each.sequence, at, focus, resource, each.version))
    return tuple(found)


def _read(reader: Actor | None, subject: str) -> Json | None:
    if reader is None:
        return None
    resource_type, _, record_id = subject.partition("/")
    try:
        return records.read(reader, resource_type, record_id).resource
    except (NotFoundError, GoneError, ForbiddenError):
        return None


def _bundle(standing: Standing, kind: Kind, bundle_id: str, events: Sequence[Event]) -> Json:
    return notification(
        standing,
        kind,
        id=bundle_id,
        status_id=str(uuid.uuid4()),
        at=instant(clock.now()),
        events=events,
    )


def _bytes(bundle: Json) -> bytes:
    return jsontext.dumps(bundle).encode()


def _base() -> str:
    base: str = current_app.config["CAREHUB"].base_url
    return f"{base}/fhir"
