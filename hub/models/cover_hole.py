"""Holes in the cover: fewer people at work than needed, from found to filled or gone by."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class CoverHole(Base):
    """One span in which a need of cover is not met."""

    __tablename__ = "cover_hole"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    need: Mapped[str] = mapped_column(Text)
    """Code of the need; ``urgent-work/<team>`` where urgent work found nobody."""
    name: Mapped[str] = mapped_column(Text)
    """What was needed, in words, as the definition said it then."""
    team: Mapped[str] = mapped_column(Text)
    """``CareTeam/<team code>``."""
    service: Mapped[str | None] = mapped_column(Text)
    """Service code, where the need is a service's."""
    missing: Mapped[str] = mapped_column(Text)
    """``nobody``, ``only-on-call``, ``too-few``, ``skill`` or ``no-on-call``."""
    short: Mapped[int] = mapped_column()
    """How many persons are missing."""
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it begins."""
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it ends; the end of what was looked at while ``to_horizon``."""
    to_horizon: Mapped[bool] = mapped_column(server_default=text("false"))
    """It goes on at least to the end of the days that are looked at."""
    cause: Mapped[str] = mapped_column(Text)
    """Why there is a hole, in one sentence: who is away, or that nobody is planned."""
    caused_by: Mapped[str] = mapped_column(Text)
    """The change that showed it: ``outbox/<id>``, ``sweep``, ``definition`` or ``routing``."""
    caused_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When that change was made."""
    opened_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it was found."""
    round: Mapped[int] = mapped_column(server_default="1")
    """Grows by one each time the hole gets worse: then everybody hears of it anew."""
    rung: Mapped[str | None] = mapped_column(Text)
    """The last stage that rang in this round: ``lead``, ``duty-manager`` or ``last-call``."""
    next_alarm_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the next stage of its alarm is due; empty when none is left."""
    acknowledged_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When somebody took it on, in this round."""
    acknowledged_by: Mapped[str | None] = mapped_column(Text)
    """``Practitioner/<id>`` who did."""
    note: Mapped[str | None] = mapped_column(Text)
    """What they are doing about it."""
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it was no more."""
    closed_why: Mapped[str | None] = mapped_column(Text)
    """``covered``, ``joined``, ``passed`` or ``not-needed``."""

    __table_args__ = (
        Index(
            "ix_cover_hole_open", "need", "starts_at", postgresql_where=text("closed_at IS NULL")
        ),
        Index(
            "ix_cover_hole_due",
            "next_alarm_at",
            postgresql_where=text("closed_at IS NULL AND next_alarm_at IS NOT NULL"),
        ),
        Index("ix_cover_hole_team", "team", "starts_at"),
    )
