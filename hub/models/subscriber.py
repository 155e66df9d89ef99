"""The sending side of a FHIR Subscription: its state and its sequence of deliveries."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class Subscriber(Base):
    """One Subscription as the hub runs it. The record shows it; this row drives it."""

    __tablename__ = "subscriber"

    subscription_id: Mapped[str] = mapped_column(Text, primary_key=True)
    """Id of the Subscription record."""
    name: Mapped[str] = mapped_column(Text)
    """Who is told, as shown on screen: the contact's name or the reason."""
    resource_type: Mapped[str] = mapped_column(Text)
    """Type that the criteria ask for."""
    criteria: Mapped[str] = mapped_column(Text)
    """The criteria's query string, without the type."""
    endpoint: Mapped[str] = mapped_column(Text)
    """Where it is told."""
    actor_id: Mapped[str] = mapped_column(Text)
    """Actor that asked: deliveries hold only what this one may read now."""
    active: Mapped[bool] = mapped_column(server_default=text("false"))
    """Handshake made, not ended, not turned off."""
    ends_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Past it nothing is sent."""
    topic: Mapped[str | None] = mapped_column(Text)
    """Canonical of the topic; empty: a plain R4 Subscription, whose criteria are a search."""
    content: Mapped[str | None] = mapped_column(Text)
    """``empty``, ``id-only`` or ``full-resource`` of a topic subscription."""
    heartbeat_seconds: Mapped[int | None] = mapped_column()
    """Longest silence; empty: no heartbeat."""
    heartbeat_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the next heartbeat is due if nothing else is sent."""
    paused_from: Mapped[int | None] = mapped_column(BigInteger)
    """Set: its endpoint could not be reached for days. Nothing is sent; what happens waits, from
    the delivery of this number on, until it shakes hands again."""
    sequence: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """The last number given to a delivery; given after the commit of the cause, so no gaps."""

    __table_args__ = (
        Index(
            "ix_subscriber_active",
            "resource_type",
            postgresql_where=text("active"),
        ),
        Index(
            "ix_subscriber_heartbeat",
            "heartbeat_at",
            postgresql_where=text("heartbeat_at IS NOT NULL"),
        ),
    )
