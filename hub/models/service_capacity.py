"""What services have said of their capacity: one row a statement, the latest one counts."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class ServiceCapacity(Base):
    """One statement of one service."""

    __tablename__ = "service_capacity"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    """Time-ordered."""
    service: Mapped[str] = mapped_column(Text)
    """Code of the service in the hub definition."""
    places: Mapped[int] = mapped_column()
    """People who can still be taken; 0: full."""
    said_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When."""
    said_by: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>`` of who said it."""

    __table_args__ = (Index("ix_service_capacity_latest", "service", "said_at"),)
