"""The rows of the inbox: what came, from whom, whether it was done before, what it was about."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from fhir.messaging import Message, Transport
from hub import records
from hub.db import db
from hub.domain.actor import Actor
from hub.models.client import Client
from hub.models.message import PROCESSED, QUARANTINED, InboxMessage
from hub.models.message_attempt import MessageAttempt

# In the words of the partial indexes: with the status as a parameter a generic plan cannot use
# them, and reads every message of the system for each one that comes.
_DONE_OR_KEPT = text("status IN ('processed', 'quarantined')")
_DONE = text("status = 'processed'")


@dataclass(slots=True)
class Arrival:
    """One message at the door, before anything is decided."""

    client: str
    received_at: datetime
    body: bytes
    transport: Mapping[str, str]
    """The headers worth keeping, as they came."""
    request_id: str | None = None
    correlation_id: str | None = None
    bundle_id: str | None = None
    bundle_version: str | None = None
    focus: str | None = None
    reply_to: str | None = None
    kind: str | None = None

    def read_transport(self, transport: Transport) -> None:
        self.request_id = transport.request_id
        self.correlation_id = transport.correlation_id

    def read_message(self, message: Message) -> None:
        self.bundle_id = message.id
        self.bundle_version = message.version
        self.focus = str(message.header["focus"][0].get("reference", ""))
        self.reply_to = message.reply_to

    @property
    def body_hash(self) -> bytes:
        return hashlib.sha256(self.body).digest()


def keep(arrival: Arrival, *, status: str, http_status: int, **more: Any) -> InboxMessage | None:
    """Write the row of an arrival; None where another row holds its request id or its Bundle.

    While another transaction is doing the same message this waits for its end, so that of two
    racing requests one is done and the other is told so.
    """
    return db.session.scalar(
        insert(InboxMessage)
        .values(
            id=records.new_id(),
            client=arrival.client,
            request_id=arrival.request_id,
            correlation_id=arrival.correlation_id,
            received_at=arrival.received_at,
            handled_at=arrival.received_at,
            status=status,
            kind=arrival.kind,
            bundle_id=arrival.bundle_id,
            bundle_version=arrival.bundle_version,
            body_hash=arrival.body_hash,
            body=arrival.body,
            transport=dict(arrival.transport),
            focus=arrival.focus,
            reply_to=arrival.reply_to,
            http_status=http_status,
            **more,
        )
        .on_conflict_do_nothing()
        .returning(InboxMessage)
    )


def retry(row: InboxMessage, arrival: Arrival) -> None:
    """Count one more attempt at a quarantined message, with the body as it came this time.

    The attempt before is kept with its own body.
    """
    db.session.add(
        MessageAttempt(
            id=records.new_id(),
            message_id=row.id,
            at=row.handled_at or row.received_at,
            by=row.client,
            body=row.body,
            http_status=row.http_status,
            faults=[{"code": row.issue_code or "exception", "text": row.error or ""}],
        )
    )
    row.attempts += 1
    row.status = PROCESSED
    row.handled_at = arrival.received_at
    row.body, row.body_hash = arrival.body, arrival.body_hash
    row.bundle_id, row.bundle_version = arrival.bundle_id, arrival.bundle_version
    row.focus, row.reply_to = arrival.focus, arrival.reply_to
    row.http_status, row.error_code, row.issue_code, row.error = 200, None, None, None
    db.session.flush()


def quarantine(arrival: Arrival, **told: Any) -> InboxMessage:
    """Keep a message whole that we could not process; an earlier attempt's row is used again."""
    row = keep(arrival, status=QUARANTINED, **told)
    if row is not None:
        return row
    earlier = seen(arrival.client, arrival.request_id or "")
    if earlier is None:
        raise LookupError("a row holds the request id, yet cannot be found")
    earlier.attempts += 1
    earlier.error = told["error"]
    earlier.handled_at = arrival.received_at
    db.session.flush()
    return earlier


def seen(client: str, request_id: str) -> InboxMessage | None:
    """Return the row that holds a client's request id: done, or kept in quarantine."""
    return db.session.scalar(
        select(InboxMessage).where(
            InboxMessage.client == client,
            InboxMessage.request_id == request_id,
            _DONE_OR_KEPT,
        )
    )


def trusted(client: str) -> bool:
    """Say whether the system's word counts that an NHS number is verified (a setting of each)."""
    row = db.session.get(Client, client.removeprefix("client/"))
    return row is not None and row.trusted_nhs_numbers


def on_file(bundle_id: str) -> bool:
    """Say whether a message of this Bundle.id has been done, whoever sent it."""
    return (
        db.session.scalar(
            select(InboxMessage.id).where(InboxMessage.bundle_id == bundle_id, _DONE).limit(1)
        )
        is not None
    )


def latest(*conditions: Any) -> list[InboxMessage]:
    """Return the messages that were done and had a subject, the newest first."""
    return list(
        db.session.scalars(
            select(InboxMessage)
            .where(_DONE, InboxMessage.subject.is_not(None), *conditions)
            .order_by(InboxMessage.received_at.desc(), InboxMessage.id.desc())
            .limit(50)
        )
    )


def serialise(actor: Actor, bundle_id: str) -> None:
    """Let the messages of one Bundle.id of one client pass one after the other."""
    db.session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"message/{actor.id}/{bundle_id}"},
    )


def same_body(arrival: Arrival) -> bool:
    """Say whether this very Bundle was done already."""
    return (
        db.session.scalar(
            select(InboxMessage.id).where(
                InboxMessage.client == arrival.client,
                InboxMessage.bundle_id == arrival.bundle_id,
                InboxMessage.body_hash == arrival.body_hash,
                _DONE,
            )
        )
        is not None
    )
