"""Escalation steps taken. The unique key makes each step of a clock happen exactly once."""

from datetime import datetime

from sqlalchemy import Boolean, DateTime, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class EscalationStep(Base):
    """One step of one clock's frozen policy, taken, repeated or passed over."""

    __tablename__ = "escalation_step"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    clock_id: Mapped[str] = mapped_column(Text, ForeignKey("task_clock.id"))
    """The clock that reached it."""
    step: Mapped[int] = mapped_column()
    """Position in the policy, from 0."""
    repeat: Mapped[int] = mapped_column(server_default="0")
    """0 the first time, then 1, 2 ... while nobody acknowledges."""
    level: Mapped[int] = mapped_column(server_default="0")
    """Percent of the clock at which the step stands in the policy."""
    passed: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    """Passed over: its hours did not hold, and it does not wait for them."""
    task_id: Mapped[str] = mapped_column(Text)
    """Id of the Task."""
    action: Mapped[str] = mapped_column(Text)
    """What the step does: ``warn-owner``, ``warn-lead``, ``breach`` ..."""
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When the policy wanted it."""
    taken_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it was taken."""
    told: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Who was told: ``Practitioner/<id>`` or ``CareTeam/<id>``."""
    sentence: Mapped[str] = mapped_column(Text)
    """What happened, in one plain sentence."""
    acknowledged_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When somebody said that they have heard; on the first taking of a step only."""
    acknowledged_by: Mapped[str | None] = mapped_column(Text)
    """``Practitioner/<id>``, or the id of the system that passed it on."""
    note: Mapped[str | None] = mapped_column(Text)
    """What they said with it."""

    __table_args__ = (
        UniqueConstraint("clock_id", "step", "repeat", name="uq_escalation_step_clock_step"),
        Index("ix_escalation_step_task", "task_id"),
        Index("ix_escalation_step_taken", "taken_at"),
    )
