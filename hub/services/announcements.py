"""Changes of records become numbered deliveries, in bulk, after the commit that made them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

import psycopg
import structlog
from sqlalchemy import ColumnElement, and_, delete, exists, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError as SQLAlchemyOperationalError

from fhir.outcomes import FHIRError
from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.models.client import Client
from hub.models.delivery import ACKNOWLEDGED, HANDSHAKE, WAITING, Delivery
from hub.models.subscriber import Subscriber
from hub.records.ids import new_id
from hub.records.tables import CHANGES

_log = structlog.get_logger(__name__)

BULK = 500
"""Changes taken at once."""

AUTHOR = hub_actor("subscriptions")
"""Writes Subscription.status: its own changes are not looked at again."""


def _handshake(status: str) -> ColumnElement[bool]:
    return exists().where(
        Delivery.subscription_id == Subscriber.subscription_id,
        Delivery.kind == HANDSHAKE,
        Delivery.status == status,
    )


def has_run(subscription_id: str) -> bool:
    """Say whether a subscription has ever been active."""
    asked = select(Subscriber.subscription_id).where(
        Subscriber.subscription_id == subscription_id, _handshake(ACKNOWLEDGED)
    )
    return db.session.scalar(asked) is not None


_SHAKES_AGAIN = and_(_handshake(WAITING), _handshake(ACKNOWLEDGED))
"""It was on and has changed its Subscription: what happens meanwhile waits for its handshake."""


@dataclass(frozen=True, slots=True)
class Change:
    """One version that was written."""

    type: str
    record_id: str
    version: int
    actor: str

    @property
    def reference(self) -> str:
        return f"{self.type}/{self.record_id}"


@dataclass(frozen=True, slots=True)
class Announced:
    """What one round did."""

    changes: int
    deliveries: int


def announce_changes(limit: int = BULK) -> Announced:
    """Turn waiting changes into deliveries and requests of subscribers, in the open transaction."""
    taken = (
        select(CHANGES.c.id).order_by(CHANGES.c.id).limit(limit).with_for_update(skip_locked=True)
    )
    rows = db.session.execute(
        delete(CHANGES)
        .where(CHANGES.c.id.in_(taken))
        .returning(
            CHANGES.c.id, CHANGES.c.type, CHANGES.c.record_id, CHANGES.c.version, CHANGES.c.actor
        )
    ).all()
    changes = [Change(*row[1:]) for row in sorted(rows)]
    by_type: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        by_type[change.type].append(change)
    for change in by_type.get("Subscription", ()):
        if change.actor != AUTHOR.id:
            records.outbox.emit(
                "SubscriptionRequested",
                subject=change.reference,
                payload={"version": change.version, "actor": change.actor},
            )
    made = 0
    if by_type:
        wanted = select(Subscriber).where(
            # Who is paused gets it later: what happens meanwhile is not lost.
            or_(Subscriber.active, _SHAKES_AGAIN, Subscriber.paused_from.is_not(None)),
            Subscriber.resource_type.in_(by_type),
        )
        for subscriber in db.session.execute(
            wanted.order_by(Subscriber.subscription_id).with_for_update()
        ).scalars():
            made += _announce_to(subscriber, by_type[subscriber.resource_type])
    return Announced(changes=len(changes), deliveries=made)


def actor_of(subscriber: Subscriber) -> Actor | None:
    """Return the Actor whose rights decide what a subscriber gets; None when it has none left."""
    kind, _, name = subscriber.actor_id.partition("/")
    if kind == "hub":
        return hub_actor(name)
    client = db.session.get(Client, name) if kind == "client" else None
    if client is None or not client.active:
        return None
    return Actor(
        kind=ActorKind.SYSTEM,
        id=subscriber.actor_id,
        display=client.name,
        organization=client.organization,
        scopes=frozenset(client.scopes),
    )


def number(subscriber: Subscriber) -> int:
    """Give the next sequence number; the row must be locked."""
    subscriber.sequence += 1
    return subscriber.sequence


def _announce_to(subscriber: Subscriber, changes: Sequence[Change]) -> int:
    actor = actor_of(subscriber)
    if actor is None or (subscriber.ends_at is not None and subscriber.ends_at <= clock.now()):
        return 0
    try:
        with db.session.begin_nested():
            matching = _matching(actor, subscriber, {change.record_id for change in changes})
    except (psycopg.OperationalError, SQLAlchemyOperationalError):
        raise
    except Exception as error:  # noqa: BLE001 - one subscriber must not silence the others
        # The criteria parsed when they were accepted; whatever changed, it is shown, not lost.
        _log.warning(
            "criteria failed",
            subscription=subscriber.subscription_id,
            kind=type(error).__name__,
        )
        subscriber.active = False
        records.outbox.emit(
            "SubscriptionRequested",
            subject=f"Subscription/{subscriber.subscription_id}",
            payload={
                "error": error.text if isinstance(error, FHIRError) else type(error).__name__,
                "actor": subscriber.actor_id,
            },
        )
        return 0
    now = clock.now()
    rows = [
        {
            "id": new_id(),
            "subscription_id": subscriber.subscription_id,
            "event_id": f"{change.reference}/_history/{change.version}",
            "sequence": number(subscriber),
            "subject": change.reference,
            "version": change.version,
            "patient": matching[change.record_id],
            "kind": "RecordChanged",
            "created_at": now,
            "due_at": now,
        }
        for change in changes
        if change.record_id in matching
    ]
    if rows:
        db.session.flush()
        db.session.execute(insert(Delivery).values(rows))
    return len(rows)


def _matching(actor: Actor, subscriber: Subscriber, ids: set[str]) -> dict[str, str | None]:
    """Return which of the records match the criteria, each with the patient it is about."""
    found: dict[str, str | None] = {}
    wanted = sorted(ids)
    table = records.table(subscriber.resource_type)
    for start in range(0, len(wanted), 100):
        some = wanted[start : start + 100]
        page = records.search(
            actor,
            subscriber.resource_type,
            [
                *parse_qsl(subscriber.criteria, keep_blank_values=True),
                ("_id", ",".join(some)),
                ("_count", str(len(some))),
            ],
        )
        matched = [record.id for record in page.records]
        rows = db.session.execute(
            select(table.c.id, table.c.patient_id).where(table.c.id.in_(matched))
        )
        found.update(
            {row.id: f"Patient/{row.patient_id}" if row.patient_id else None for row in rows}
        )
    return found
