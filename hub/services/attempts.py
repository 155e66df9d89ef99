"""Sending at least once: a row is taken in hand under a lease, counted, settled or tried again.

Of every kind of row that leaves the hub for a gateway (``OutsideSend``, ``MeshSend``): what a
worker held when it died leaves again when its lease runs out, and is counted as a repeat.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import select

from hub import clock
from hub.adapters.gateways import Outcome
from hub.db import db
from hub.models.mesh_send import MeshSend
from hub.models.outside_send import DEAD, LOGGED, SENT, WAITING, OutsideSend
from hub.services.deliveries import real_now

Send = TypeVar("Send", OutsideSend, MeshSend)


def due(kind: type[Send], limit: int) -> list[str]:
    """Return ids of what is due, the oldest first."""
    found = (
        select(kind.id)
        .where(kind.state == WAITING, kind.due_at <= clock.now())
        .order_by(kind.due_at, kind.id)
        .limit(limit)
    )
    return list(db.session.scalars(found))


def free(kind: type[Send], send_id: str) -> Send | None:
    """Return a row, locked, that is due and that nobody has in hand."""
    row = db.session.get(kind, send_id, with_for_update=True, populate_existing=True)
    if row is None or row.state != WAITING or row.due_at > clock.now():
        return None
    if row.leased_until is not None and row.leased_until > real_now():
        return None
    return row


def lease(row: OutsideSend | MeshSend, lasts: timedelta) -> None:
    """Take a free row in hand; counted before it leaves: a worker that dies counts too."""
    if row.leased_until is not None or row.uncertain:
        # Whoever had it before died with it in hand, or had no answer: it may have arrived.
        row.repeats += 1
    row.attempts += 1
    row.uncertain = False
    row.leased_until = real_now() + lasts


def settle(
    row: OutsideSend | MeshSend,
    outcome: Outcome,
    *,
    tries: int,
    back_off: Sequence[timedelta],
) -> bool:
    """Write down what came of the last of ``tries`` attempts; True when it is given up."""
    row.leased_until = None
    row.error = outcome.error
    row.uncertain = outcome.uncertain
    if outcome.taken:
        row.state = SENT if outcome.real else LOGGED
    elif row.state == WAITING and tries > len(back_off):
        row.state = DEAD
    elif row.state == WAITING:
        row.due_at = clock.now() + back_off[tries - 1]
    return row.state == DEAD
