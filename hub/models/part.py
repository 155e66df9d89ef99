"""Which Task is a part of which, and how much of its minutes and points went with it."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class TaskPart(Base):
    """One part of a managed task (``Task.partOf``), delegated or split off."""

    __tablename__ = "task_part"

    part_id: Mapped[str] = mapped_column(Text, primary_key=True)
    """Id of the Task that is the part."""
    whole_id: Mapped[str] = mapped_column(Text)
    """Id of the Task that it is a part of."""
    kind: Mapped[str] = mapped_column(Text)
    """``delegation`` or ``split``."""
    minutes: Mapped[int] = mapped_column()
    """Minutes that went from the whole to the part."""
    points: Mapped[int] = mapped_column()
    """Points that went with them."""
    whole_minutes: Mapped[int] = mapped_column()
    """Size of the whole with all its parts: left on it + on its parts, at every instant."""
    whole_points: Mapped[int] = mapped_column()
    """The same in points."""
    made_by: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>`` who divided the work."""
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    returned_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When its minutes went back to the whole: it was refused or called off."""

    __table_args__ = (Index("ix_task_part_whole", "whole_id"),)
