"""What must happen after a commit is a row written in it; the relay hands it to Celery.

Redis may lose everything: a row stays until its handler has marked it handled, in the same
transaction as its effect.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import redis
from flask import current_app
from sqlalchemy import insert

from hub import clock
from hub.db import db
from hub.records.tables import OUTBOX
from hub.transaction import current

WAKE_CHANNEL = "carehub:wake"
"""Valkey channel that wakes the relay early; a lost message costs 100 ms, no more."""

HANDLERS: Mapping[str, tuple[str, ...]] = {
    # event: the handlers (Celery task names below `workflows.`) that must each run once
    "ReferralReceived": (),
    "ReferralAnswered": ("messages.answer",),
    "TaskAwaitsRouting": ("routing.route_task",),
    "TaskAssigned": ("notices.tell_owner",),
    "TaskReleased": ("routing.route_task",),
    "TaskHoldEnds": ("escalation.end_hold",),
    # Subscribers outside are told of the records themselves, by the relay.
    "RegisterEntered": ("notices.tell_care_team",),
    "RegisterChanged": ("notices.tell_care_team",),
    "RegisterLeft": ("notices.tell_care_team",),
    "AbsenceReported": ("absence.rehome",),
    "SubscriptionRequested": ("delivery.consider",),
    # Subscribers are told of each record that was moved.
    "PatientsMerged": (),
    "PatientsUnmerged": (),
    "BulkRequested": ("bulk.start",),
}


class UnknownEventError(LookupError):
    """An event that no part has declared in HANDLERS."""


def emit(
    event: str,
    *,
    subject: str,
    payload: Mapping[str, Any] | None = None,
    due_at: datetime | None = None,
) -> None:
    """Write one outbox row per handler of ``event``, in the open transaction."""
    opened = current()
    if opened is None:
        raise RuntimeError("an event belongs to a transaction")
    try:
        handlers = HANDLERS[event]
    except KeyError:
        raise UnknownEventError(event) from None
    now = clock.now()
    for handler in handlers:
        db.session.execute(
            insert(OUTBOX).values(
                event=event,
                handler=handler,
                subject=subject,
                payload=dict(payload or {}),
                created_at=now,
                due_at=due_at or now,
            )
        )
    if handlers:
        opened.after_commit("wake", wake)


def wake() -> None:
    """Publish a hint to the relay. Losing it is harmless, so an unreachable Valkey is ignored."""
    client: redis.Redis | None = current_app.extensions.get("carehub_redis")
    if client is None:
        return
    try:
        client.publish(WAKE_CHANNEL, "outbox")
    except redis.RedisError:
        return
