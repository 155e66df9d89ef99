"""A link by which a referrer without an account follows one referral, and its one-time code."""

from datetime import datetime

from sqlalchemy import DateTime, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class ReferralLink(Base):
    """One way to one referrer. The link itself is signed, never stored; codes are stored hashed."""

    __tablename__ = "referral_link"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    """Time-ordered; signed, it is the link."""
    subject: Mapped[str] = mapped_column(Text)
    """``ServiceRequest/<id>``."""
    channel: Mapped[str] = mapped_column(Text)
    """``sms`` or ``email``."""
    address: Mapped[str] = mapped_column(Text)
    """Where link and codes are sent: telephone number or e-mail address."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """In the hub's time: some weeks, by the hub's data."""
    code_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """SHA-256 of link and code; empty when none is out or it was used."""
    code_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Real time: a code is good for minutes."""
    tries: Mapped[int] = mapped_column(server_default="0")
    """Wrong codes since the last was sent."""
    codes_sent: Mapped[int] = mapped_column(server_default="0")
    """Codes sent since ``codes_since``."""
    codes_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Real time from which codes are counted: so many an hour."""
    session_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """SHA-256 of the cookie that a right code opened."""
    session_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Real time."""

    __table_args__ = (Index("ix_referral_link_subject", "subject"),)
