"""Alarms of a hole in the cover. The unique key makes each stage of a round ring exactly once."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class CoverAlarm(Base):
    """One stage of one round of a hole's alarm, rung."""

    __tablename__ = "cover_alarm"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    hole_id: Mapped[str] = mapped_column(Text, ForeignKey("cover_hole.id"))
    """The hole that rang."""
    round: Mapped[int] = mapped_column()
    """Round of the hole."""
    stage: Mapped[str] = mapped_column(Text)
    """``lead``, ``duty-manager`` or ``last-call``."""
    rung_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it rang."""
    told: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Who was told: ``Practitioner/<id>`` or ``CareTeam/<id>``."""

    __table_args__ = (
        UniqueConstraint("hole_id", "round", "stage", name="uq_cover_alarm_hole_round_stage"),
    )
