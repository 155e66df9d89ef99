"""What happened to a clock, entry by entry: the truth of which ``task_clock`` is a cache."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class ClockEvent(Base):
    """One entry of the log of one clock. Never changed, never deleted."""

    __tablename__ = "clock_event"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    clock_id: Mapped[str] = mapped_column(ForeignKey("task_clock.id"))
    """The clock it happened to."""
    sequence: Mapped[int] = mapped_column()
    """1, 2, 3 ... within the clock."""
    task_id: Mapped[str] = mapped_column(Text)
    """Id of the Task (without its type)."""
    kind: Mapped[str] = mapped_column(Text)
    """``start``, ``pause``, ``resume``, ``stop``, ``reopen`` or ``re-rule``."""
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it took effect."""
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it was written: later than ``at`` where a clock started from an earlier instant."""
    reason: Mapped[str | None] = mapped_column(Text)
    """Code: of a pause why, of a stop the task's status or what took over."""
    actor: Mapped[str | None] = mapped_column(Text)
    """Reference or id of the Actor that caused it; empty where a migration wrote it."""
    task_version: Mapped[int | None] = mapped_column()
    """The version of the Task that caused it, where one did."""

    __table_args__ = (
        UniqueConstraint("clock_id", "sequence", name="uq_clock_event_clock_sequence"),
        Index("ix_clock_event_task", "task_id"),
        Index("ix_clock_event_recorded", "recorded_at"),
    )
