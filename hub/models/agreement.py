"""Sharing agreements: an organisation that has signed none reads nothing of another's."""

from datetime import datetime

from sqlalchemy import DateTime, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class SharingAgreement(Base):
    """One organisation's signature under the hub's sharing agreement."""

    __tablename__ = "sharing_agreement"

    organization: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    """``Organization/<id>``."""
    signed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it signed."""
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the agreement ended; None: it is in force."""
