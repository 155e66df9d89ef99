"""Messages to other systems: responses, and referrals sent on; in order, at least once, kept."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base

WAITING = "waiting"
"""To be sent, or to be sent again."""
SENT = "sent"
"""Taken, or refused as a repeat of what had been taken."""
DEAD = "dead"
"""Refused for good, or given up after days. What follows about the referral waits behind it."""
UNROUTED = "unrouted"
"""No way to that system is set up. It is shown, and goes when there is one and somebody says so."""
SETTLED = "settled"
"""A person has told the sender otherwise: it is not sent any more."""
STATES = (DEAD, WAITING, UNROUTED, SENT, SETTLED)


class OutgoingMessage(Base):
    """One message about one referral."""

    __tablename__ = "outgoing_message"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    """Time-ordered."""
    event_id: Mapped[int] = mapped_column(BigInteger)
    """The outbox row that asked for it: one event is answered once, and events about one referral
    are numbered in their order (its row is locked by whoever answers it)."""
    subject: Mapped[str] = mapped_column(Text)
    """``ServiceRequest/<id>`` of what is answered, ``Task/<id>`` of what is sent on: messages about
    one subject leave in order, and a slow receiver of the one holds up nothing of the other."""
    client: Mapped[str] = mapped_column(Text)
    """Who is told: Actor id of the other system (``client/<id>``)."""
    kind: Mapped[str] = mapped_column(Text)
    """ResponseKind, such as ``validation-interim``; ``onward-request``, ``onward-cancellation``."""
    outcome: Mapped[str] = mapped_column(Text)
    """What it tells, such as ``declined``; of a referral sent on the code of the service."""
    in_reply_to: Mapped[str | None] = mapped_column(Text)
    """Id of the inbox row that it answers; empty for what the hub sends of its own accord."""
    bundle_id: Mapped[str] = mapped_column(Text)
    request_id: Mapped[str] = mapped_column(Text)
    """X-Request-Id, the same at every attempt: a receiver knows a repeat by it."""
    target: Mapped[str] = mapped_column(Text)
    """MessageHeader.destination.endpoint."""
    headers: Mapped[dict[str, Any]] = mapped_column(JSON)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    """The message, the same bytes at every attempt."""
    state: Mapped[str] = mapped_column(Text, server_default=WAITING)
    """waiting | sent | dead | unrouted | settled."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it is sent next."""
    leased_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Real time until which one worker has it in hand; a dead worker's lease runs out."""
    attempts: Mapped[int] = mapped_column(server_default="0")
    """How often it was taken in hand, counted before it leaves."""
    replayed_after: Mapped[int] = mapped_column(server_default="0")
    """Attempts made before a person sent it anew: the waits between attempts start again."""
    last_attempt_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    http_status: Mapped[int | None] = mapped_column()
    """What the last attempt was answered; empty when nothing came."""
    error: Mapped[str | None] = mapped_column(Text)
    """Why the last attempt failed; what the receiver said of its place, no patient data."""
    settled_by: Mapped[str | None] = mapped_column(Text)
    """Who said that it is not sent any more."""
    settled_how: Mapped[str | None] = mapped_column(Text)
    """How the sender was told instead."""

    __table_args__ = (
        UniqueConstraint("event_id", name="uq_outgoing_message_event"),
        Index("ix_outgoing_message_open", "subject", "event_id",
              postgresql_where=text("state IN ('waiting', 'dead')")),
        Index("ix_outgoing_message_subject", "subject", "event_id"),
        Index("ix_outgoing_message_state", "state", "id"),
        Index("ix_outgoing_message_bundle", "bundle_id"),
    )  # fmt: skip
