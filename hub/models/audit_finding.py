"""What the auditor found: one row from the first time it was seen until it was gone."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class AuditFinding(Base):
    """One broken invariant of one subject. Opened once, however often it is seen."""

    __tablename__ = "audit_finding"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    invariant: Mapped[str] = mapped_column(Text)
    """Name of the invariant, such as ``task-owner``."""
    subject: Mapped[str] = mapped_column(Text)
    """Reference of the record or row that breaks it."""
    detail: Mapped[str] = mapped_column(Text)
    """In what way, as last seen. Holds references, never patient data."""
    first_seen: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When the auditor first found it."""
    last_seen: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it last found it."""
    cleared_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it was gone; the same trouble later is a finding of its own."""

    __table_args__ = (
        Index(
            "uq_audit_finding_open",
            "invariant",
            "subject",
            unique=True,
            postgresql_where=text("cleared_at IS NULL"),
        ),
        Index("ix_audit_finding_first_seen", "first_seen"),
    )
