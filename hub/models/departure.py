"""People who leave the hub, and what they may still hold until a date."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class Departure(Base):
    """One person who has left, or has settled everything to leave: nothing new is given to them."""

    __tablename__ = "departure"

    practitioner: Mapped[str] = mapped_column(Text, primary_key=True)
    """``Practitioner/<id>``."""
    leaves_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When their last contract ends; from the entry of this row on nothing new goes to them."""
    confirmed_by: Mapped[str] = mapped_column(Text)
    """Id of the Actor that confirmed it."""
    confirmed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it was confirmed."""


class TimeBox(Base):
    """One thing that a leaver may hold until a date, with somebody who sees that it ends."""

    __tablename__ = "time_box"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    practitioner: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>`` who still holds it."""
    holding: Mapped[str] = mapped_column(Text)
    """Key of what is held: ``task:<id>``, ``accountability:<patient id>/<role>`` ..."""
    words: Mapped[str] = mapped_column(Text)
    """What it is, in words for the reminder; no name of a person."""
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it escalates if it is held still."""
    owner: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>`` who is reminded."""
    set_by: Mapped[str] = mapped_column(Text)
    """Id of the Actor that allowed it."""
    set_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it was allowed."""
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it ran out or what it held was given to somebody."""

    __table_args__ = (
        Index(
            "uq_time_box_open",
            "practitioner",
            "holding",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_time_box_owner", "owner", postgresql_where=text("ended_at IS NULL")),
    )
