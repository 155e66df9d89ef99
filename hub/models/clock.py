"""The clock of a task: when it started, when it is due, which step of the policy comes next."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Index, Text, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class TaskClock(Base):
    """A running or stopped clock. Its escalation policy is frozen here when it starts."""

    __tablename__ = "task_clock"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    task_id: Mapped[str] = mapped_column(Text)
    """Id of the Task (without its type)."""
    rule: Mapped[str] = mapped_column(Text)
    """Clock code of the hub definition, such as ``crisis-response``."""
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When the clock began to run."""
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it is breached, pauses so far counted in."""
    next_step_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the next step of the policy is due; empty when paused, stopped or out of steps."""
    step: Mapped[int] = mapped_column(server_default="0")
    """How many steps of the policy have been taken or passed over, repeats not counted."""
    policy: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The escalation policy, its hours and the clock rule as they were when it started."""
    pauses: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """Each ``{"from", "to", "reason"}``; the last one has no ``to`` while it lasts."""
    stopped_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the work was done or given up; a stopped clock never escalates."""
    stop_reason: Mapped[str | None] = mapped_column(Text)
    """The task's status that stopped it."""

    __table_args__ = (
        # A task may get a second clock in its life (re-opened), never two at once.
        Index(
            "uq_task_clock_running",
            "task_id",
            unique=True,
            postgresql_where=text("stopped_at IS NULL"),
        ),
        Index("ix_task_clock_task", "task_id"),
        Index("ix_task_clock_started", "started_at"),
        # The sweep reads only what is due: the index holds nothing else.
        Index(
            "ix_task_clock_next_step",
            "next_step_at",
            postgresql_where=text("next_step_at IS NOT NULL"),
        ),
    )
