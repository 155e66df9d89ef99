"""What leaves the hub for a telephone or a mailbox: queued with the step, sent, settled.

The row is written in the transaction of the step; a worker takes it under a lease, sends it with
its key outside any transaction, and writes down what came of it. A worker that dies in between
leaves a lease that runs out: the message leaves again, with the same key, and is counted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from fhir.outcomes import NotFoundError
from hub import clock, records
from hub.adapters.gateways import EMAIL, SMS, Outcome
from hub.db import db
from hub.domain import escalation_hours, escalation_targets
from hub.domain.actor import Actor, hub_actor
from hub.domain.calendars import Calendar
from hub.domain.errors import StateError
from hub.domain.escalation import Notified
from hub.domain.escalation_hours import When
from hub.models.clock import TaskClock
from hub.models.escalation import EscalationStep
from hub.models.outside_send import DEAD, DROPPED, WAITING, OutsideSend
from hub.records.ids import new_id
from hub.services import (
    assignments,
    attempts,
    definitions,
    deliveries,
    escalation_circle,
    escalation_schedule,
    notices,
)

LEASE = 2 * deliveries.LEASE
"""A mail server asks for several answers in one sending."""

BACK_OFF = deliveries.BACK_OFF[:7]
"""An alarm is of use for an hour or two: then it is given up, and the duty manager is told."""

REFERRER = "referrer"
"""Recipient of news about a referral: nobody who works here."""

CODE_IS_OF_USE = timedelta(minutes=10)
_BLOTTED = "(a one-time code)"
_HUB = hub_actor("sending")

_CHANNEL_OF = {"phone": SMS, "sms": SMS, "email": EMAIL}
_NO_RANK = 1_000_000


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything that one sending needs."""

    send_id: str
    channel: str
    address: str
    text: str
    key: str


def queue(
    step: EscalationStep,
    recipients: Iterable[str],
    *,
    line: str,
    urgent: bool,
    quiet: When | None,
    hours: Calendar,
) -> list[str]:
    """Queue a step for the people among its recipients; return those who cannot be reached so.

    In quiet hours only what is urgent leaves at once. The key names clock, step, repeat,
    recipient and channel: the same step never queues the same message twice.
    """
    people = [each for each in recipients if each.startswith("Practitioner/")]
    if not people:
        return []
    ways = _ways(people)
    now = clock.now()
    due = now
    if quiet is not None and not urgent:
        due = escalation_hours.first_outside(quiet, hours, now) or now
    rows = [
        {
            "id": new_id(),
            "key": f"{step.clock_id}/{step.step}/{step.repeat}/{who}/{channel}",
            "clock_id": step.clock_id,
            "step": step.step,
            "subject": f"Task/{step.task_id}",
            "recipient": who,
            "channel": channel,
            "address": address,
            "line": line,
            "urgent": urgent,
            "state": WAITING,
            "created_at": now,
            "due_at": due,
        }
        for who in people
        for channel, address in ways[who]
    ]
    if rows:
        db.session.execute(
            insert(OutsideSend)
            .values(rows)
            .on_conflict_do_nothing(constraint="uq_outside_send_key")
        )
    return [who for who in people if not ways[who]]


def queue_news(
    key: str, *, subject: str, channel: str, address: str, line: str, secret: bool = False
) -> None:
    """Queue a message to a referrer without an account; the same ``key`` is queued once."""
    now = clock.now()
    db.session.execute(
        insert(OutsideSend)
        .values(
            id=new_id(),
            key=key,
            subject=subject,
            recipient=REFERRER,
            channel=channel,
            address=address,
            line=line,
            secret=secret,
            urgent=True,
            state=WAITING,
            created_at=now,
            due_at=now,
        )
        .on_conflict_do_nothing(constraint="uq_outside_send_key")
    )


def due_sends(limit: int = 200) -> list[str]:
    """Return ids of what is due, the oldest first."""
    return attempts.due(OutsideSend, limit)


def take(send_id: str) -> Letter | None:
    """Take a message in hand under a lease; None when there is nothing to send any more."""
    row = attempts.free(OutsideSend, send_id)
    if row is None:
        return None
    if why := _not_needed(row):
        row.state, row.error, row.leased_until = DROPPED, why, None
        if row.secret:
            row.line = _BLOTTED
        db.session.flush()
        return None
    attempts.lease(row, LEASE)
    row.last_attempt_at = clock.now()
    row.first_attempt_at = row.first_attempt_at or row.last_attempt_at
    db.session.flush()
    return Letter(row.id, row.channel, row.address, row.line, row.key)


def settle(send_id: str, outcome: Outcome) -> None:
    """Write down what came of an attempt; a refused one waits, at last it is given up."""
    row = db.session.get(OutsideSend, send_id, with_for_update=True, populate_existing=True)
    if row is None or row.state not in {WAITING, DROPPED}:
        return
    if attempts.settle(row, outcome, tries=row.attempts - row.replayed_after, back_off=BACK_OFF):
        _tell_manager(row)
    if outcome.taken:
        row.provider_id = outcome.provider_id
    if row.secret and row.state != WAITING:
        row.line = _BLOTTED
    db.session.flush()


def replay(actor: Actor, send_id: str) -> OutsideSend:
    """Send a message that was given up again, with the same key."""
    row = db.session.get(OutsideSend, send_id, with_for_update=True)
    if row is None:
        raise NotFoundError(f"there is no message {send_id}")
    if row.state != DEAD:
        raise StateError(f"a message that is {row.state} is not sent anew", allowed=[DEAD])
    row.state = WAITING
    row.due_at = clock.now()
    row.replayed_after = row.attempts
    db.session.flush()
    records.audit.record(actor, "outside-send-replayed", row.subject, {"send": row.id})
    return row


def _not_needed(row: OutsideSend) -> str | None:
    if row.clock_id is None:
        late = row.secret and row.created_at < clock.now() - CODE_IS_OF_USE
        return "the code has run out" if late else None
    running = db.session.get(TaskClock, row.clock_id)
    if running is None or running.stopped_at is not None:
        return "the clock has stopped"
    steps = escalation_schedule.rows_of(row.clock_id)
    level = next((each.level for each in steps if each.step == row.step), 0)
    acknowledged = escalation_schedule.acknowledged(steps)
    if acknowledged and level <= acknowledged:
        return "somebody has acknowledged"
    return None


def _tell_manager(row: OutsideSend) -> None:
    """Say inside the hub that somebody has not been reached outside of it."""
    if row.clock_id is None:
        # News of a referral that cannot be sent is on the page Alarms; nobody is rung for it.
        return
    spell = assignments.current(row.subject.partition("/")[2])
    circle = escalation_circle.around(
        definitions.current(),
        owner=spell.owner if spell else row.recipient,
        team=spell.team if spell else None,
        at=clock.now(),
    )
    heard = escalation_targets.whom([Notified.DUTY_MANAGER], circle)
    notices.tell(
        {*heard.recipients, row.recipient},
        kind="SendFailed",
        subject=row.subject,
        line="An alarm could not be sent outside the hub: see Alarms",
        key=f"{row.key}/dead/{row.attempts}",
        urgent=True,
    )


def _ways(people: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Return by which channels each person hears: (channel, address), from their own record.

    ``Practitioner.telecom.rank`` is their preference, and only the best rank is used (1 is best;
    two ways with rank 1 are both used). Without a rank it is the telephone, else e-mail.
    """
    found = records.read_many(_HUB, people)
    ways: dict[str, list[tuple[str, str]]] = {}
    for who in people:
        record = found.get(who)
        telecom: list[Mapping[str, Any]] = list(record.get("telecom") or ()) if record else []
        known = [
            (int(each.get("rank", _NO_RANK)), _CHANNEL_OF[each["system"]], str(each["value"]))
            for each in telecom
            if each.get("system") in _CHANNEL_OF
            and each.get("value")
            and each.get("use") != "old"
            and not _ended(each)
        ]
        best = min((rank for rank, _, _ in known), default=_NO_RANK)
        chosen = [(channel, address) for rank, channel, address in known if rank == best]
        if best == _NO_RANK:
            # Nothing is preferred: one way, the telephone first.
            chosen = sorted(chosen, key=lambda way: way[0] != SMS)[:1]
        ways[who] = list(dict(reversed(chosen)).items())[::-1]
    return ways


def _ended(contact: Mapping[str, Any]) -> bool:
    end = contact.get("period", {}).get("end")
    return bool(end) and str(end)[:10] < clock.now().date().isoformat()
