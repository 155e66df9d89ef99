"""Escalation steps taken. The unique key makes each step of a clock happen exactly once."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class EscalationStep(Base):
    """One step of one clock's frozen policy, taken."""

    __tablename__ = "escalation_step"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    clock_id: Mapped[str] = mapped_column(Text, ForeignKey("task_clock.id"))
    """The clock that reached it."""
    step: Mapped[int] = mapped_column()
    """Position in the policy, from 0."""
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

    __table_args__ = (
        UniqueConstraint("clock_id", "step", name="uq_escalation_step_clock_step"),
        Index("ix_escalation_step_task", "task_id"),
    )
