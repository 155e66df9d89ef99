"""The inbox: one row for every message that arrived, kept whole, with what became of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base

PROCESSED = "processed"
DUPLICATE = "duplicate"
REFUSED = "refused"
QUARANTINED = "quarantined"
STATUSES = (PROCESSED, DUPLICATE, REFUSED, QUARANTINED)
"""Every message that arrives ends as exactly one of these: messages = the sum of the four."""


class InboxMessage(Base):
    """One arrival. A repeat is a row of its own, so that nothing is counted that is not a row."""

    __tablename__ = "inbox_message"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    client: Mapped[str] = mapped_column(Text)
    """Actor id of the system that sent it (``client/<id>``)."""
    request_id: Mapped[str | None] = mapped_column(Text)
    """X-Request-Id, lower case; empty where it was missing or no GUID."""
    correlation_id: Mapped[str | None] = mapped_column(Text)
    """X-Correlation-Id: the conversation."""
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    handled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When its status was last decided; later than ``received_at`` after a replay."""
    status: Mapped[str] = mapped_column(Text)
    """processed | duplicate | refused | quarantined."""
    kind: Mapped[str | None] = mapped_column(Text)
    """Workflow of the receiver's table, such as ``referral-new``."""
    bundle_id: Mapped[str | None] = mapped_column(Text)
    bundle_version: Mapped[str | None] = mapped_column(Text)
    """Bundle.meta.versionId: version of the standard."""
    body_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of the body as it came."""
    body: Mapped[bytes] = mapped_column(LargeBinary)
    """The body as it came, byte for byte."""
    transport: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The BaRS headers as they came: who sent it, for whom, in which version."""
    subject: Mapped[str | None] = mapped_column(Text)
    """Record that it made or changed: ``ServiceRequest/<id>``, ``Appointment/<id>``."""
    subject_version: Mapped[int | None]
    """Version of ``subject`` when this message was done: a later one was made by the hub."""
    patient: Mapped[str | None] = mapped_column(Text)
    focus: Mapped[str | None] = mapped_column(Text)
    """fullUrl of the focus in the message: cancellations name it again."""
    reply_to: Mapped[str | None] = mapped_column(Text)
    """MessageHeader.source.endpoint: where the business answer goes."""
    http_status: Mapped[int]
    """The answer that its sender got."""
    error_code: Mapped[str | None] = mapped_column(Text)
    """BaRS error code, such as ``REC_BAD_REQUEST``."""
    issue_code: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    """Why it was refused or quarantined; holds no patient data."""
    attempts: Mapped[int] = mapped_column(server_default="1")

    __table_args__ = (
        # One effect a request id: the second of two racing threads waits here for the first.
        Index(
            "uq_inbox_message_request",
            "client",
            "request_id",
            unique=True,
            postgresql_where=text("status IN ('processed', 'quarantined')"),
        ),
        # The same Bundle with the same body is done once, whatever its request ids.
        Index(
            "uq_inbox_message_bundle",
            "client",
            "bundle_id",
            "body_hash",
            unique=True,
            postgresql_where=text("status = 'processed'"),
        ),
        Index("ix_inbox_message_bundle_id", "bundle_id"),
        Index("ix_inbox_message_subject", "subject"),
        Index("ix_inbox_message_conversation", "client", "correlation_id"),
        Index("ix_inbox_message_focus", "client", "focus"),
        Index("ix_inbox_message_received", "received_at", "status"),
    )
