"""The rota: who works when, as what, where. Working patterns become rows before they count."""

from datetime import datetime

from sqlalchemy import BigInteger, Computed, Index, Text, func, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class Shift(Base):
    """One person at work from one instant to another."""

    __tablename__ = "shift"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    practitioner: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>``."""
    person_key: Mapped[int] = mapped_column(
        BigInteger, Computed("hashtextextended(practitioner, 0)", persisted=True)
    )
    """The person as a number: core GiST can only exclude on ranges, so text must become one."""
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    """Start included, end excluded."""
    role: Mapped[str] = mapped_column(Text)
    """Role code of the hub definition worked in this shift."""
    team: Mapped[str | None] = mapped_column(Text)
    """``CareTeam/<team code>``."""
    place: Mapped[str | None] = mapped_column(Text)
    """Cluster, locality or round the shift covers."""
    kind: Mapped[str] = mapped_column(Text, server_default="work")
    """``work`` or ``on-call``: on-call people are asked only when nobody is at work."""
    minutes: Mapped[int] = mapped_column()
    """Capacity for tasks in this shift, in minutes: less than its length (travel, breaks)."""
    pattern: Mapped[str | None] = mapped_column(Text)
    """The pattern of the hub definition it was made from; empty for a shift added by hand."""

    __table_args__ = (
        # Core PostgreSQL has no GiST equality for numbers (that is btree_gist): a range of one
        # number overlaps itself only, which says the same.
        ExcludeConstraint(
            (text("int8range(person_key, person_key, '[]')"), "&&"),
            ("during", "&&"),
            using="gist",
            name="one_shift_at_a_time",
        ),
        Index("ix_shift_during", "during", postgresql_using="gist"),
        Index("ix_shift_practitioner_start", "practitioner", func.lower(text("during"))),
    )
