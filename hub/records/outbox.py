"""What must happen after a commit is a row written in it; the relay hands it to Celery.

Redis may lose everything: a row stays until its handler has marked it handled, in the same
transaction as its effect.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
    # Whoever referred left a telephone number or an e-mail address.
    "ReferrerFollows": ("messages.offer_link",),
    "ReferralAnswered": ("messages.answer",),
    "RefusedMessageDone": ("messages.tell_sender",),
    "ReferralSentOn": ("messages.send_on",),
    "ReferralCalledBack": ("messages.call_back",),
    # Due when the work cannot be taken back any more.
    "ReferralWorkEnded": ("messages.end_work",),
    "TaskAwaitsRouting": ("routing.route_task",),
    "TaskAssigned": ("notices.tell_owner",),
    "TaskReleased": ("routing.route_task",),
    "TaskHoldEnds": ("escalation.end_hold",),
    "TaskHoldOverdue": ("work.release_hold",),
    "TaskOfferExpires": ("work.expire_offer",),
    "TaskPartsMoved": ("work.settle_parts",),
    # Subscribers outside are told of the records themselves, by the relay.
    "RegisterEntered": ("notices.tell_care_team",),
    "RegisterChanged": ("notices.tell_care_team",),
    "RegisterLeft": ("notices.tell_care_team",),
    "AbsenceReported": ("absence.rehome",),
    # One for each team whose rota is not what it was: shifts, absences, swaps, overrides.
    "RotaChanged": ("rota.publish", "cover.recount"),
    "TimeLost": ("absence.rehome_lost",),
    "ShiftOfferExpires": ("rota.expire_offer",),
    "AccountabilityOfferEnds": ("accountability.expire_offer",),
    "TimeBoxEnds": ("accountability.end_time_box",),
    "StaffLeaves": ("accountability.take_leave",),
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
    emit_many([Emitted(event, subject, payload or {}, due_at)])


@dataclass(frozen=True, slots=True)
class Emitted:
    """One event that is to be written."""

    event: str
    subject: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    due_at: datetime | None = None
    """None: at once."""


def emit_many(events: Iterable[Emitted]) -> None:
    """Write many events with one statement, in their order."""
    opened = current()
    if opened is None:
        raise RuntimeError("an event belongs to a transaction")
    now = clock.now()
    rows = []
    for each in events:
        try:
            handlers = HANDLERS[each.event]
        except KeyError:
            raise UnknownEventError(each.event) from None
        rows += [
            {
                "event": each.event,
                "handler": handler,
                "subject": each.subject,
                "payload": dict(each.payload),
                "created_at": now,
                "due_at": each.due_at or now,
            }
            for handler in handlers
        ]
    if rows:
        db.session.execute(insert(OUTBOX), rows)
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
