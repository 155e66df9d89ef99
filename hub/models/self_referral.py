"""A form of the public page that was sent: it makes one referral, however often it is sent."""

from datetime import datetime

from sqlalchemy import DateTime, Index, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class SelfReferral(Base):
    __tablename__ = "self_referral"

    form_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    """SHA-256 of the random value that the form was shown with."""
    subject: Mapped[str] = mapped_column(Text)
    """``ServiceRequest/<id>``."""
    receipt: Mapped[str] = mapped_column(Text, unique=True)
    """What the sender was told to quote; says nothing of anybody."""
    address_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    """SHA-256 of the sender's address, with this hub's secret: to count, not to know."""
    sent_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """Real time."""

    __table_args__ = (Index("ix_self_referral_address", "address_hash", "sent_at"),)
