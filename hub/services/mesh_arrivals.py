"""What lies in the MESH mailbox: found by a poll, taken in hand under a lease, settled once.

The row is settled in the transaction of the effect. A message that MESH shows again afterwards
(its receipt was lost, or the worker died before it) is acknowledged again and has no further
effect. A worker that dies with one in hand leaves a lease that runs out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from hub import clock
from hub.db import db
from hub.models.mesh_arrival import MeshArrival
from hub.records.ids import new_id
from hub.services import deliveries

LEASE = timedelta(minutes=5)
"""The largest message comes in minutes."""
BACK_OFF = deliveries.BACK_OFF[:5]
"""Up to ten minutes: somebody's discharge summary lies there."""


@dataclass(frozen=True, slots=True)
class InHand:
    """A message that this worker has."""

    id: str
    message_id: str
    settled: bool
    """It had its effect before: only the receipt is missing."""


def found(mailbox: str, message_ids: Iterable[str]) -> list[str]:
    """Write down what a poll has found; return the ids of rows that are due."""
    ids = list(dict.fromkeys(message_ids))
    if not ids:
        return []
    now = clock.now()
    db.session.execute(
        insert(MeshArrival)
        .values(
            [
                {
                    "id": new_id(),
                    "mailbox": mailbox,
                    "message_id": each,
                    "seen_at": now,
                    "due_at": now,
                }
                for each in ids
            ]
        )
        .on_conflict_do_nothing(constraint="uq_mesh_arrival_message")
    )
    free = or_(MeshArrival.leased_until.is_(None), MeshArrival.leased_until < deliveries.real_now())
    due = select(MeshArrival.id).where(
        MeshArrival.mailbox == mailbox,
        MeshArrival.message_id.in_(ids),
        MeshArrival.due_at <= now,
        free,
    )
    return list(db.session.scalars(due.order_by(MeshArrival.seen_at, MeshArrival.id)))


def take(arrival_id: str) -> InHand | None:
    """Take a message in hand under a lease; None when another worker has it."""
    row = db.session.get(MeshArrival, arrival_id, with_for_update=True, populate_existing=True)
    if row is None or row.due_at > clock.now():
        return None
    if row.leased_until is not None and row.leased_until > deliveries.real_now():
        return None
    row.attempts += 1
    row.leased_until = deliveries.real_now() + LEASE
    db.session.flush()
    return InHand(row.id, row.message_id, row.settled_at is not None)


def unsettled(arrival_id: str) -> bool:
    """Lock the row and say whether the message has had no effect yet."""
    row = db.session.get(MeshArrival, arrival_id, with_for_update=True, populate_existing=True)
    return row is not None and row.settled_at is None


def settle(arrival_id: str, inbox_id: str | None) -> None:
    """Write down, in the transaction of its effect, that a message has had it."""
    row = db.session.get_one(MeshArrival, arrival_id)
    row.settled_at = clock.now()
    row.inbox_id = inbox_id
    row.error = None
    db.session.flush()


def acknowledged(arrival_id: str) -> None:
    row = db.session.get_one(MeshArrival, arrival_id, with_for_update=True, populate_existing=True)
    row.acknowledged_at = clock.now()
    row.leased_until = None
    row.error = None
    db.session.flush()


def failed(arrival_id: str, error: str) -> None:
    """Let a message wait for a later poll, with what went wrong."""
    row = db.session.get_one(MeshArrival, arrival_id, with_for_update=True, populate_existing=True)
    row.leased_until = None
    row.error = error
    row.due_at = clock.now() + BACK_OFF[min(row.attempts, len(BACK_OFF)) - 1]
    db.session.flush()
