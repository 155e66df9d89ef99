"""The rota: who works when, as what, where. Working patterns become rows before they count."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import BigInteger, Computed, DateTime, Index, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from hub import clock
from hub.db import Base
from hub.domain.rota import WORK


class Shift(Base):
    """One person at work, or on call, from one instant to another, as it stands now.

    What it was before a change is in ``RotaHistory``; a shift that was called off is only there.
    """

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
    service: Mapped[str | None] = mapped_column(Text)
    """``HealthcareService/<code>`` the shift is kept for; none: every service of the team."""
    place: Mapped[str | None] = mapped_column(Text)
    """Cluster, locality or round the shift covers."""
    areas: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list, server_default="{}")
    """Area codes of home visits in this shift; empty: those of the person."""
    kind: Mapped[str] = mapped_column(Text, default=WORK, server_default="work")
    """``work`` or ``on-call``: on-call people are asked only when nobody is at work."""
    minutes: Mapped[int] = mapped_column()
    """Capacity for tasks in this shift, in minutes: less than its length (travel, breaks)."""
    pattern: Mapped[str | None] = mapped_column(Text)
    """The pattern of the hub definition it was made from; empty for a shift added by hand."""
    uid: Mapped[str] = mapped_column(Text, default=lambda: str(uuid4()), unique=True)
    """Names it for ever and outside (RFC 5545 UID), whoever works it after a swap."""
    sequence: Mapped[int] = mapped_column(default=0, server_default="0")
    """Counts its changes (RFC 5545 SEQUENCE)."""
    known_from: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
    """Since when the hub has known it as it stands."""
    changed_by: Mapped[str | None] = mapped_column(Text)
    """Id of the Actor that made it as it stands; none where the pattern did."""
    cause: Mapped[str] = mapped_column(Text, default="planned", server_default="planned")
    """``planned added replaced extended moved swapped imported``."""
    reason: Mapped[str | None] = mapped_column(Text)
    """Why, in the words of who changed it."""

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
