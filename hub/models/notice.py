"""Notices inside the hub: what a person or a team should know next time they look."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class Notice(Base):
    """One line for one recipient."""

    __tablename__ = "notice"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    recipient: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>``, or ``CareTeam/<id>`` for everyone in it."""
    kind: Mapped[str] = mapped_column(Text)
    """Event it tells of, such as ``TaskAssigned`` or ``TaskHalfTime``."""
    subject: Mapped[str] = mapped_column(Text)
    """Reference of the record it is about, for the link."""
    line: Mapped[str] = mapped_column(Text)
    """What happened, in one plain sentence, without clinical detail."""
    urgent: Mapped[bool] = mapped_column(server_default=text("false"))
    """Shown first and in red."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it happened."""
    seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When a recipient ticked it off."""
    key: Mapped[str] = mapped_column(Text)
    """Names the cause; the same cause never tells the same recipient twice."""

    __table_args__ = (
        UniqueConstraint("recipient", "key", name="uq_notice_recipient_key"),
        Index(
            "ix_notice_unseen",
            "recipient",
            "id",
            postgresql_where=text("seen_at IS NULL"),
        ),
        Index("ix_notice_subject", "subject"),
    )
