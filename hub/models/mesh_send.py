"""What leaves the hub by MESH: answers to what came, at least once, with a stable local id."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base

INFRASTRUCTURE = "infrastructure"
BUSINESS = "business"


class MeshSend(Base):
    """One message to one mailbox; its states are those of ``OutsideSend``."""

    __tablename__ = "mesh_send"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text)
    """Mex-LocalID: the same at every attempt, so that a repeat can be recognised."""
    inbox_id: Mapped[str] = mapped_column(
        Text, ForeignKey("inbox_message.id", name="fk_mesh_send_inbox_id_inbox_message")
    )
    """What it answers."""
    kind: Mapped[str] = mapped_column(Text)
    """``infrastructure`` or ``business``."""
    code: Mapped[str] = mapped_column(Text)
    """ITKResponseCode that it says."""
    recipient: Mapped[str] = mapped_column(Text)
    """Mailbox that the message came from."""
    workflow: Mapped[str] = mapped_column(Text)
    """Mex-WorkflowID."""
    body: Mapped[bytes] = mapped_column(LargeBinary)
    """What is sent, byte for byte, at every attempt."""
    state: Mapped[str] = mapped_column(Text, server_default="waiting")
    """``waiting``, ``sent``, ``logged`` or ``dead``."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it is sent next."""
    leased_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Real time until which one worker has it in hand; a dead worker's lease runs out."""
    attempts: Mapped[int] = mapped_column(server_default="0")
    """How often it was taken in hand, counted before it leaves."""
    repeats: Mapped[int] = mapped_column(server_default="0")
    """How often it left again though an attempt before may have arrived."""
    uncertain: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether the last attempt may have arrived without an answer."""
    message_id: Mapped[str | None] = mapped_column(Text)
    """The id that MESH gave it."""
    error: Mapped[str | None] = mapped_column(Text)
    """Why the last attempt failed, or why MESH could not deliver it."""

    __table_args__ = (
        UniqueConstraint("key", name="uq_mesh_send_key"),
        Index("ix_mesh_send_open", "due_at", postgresql_where=text("state IN ('waiting', 'dead')")),
        Index("ix_mesh_send_inbox", "inbox_id"),
        Index("ix_mesh_send_message", "message_id"),
    )
