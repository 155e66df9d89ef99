"""Conflicts of interest: somebody of the staff must not work for one person, and why."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class ConflictOfInterest(Base):
    """One member of staff who must not be given work for one person."""

    __tablename__ = "conflict_of_interest"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    practitioner: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>`` of who must not do it."""
    patient: Mapped[str] = mapped_column(Text)
    """``Patient/<id>`` of whom it is about."""
    reason: Mapped[str] = mapped_column(Text)
    """Code: ``family``, ``complaint``, ``wish``, ``safety`` or ``other``."""
    note: Mapped[str | None] = mapped_column(Text)
    """What else is to be known; never shown in the explanation of a decision."""
    recorded_by: Mapped[str] = mapped_column(Text)
    """Reference or id of the Actor that recorded it."""
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """From when on it counts."""
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it ceased to count; None: it stands."""
    ended_by: Mapped[str | None] = mapped_column(Text)
    """Reference or id of the Actor that ended it."""

    __table_args__ = (
        Index(
            "uq_conflict_of_interest_standing",
            "patient",
            "practitioner",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_conflict_of_interest_patient", "patient", "recorded_at"),
    )
