"""Handover packs: what a team must hear at a shift change, each line acknowledged by somebody."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class HandoverPack(Base):
    """The pack of one team for one shift change."""

    __tablename__ = "handover_pack"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    """Time-ordered."""
    team: Mapped[str] = mapped_column(Text)
    """``CareTeam/<id>``."""
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """The shift change: somebody comes on."""
    since: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """From when on it tells what changed: the shift change before."""
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """The next shift change, as the rota stood: what falls due before it is in the pack."""
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    __table_args__ = (UniqueConstraint("team", "at", name="uq_handover_pack_team_at"),)


class HandoverLine(Base):
    """One line of a pack."""

    __tablename__ = "handover_line"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    pack_id: Mapped[str] = mapped_column(Text, ForeignKey("handover_pack.id"))
    place: Mapped[int] = mapped_column()
    """Where it stands in the pack, from 1."""
    kind: Mapped[str] = mapped_column(Text)
    """Code of ``hub.domain.handover.LineKind``."""
    subject: Mapped[str] = mapped_column(Text)
    """Reference of what it is about."""
    patient: Mapped[str | None] = mapped_column(Text)
    """``Patient/<id>``."""
    words: Mapped[str] = mapped_column(Text)
    """One plain sentence, without clinical detail."""
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    critical: Mapped[bool] = mapped_column()
    acknowledged_by: Mapped[str | None] = mapped_column(Text)
    """``Practitioner/<id>`` of who has read it and takes it on."""
    acknowledged_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    told: Mapped[int] = mapped_column(server_default=text("0"))
    """How many have been told that nobody acknowledged it: the lead, then the duty manager."""
    alarm_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the next one is told; empty where it is not critical, acknowledged, or all know."""

    __table_args__ = (
        UniqueConstraint("pack_id", "subject", name="uq_handover_line_pack_subject"),
        Index("ix_handover_line_alarm", "alarm_at", postgresql_where=text("alarm_at IS NOT NULL")),
    )
