"""Rest-hook deliveries: at least once, in order, with a stable key, each attempt kept."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base

WAITING = "waiting"
"""To be sent, or to be sent again."""
ACKNOWLEDGED = "acknowledged"
"""The subscriber answered 2xx."""
DEAD = "dead"
"""Given up after days of attempts; a person may replay it."""
DROPPED = "dropped"
"""The subscription ended, or the record may no longer be read by the subscriber."""


HANDSHAKE = "Handshake"
"""Kind of the delivery that turns a subscription on: it goes before everything that waits."""


class Delivery(Base):
    """One event for one subscriber."""

    __tablename__ = "delivery"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    """Time-ordered; sent as the idempotency key, the same at every attempt."""
    subscription_id: Mapped[str] = mapped_column(
        Text, ForeignKey("subscriber.subscription_id", ondelete="CASCADE")
    )
    """The subscriber."""
    event_id: Mapped[str] = mapped_column(Text)
    """Id of the outbox row (or ``handshake-...``) that caused it."""
    sequence: Mapped[int] = mapped_column(BigInteger)
    """1, 2, 3 ... per subscriber, in the order of the changes. A handshake of a topic subscription
    has a negative one: it is no event."""
    subject: Mapped[str] = mapped_column(Text)
    """Reference of the record that changed."""
    version: Mapped[int] = mapped_column()
    """Its version."""
    patient: Mapped[str | None] = mapped_column(Text)
    """``Patient/<id>`` whose record it is, so that a page can show who was told."""
    kind: Mapped[str] = mapped_column(Text)
    """Event told, such as ``RecordChanged`` or ``Handshake``."""
    status: Mapped[str] = mapped_column(Text, server_default=WAITING)
    """``waiting``, ``acknowledged``, ``dead`` or ``dropped``."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When the relay gave it its number."""
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it is sent next."""
    leased_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Real time until which one worker has it in hand; a dead worker's lease runs out."""
    attempts: Mapped[int] = mapped_column(server_default="0")
    """How often it was tried."""
    replayed_after: Mapped[int] = mapped_column(server_default="0")
    """Attempts made before a person sent it anew: the waits between attempts start again."""
    acknowledged_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the subscriber said yes."""
    acknowledgement: Mapped[str | None] = mapped_column(Text)
    """What the subscriber answered: status, its own reference if it gave one."""
    error: Mapped[str | None] = mapped_column(Text)
    """Why the last attempt failed."""

    __table_args__ = (
        UniqueConstraint("subscription_id", "event_id", name="uq_delivery_event"),
        UniqueConstraint("subscription_id", "sequence", name="uq_delivery_sequence"),
        Index(
            "ix_delivery_waiting",
            "due_at",
            postgresql_where=text("status = 'waiting'"),
        ),
        Index("ix_delivery_subject", "subject"),
        Index("ix_delivery_patient", "patient", postgresql_where=text("patient IS NOT NULL")),
    )


class DeliveryAttempt(Base):
    """One attempt: what was answered and how long it took."""

    __tablename__ = "delivery_attempt"

    delivery_id: Mapped[str] = mapped_column(
        Text, ForeignKey("delivery.id", ondelete="CASCADE"), primary_key=True
    )
    """The delivery."""
    number: Mapped[int] = mapped_column(primary_key=True)
    """1, 2, 3 ..."""
    attempted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When."""
    http_status: Mapped[int | None] = mapped_column()
    """What came back; empty when nothing did."""
    milliseconds: Mapped[int] = mapped_column()
    """How long it took."""
    error: Mapped[str | None] = mapped_column(Text)
    """Why it failed."""
