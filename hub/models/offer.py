"""Work offered to somebody by name: until they accept, the owner of the Task is who it was."""

from datetime import datetime

from sqlalchemy import DateTime, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class TaskOffer(Base):
    """One offer of one managed task, open or answered."""

    __tablename__ = "task_offer"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    task_id: Mapped[str] = mapped_column(Text)
    """Id of the Task that the other would own: for a delegation, the part."""
    kind: Mapped[str] = mapped_column(Text)
    """``handover`` or ``delegation``."""
    giver: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>`` who offers it."""
    owner: Mapped[str] = mapped_column(Text)
    """Who owned the task when it was offered: the giver, a colleague or their team's pool."""
    taker: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>`` who is asked."""
    note: Mapped[str] = mapped_column(Text, server_default="")
    """What the taker needs to know."""
    offered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it ends unanswered and the giver is told."""
    answered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it ended, in whatever way."""
    answer: Mapped[str | None] = mapped_column(Text)
    """``accepted refused withdrawn expired lapsed``."""
    answered_by: Mapped[str | None] = mapped_column(Text)
    """Reference or id of the Actor that ended it."""
    reason: Mapped[str | None] = mapped_column(Text)
    """Why it was refused, in the taker's words."""

    __table_args__ = (
        # A task is offered to one person at a time: two who may accept it would be two owners.
        Index(
            "uq_task_offer_open",
            "task_id",
            unique=True,
            postgresql_where=text("answered_at IS NULL"),
        ),
        Index("ix_task_offer_task", "task_id", "id"),
        Index("ix_task_offer_taker", "taker", postgresql_where=text("answered_at IS NULL")),
        Index("ix_task_offer_giver", "giver", postgresql_where=text("answered_at IS NULL")),
    )
