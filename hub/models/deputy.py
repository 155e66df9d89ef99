"""Who acts for whom during an absence."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class Deputy(Base):
    """One person who acts for another as long as one absence lasts: the absence says how long."""

    __tablename__ = "deputy"

    absence_id: Mapped[str] = mapped_column(Text, primary_key=True)
    """The absence: what it lasts, this lasts. An absence that is taken back takes this with it."""
    practitioner: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>`` who is away."""
    deputy: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>`` who acts for them."""
    why: Mapped[str] = mapped_column(Text)
    """The rule that chose them, in words: ``named deputy``, ``team lead`` ..."""
    began_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When they were asked to."""

    __table_args__ = (
        Index("ix_deputy_practitioner", "practitioner"),
        Index("ix_deputy_deputy", "deputy"),
    )
