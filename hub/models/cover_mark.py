"""What the cover was last counted from: equal marks mean that counting again finds the same."""

from datetime import datetime

from sqlalchemy import DateTime, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class CoverMark(Base):
    """The state of rota and needs at the last whole count."""

    __tablename__ = "cover_mark"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    """What is counted: ``hub``."""
    mark: Mapped[str] = mapped_column(Text)
    """Digest of shifts and absences of the horizon, the definition's version and the day."""
    counted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it was counted."""
