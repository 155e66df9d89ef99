"""A day's proof that nothing was lost: what came in by channel and hour, and what became of it."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, DateTime, Text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class ConservationDay(Base):
    __tablename__ = "conservation_day"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    """Local day of the hub."""
    counted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it was counted last; what was waiting then may have been answered since."""
    hours: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """``what, channel, hour, received, parts`` of each hour in which something came."""
    broken: Mapped[int] = mapped_column()
    """Hours that do not add up."""
    detail: Mapped[str] = mapped_column(Text, server_default="")
    """The first of them in words; no patient data."""
