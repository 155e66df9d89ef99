"""Messages that the hub could not process: shown beside their faults, mended, replayed.

The sender was told 500 at the time and that the message is kept. What a person tries is an attempt
of its own: one that fails again leaves the message as it was, and no row that counts as an arrival.

A message that was refused belongs to its sender, who was told what to mend. A person may try it
only while no later message about the same thing was done, and the sender is told when it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, or_, select

from fhir.jsontext import layout
from fhir.messaging import MessageRefusedError, parse_message
from fhir.outcomes import FHIRError, Issue
from fhir.validation import validate
from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.errors import RuleError, StateError
from hub.models.message import PROCESSED, QUARANTINED, REFUSED, STATUSES, InboxMessage
from hub.models.message_attempt import MessageAttempt
from hub.services import document_messages, messages

AT_ONCE = 50
"""Messages of one page."""
LARGEST = 1_000_000
"""Characters of a mended message: a form, not a front door."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a replay."""

    done: bool
    faults: tuple[dict[str, Any], ...] = ()


def listed(status: str, *, before: str | None = None) -> Sequence[InboxMessage]:
    """Return the messages that ended so, the latest first; ``before``: the id of the last seen."""
    if status not in STATUSES:
        raise RuleError("there is no such status", field="status", allowed=STATUSES)
    asked = select(InboxMessage).where(InboxMessage.status == status)
    if before:
        asked = asked.where(InboxMessage.id < before)
    return db.session.scalars(asked.order_by(InboxMessage.id.desc()).limit(AT_ONCE + 1)).all()


def message(message_id: str) -> InboxMessage | None:
    return db.session.get(InboxMessage, message_id)


def attempts_at(row: InboxMessage) -> Sequence[MessageAttempt]:
    """Return what was tried with a message before it ended as it stands, the first first."""
    return db.session.scalars(
        select(MessageAttempt)
        .where(MessageAttempt.message_id == row.id)
        .order_by(MessageAttempt.id)
    ).all()


def beside(row: InboxMessage) -> Sequence[InboxMessage]:
    """Return what else came from the same system in the same conversation or of the same Bundle."""
    same = or_(
        and_(
            InboxMessage.correlation_id.is_not(None),
            InboxMessage.correlation_id == row.correlation_id,
        ),
        and_(InboxMessage.bundle_id.is_not(None), InboxMessage.bundle_id == row.bundle_id),
    )
    return db.session.scalars(
        select(InboxMessage)
        .where(InboxMessage.client == row.client, InboxMessage.id != row.id, same)
        .order_by(InboxMessage.id)
        .limit(AT_ONCE)
    ).all()


def done_since(row: InboxMessage) -> InboxMessage | None:
    """Return a later message of the same system about the same thing that was done, or None."""
    same = [
        column == value
        for column, value in (
            (InboxMessage.request_id, row.request_id),
            (InboxMessage.bundle_id, row.bundle_id),
            (InboxMessage.correlation_id, row.correlation_id),
            (InboxMessage.focus, row.focus),
        )
        if value
    ]
    if not same:
        return None
    return db.session.scalars(
        select(InboxMessage)
        .where(
            InboxMessage.client == row.client,
            InboxMessage.id > row.id,
            InboxMessage.status == PROCESSED,
            or_(*same),
        )
        .order_by(InboxMessage.id)
        .limit(1)
    ).one_or_none()


def faults_of(row: InboxMessage) -> list[dict[str, Any]]:
    """Return what is wrong with a body by the grammar of messages and by R4; empty: it is ours."""
    if _by_mesh(row):
        return [
            {"code": each.code.value, "text": each.text}
            | ({"expression": each.place} if each.place else {})
            for each in document_messages.faults_in(row.body)
        ]
    xml = "xml" in row.transport.get("Content-Type", row.transport.get("content-type", ""))
    try:
        parsed = parse_message(row.body, versions=messages.supported_versions(), xml=xml)
    except (MessageRefusedError, FHIRError) as error:
        return _told(error.issues)
    return _told(i for i in validate(parsed.bundle) if i.severity in {"error", "fatal"})


def text_of(body: bytes) -> str:
    """Return a body to read and to mend: JSON with one member a line, anything else as it came."""
    try:
        return layout.indented(body).decode()
    except (ValueError, FHIRError):
        return body.decode(errors="replace")


def replay(actor: Actor, message_id: str, *, mended: str | None = None) -> Tried:
    """Process a message again as its sender's, as it came or mended; in the caller's transaction.

    Raises StateError for one that is done (or superseded), RuleError for a mended one that is empty
    or too long.
    """
    if mended is not None and not 0 < len(mended.strip()) <= LARGEST:
        raise RuleError(f"a message has 1 to {LARGEST} characters", field="body")
    row = db.session.get(InboxMessage, message_id, with_for_update=True, populate_existing=True)
    if row is None or row.status not in (QUARANTINED, REFUSED):
        raise StateError(
            "only a message in quarantine or a refused one can be replayed", field="status"
        )
    later = done_since(row) if row.status == REFUSED else None
    if later is not None:
        raise StateError(
            "its sender has sent a later message about this, which was done: that one holds",
            field="status",
        )
    refused = row.status == REFUSED
    body = row.body if mended is None else mended.encode()
    # What fails is undone to here: it was no arrival, and must not be counted as one.
    savepoint = db.session.begin_nested()
    given = None if mended is None else body
    if _by_mesh(row):
        answer = document_messages.replay(actor, row, body=given)
    else:
        answer = messages.replay(actor, message_id, body=given)
    if answer.status == 200:
        savepoint.commit()
        if refused:
            # It was told that it was not done, and goes by that until it hears otherwise.
            row = db.session.get_one(InboxMessage, message_id, populate_existing=True)
            records.outbox.emit(
                "RefusedMessageDone",
                subject=str(row.subject),
                payload={"inbox": row.id, "answer": answer.body},
            )
        return Tried(done=True)
    savepoint.rollback()
    faults = [
        {
            "code": issue["code"],
            "text": issue.get("diagnostics") or issue.get("details", {}).get("text", ""),
            **({"expression": issue["expression"][0]} if issue.get("expression") else {}),
        }
        for issue in answer.body["issue"]
    ]
    row = db.session.get_one(InboxMessage, message_id, populate_existing=True)
    row.attempts += 1
    db.session.add(
        MessageAttempt(
            id=records.new_id(),
            message_id=row.id,
            at=clock.now(),
            by=actor.id,
            body=body,
            http_status=answer.status,
            faults=faults,
        )
    )
    records.audit.record(
        actor,
        "message-replay-failed",
        f"InboxMessage/{row.id}",
        {"mended": mended is not None, "status": answer.status},
    )
    db.session.flush()
    return Tried(done=False, faults=tuple(faults))


def _by_mesh(row: InboxMessage) -> bool:
    return row.client.startswith(document_messages.CLIENT)


def _told(issues: Iterable[Issue]) -> list[dict[str, Any]]:
    return [
        {"code": each.code, "text": each.text}
        | ({"expression": each.expression} if each.expression else {})
        for each in issues
    ]
