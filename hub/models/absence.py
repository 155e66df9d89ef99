"""Absence of a person: leave and sickness. It overrules every shift it overlaps."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text
from sqlalchemy.dialects.postgresql import TSTZRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from hub import clock
from hub.db import Base


class Absence(Base):
    """One person away from one instant to another.

    One that was called off is only in ``RotaHistory``.
    """

    __tablename__ = "absence"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    practitioner: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>``."""
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    """Start included, end excluded; the end may be open while a sick person's return is unknown."""
    reason: Mapped[str] = mapped_column(Text)
    """Code: ``sickness``, ``leave``, ``training`` or ``other``."""
    reported_by: Mapped[str] = mapped_column(Text)
    """Id of the Actor that reported it."""
    reported_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When the hub was told."""
    known_from: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
    """Since when the hub has known it as it stands; what it was before is in ``RotaHistory``."""
    changed_by: Mapped[str | None] = mapped_column(Text)
    """Id of the Actor that changed it last; none while it stands as it was reported."""
    moved: Mapped[int] = mapped_column(server_default="0")
    """How many open tasks were given to others because of it."""

    __table_args__ = (
        Index("ix_absence_practitioner", "practitioner"),
        Index("ix_absence_during", "during", postgresql_using="gist"),
    )
