"""Swaps: a shift offered to a colleague, as a gift or against one of theirs."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class ShiftOffer(Base):
    """One offer of one shift to one colleague, and what became of it."""

    __tablename__ = "shift_offer"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    shift_id: Mapped[str] = mapped_column(Text)
    shift_sequence: Mapped[int] = mapped_column()
    """The state of the shift that was offered: one that has changed since is another shift."""
    offered_by: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>`` who works the shift."""
    offered_to: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>`` who is asked."""
    against_id: Mapped[str | None] = mapped_column(Text)
    """Shift of the colleague that is wanted for it; none: it is given away."""
    against_sequence: Mapped[int | None] = mapped_column()
    note: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, server_default="offered")
    """``offered accepted refused withdrawn expired``."""
    offered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When the first of its shifts starts: nobody can take it on after that."""
    answered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it was accepted, refused, withdrawn or found to have expired."""

    __table_args__ = (
        Index("ix_shift_offer_to", "offered_to", "status"),
        Index("ix_shift_offer_by", "offered_by", "status"),
        Index(
            "ix_shift_offer_expires",
            "expires_at",
            postgresql_where=text("status = 'offered'"),
        ),
        # A shift is offered to one colleague at a time: two who accept cannot both have it.
        Index(
            "uq_shift_offer_open",
            "shift_id",
            unique=True,
            postgresql_where=text("status = 'offered'"),
        ),
    )
