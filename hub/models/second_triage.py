"""Referrals that are triaged twice, blind: the first decision beside the second."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class SecondTriage(Base):
    """One referral of the sample. The second decision changes nothing of the referral."""

    __tablename__ = "second_triage"

    task_id: Mapped[str] = mapped_column(Text, primary_key=True)
    """The triage Task that was decided."""
    request_id: Mapped[str] = mapped_column(Text)
    """The ServiceRequest."""
    request_version: Mapped[int] = mapped_column()
    """Its version that the first one decided on: the second sees the same."""
    why: Mapped[str] = mapped_column(Text)
    """Why the person was referred, in words, for the figures by reason."""
    team: Mapped[str] = mapped_column(Text)
    """``CareTeam/<id>`` of the front door that decided."""
    offered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When the first decision was made."""
    first_by: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>``."""
    first_outcome: Mapped[str] = mapped_column(Text)
    first_service: Mapped[str | None] = mapped_column(Text)
    first_reason: Mapped[str | None] = mapped_column(Text)
    first_priority: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the second was made; empty: it waits."""
    second_by: Mapped[str | None] = mapped_column(Text)
    second_outcome: Mapped[str | None] = mapped_column(Text)
    second_service: Mapped[str | None] = mapped_column(Text)
    second_reason: Mapped[str | None] = mapped_column(Text)
    second_priority: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index(
            "ix_second_triage_waiting",
            "offered_at",
            postgresql_where=text("decided_at IS NULL"),
        ),
    )
