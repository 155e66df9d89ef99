"""What the rota said before each change: who was at work at an instant, as known at an instant."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Identity, Index, Text
from sqlalchemy.dialects.postgresql import TSTZRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class RotaHistory(Base):
    """One state of a shift or an absence that no longer stands. Never changed, never removed."""

    __tablename__ = "rota_history"

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    """``shift`` or ``absence``."""
    row_id: Mapped[str] = mapped_column(Text)
    """Id of the shift or absence."""
    uid: Mapped[str | None] = mapped_column(Text)
    """Of a shift: what is planned from a pattern is never planned again under the same name."""
    practitioner: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>`` in this state."""
    team: Mapped[str | None] = mapped_column(Text)
    """``CareTeam/<code>`` of a shift."""
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    """The time at work or away, as this state had it."""
    known: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    """From when until when the hub held this to be so; empty where it changed at once."""
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Every other column of the row, with who made this state and why."""
    ended_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it ended: also where ``known`` is empty, for it began at the same instant."""
    ended_by: Mapped[str] = mapped_column(Text)
    """Id of the Actor whose change ended this state."""
    cause: Mapped[str] = mapped_column(Text)
    """What ended it: ``taken-off replaced extended moved swapped imported`` of a shift,
    ``ended changed cancelled`` of an absence."""
    reason: Mapped[str | None] = mapped_column(Text)
    """Why, in the words of who ended it."""

    __table_args__ = (
        Index("ix_rota_history_row", "kind", "row_id", "number"),
        Index("ix_rota_history_during", "during", postgresql_using="gist"),
        Index("ix_rota_history_uid", "uid"),
    )
