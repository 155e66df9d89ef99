"""What lies in the hub's MESH mailbox: seen, taken in once, acknowledged."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class MeshArrival(Base):
    """One message of a mailbox. ``settled_at`` is written in the transaction of its effect."""

    __tablename__ = "mesh_arrival"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    mailbox: Mapped[str] = mapped_column(Text)
    """Ours."""
    message_id: Mapped[str] = mapped_column(Text)
    """The id that MESH gave it."""
    seen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When a poll first found it."""
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it is tried next."""
    leased_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Real time until which one worker has it in hand; a dead worker's lease runs out."""
    attempts: Mapped[int] = mapped_column(server_default="0")
    """How often it was taken in hand, counted before anything is done with it."""
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it had its effect: from then on it is only acknowledged."""
    inbox_id: Mapped[str | None] = mapped_column(
        Text, ForeignKey("inbox_message.id", name="fk_mesh_arrival_inbox_id_inbox_message")
    )
    """The row of what came; empty for a report of MESH itself."""
    acknowledged_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When MESH took our word for it, and stopped showing it."""
    error: Mapped[str | None] = mapped_column(Text)
    """Why the last attempt failed; holds no patient data."""

    __table_args__ = (
        UniqueConstraint("mailbox", "message_id", name="uq_mesh_arrival_message"),
        Index("ix_mesh_arrival_open", "seen_at", postgresql_where=text("acknowledged_at IS NULL")),
    )
