"""Who is accountable for whom, as rows: exactly one a role and instant, said to the database."""

from datetime import datetime

from sqlalchemy import BigInteger, Computed, DateTime, Index, Text, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class AccountableSpell(Base):
    """One spell of one person in one role; kept in step with the CareTeam by its guard."""

    __tablename__ = "accountable_spell"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    patient_id: Mapped[str] = mapped_column(Text)
    """Id of the Patient."""
    role: Mapped[str] = mapped_column(Text)
    """``accountable-gp``, ``care-coordinator`` or ``social-worker``."""
    spell_key: Mapped[int] = mapped_column(
        BigInteger, Computed("hashtextextended(patient_id || ' ' || role, 0)", persisted=True)
    )
    """Person and role as a number: core GiST can only exclude on ranges."""
    practitioner: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>``."""
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    """Start included, end excluded; open while it lasts."""
    stands_in: Mapped[bool] = mapped_column()
    """True: nobody is named, and this person answers until somebody is."""

    __table_args__ = (
        ExcludeConstraint(
            (text("int8range(spell_key, spell_key, '[]')"), "&&"),
            ("during", "&&"),
            using="gist",
            name="one_accountable_at_a_time",
        ),
        Index("ix_accountable_spell_patient", "patient_id", "role"),
        Index(
            "ix_accountable_spell_open",
            "practitioner",
            postgresql_where=text("upper_inf(during)"),
        ),
    )


class AccountabilityOffer(Base):
    """A role for one person, offered by who holds it to who may take it."""

    __tablename__ = "accountability_offer"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    batch: Mapped[str] = mapped_column(Text)
    """Offers that were made together: a caseload."""
    patient_id: Mapped[str] = mapped_column(Text)
    """Id of the Patient."""
    role: Mapped[str] = mapped_column(Text)
    """``accountable-gp``, ``care-coordinator`` or ``social-worker``."""
    giver: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>`` who holds it, until it is accepted."""
    receiver: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>`` whom it is offered to."""
    note: Mapped[str] = mapped_column(Text, server_default="")
    """What the giver says to the receiver."""
    offered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it was offered."""
    offered_by: Mapped[str] = mapped_column(Text)
    """Id of the Actor that offered it: the giver, or a manager."""
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """Unanswered by then it is over, and both are told."""
    state: Mapped[str] = mapped_column(Text, server_default="open")
    """``open``, ``accepted``, ``refused``, ``withdrawn``, ``expired`` or ``overtaken``."""
    reason: Mapped[str] = mapped_column(Text, server_default="")
    """Why it was refused, withdrawn or overtaken, in words."""
    answered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it ceased to be open."""
    answered_by: Mapped[str | None] = mapped_column(Text)
    """Id of the Actor that ended it."""

    __table_args__ = (
        # Nobody is offered to two people at once.
        Index(
            "uq_accountability_offer_open",
            "patient_id",
            "role",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_accountability_offer_receiver", "receiver", "state"),
        Index("ix_accountability_offer_giver", "giver", "state"),
    )
