"""Stuck work that somebody was told of, so that each sign of a task is told once."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class StuckTask(Base):
    """One sign of one task, from when it was found until it was gone."""

    __tablename__ = "stuck_task"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    task_id: Mapped[str] = mapped_column(Text)
    """Id of the Task."""
    sign: Mapped[str] = mapped_column(Text)
    """Code of ``hub.domain.stuck.Sign``."""
    team: Mapped[str] = mapped_column(Text)
    """``CareTeam/<id>`` whose work it is; its lead was told."""
    owner: Mapped[str] = mapped_column(Text)
    """Who had it when it was found."""
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """From when on it counts as stuck."""
    words: Mapped[str] = mapped_column(Text)
    """Why, in plain words."""
    found_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    gone_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it moved again, or ended."""

    __table_args__ = (
        Index(
            "uq_stuck_task_sign",
            "task_id",
            "sign",
            unique=True,
            postgresql_where=text("gone_at IS NULL"),
        ),
        Index("ix_stuck_task_team", "team", postgresql_where=text("gone_at IS NULL")),
    )
