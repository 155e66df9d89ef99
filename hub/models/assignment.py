"""Who had which task from when to when: load of today, continuity, hand-offs come from here."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class Assignment(Base):
    """One spell of one owner on one managed task; kept in step by the guard of Task."""

    __tablename__ = "assignment"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    task_id: Mapped[str] = mapped_column(Text)
    """Id of the Task."""
    owner: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>`` or ``CareTeam/<id>``."""
    team: Mapped[str | None] = mapped_column(Text)
    """``CareTeam/<id>`` whose work it is; stays when a person of it becomes the owner."""
    patient: Mapped[str | None] = mapped_column(Text)
    """``Patient/<id>``, for continuity."""
    minutes: Mapped[int] = mapped_column()
    """Size of the work."""
    points: Mapped[int] = mapped_column(server_default="1")
    """Weight of the work beside its minutes (``task_points`` of the hub definition)."""
    urgent: Mapped[bool] = mapped_column()
    """Priority above routine."""
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When this owner got it."""
    ends_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When this owner ceased to have it, done or not."""
    outcome: Mapped[str | None] = mapped_column(Text)
    """Why it ended: ``completed``, ``declined``, ``handed-over``, ``absence``, ``breach`` ..."""
    ended_by: Mapped[str | None] = mapped_column(Text)
    """Reference or id of the Actor that ended it."""

    __table_args__ = (
        # Exactly one owner at any instant, said to the database.
        Index(
            "uq_assignment_current",
            "task_id",
            unique=True,
            postgresql_where=text("ends_at IS NULL"),
        ),
        Index("ix_assignment_task", "task_id", "id"),
        Index("ix_assignment_open", "owner", postgresql_where=text("ends_at IS NULL")),
        Index(
            "ix_assignment_ended", "owner", "ends_at", postgresql_where=text("ends_at IS NOT NULL")
        ),
        Index(
            "ix_assignment_patient",
            "patient",
            "ends_at",
            postgresql_where=text("outcome = 'completed'"),
        ),
    )
