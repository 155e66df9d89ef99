"""Attempts at a message that did not end it: what was tried, by whom, and what was wrong."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, ForeignKey, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class MessageAttempt(Base):
    """One attempt at one message of the inbox. Append-only: nothing that came is overwritten."""

    __tablename__ = "message_attempt"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    """Time-ordered."""
    message_id: Mapped[str] = mapped_column(Text, ForeignKey("inbox_message.id"))
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    by: Mapped[str] = mapped_column(Text)
    """Actor id: the system that sent it, or the person who replayed it."""
    body: Mapped[bytes] = mapped_column(LargeBinary)
    """What was tried, byte for byte."""
    http_status: Mapped[int] = mapped_column()
    """What its sender got, or would have got."""
    faults: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """What was wrong: ``code``, ``text`` and, where one is known, ``expression``."""

    __table_args__ = (Index("ix_message_attempt_message", "message_id", "id"),)
