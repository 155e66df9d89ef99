"""Routing decisions with their inputs: each explains itself and replays to the same answer."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Index, Text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class RoutingDecision(Base):
    """Why a task went where it went."""

    __tablename__ = "routing_decision"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    """Time-ordered: the last one of a task is the greatest."""
    task_id: Mapped[str] = mapped_column(Text)
    """Id of the Task."""
    task_version: Mapped[int] = mapped_column()
    """Version of the Task that the decision was made from."""
    decided_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """The instant the rules saw."""
    owner: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>``, or ``CareTeam/<id>`` when nobody fitted."""
    sentence: Mapped[str] = mapped_column(Text)
    """The reason in one plain sentence, as shown on screen."""
    cause: Mapped[str] = mapped_column(Text)
    """What asked for it: ``new``, ``declined``, ``absence``, ``breach``, ``handed-over`` ..."""
    displaced: Mapped[str | None] = mapped_column(Text)
    """Who lost the task by it; nobody when it came from a pool."""
    inputs: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The decision with everything the pure function was given, so that it can be replayed; what
    many decisions share stands in ``routing_piece`` (``hub.domain.routing_record``)."""

    __table_args__ = (Index("ix_routing_decision_task", "task_id", "id"),)


class RoutingPiece(Base):
    """A part of the inputs that many decisions share: a team, a rota, a calendar, the weights.

    Never changed and never deleted: its key is the digest of its content.
    """

    __tablename__ = "routing_piece"

    digest: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    """SHA-256 of the content, in hexadecimal digits."""
    content: Mapped[Any] = mapped_column(JSON)
    """The piece as ``hub.domain.snapshot`` freezes it."""
    kept_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """When it was first needed."""
