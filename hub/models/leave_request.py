"""Leave asked for and decided. Only what was granted is an absence."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class LeaveRequest(Base):
    """One person asks to be away; a lead of theirs decides."""

    __tablename__ = "leave_request"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    practitioner: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>``."""
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    note: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="requested")
    """``requested granted declined withdrawn``."""
    requested_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[str | None] = mapped_column(Text)
    """Id of the Actor that decided."""
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    answer: Mapped[str | None] = mapped_column(Text)
    """What the person was told: required where it was declined."""
    absence_id: Mapped[str | None] = mapped_column(Text)
    """The absence that it became."""

    __table_args__ = (Index("ix_leave_request_practitioner", "practitioner", "status"),)
