"""Bulk jobs: exports and imports that a worker does piece by piece, and the files they leave."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base

EXPORT = "export"
IMPORT = "import"

WAITING = "waiting"
"""Nobody has begun, or a worker goes on with it when its turn comes."""
DONE = "done"
FAILED = "failed"

OUTPUT = "output"
DELETED = "deleted"
ERROR = "error"


class BulkJob(Base):
    """One request of one client. A cancelled or expired job has no row any more."""

    __tablename__ = "bulk_job"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    """export | import."""
    actor_id: Mapped[str] = mapped_column(Text)
    """Who asked: nobody else sees the job or its files."""
    actor: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The Actor as it was then; a client's scopes are cut to what it still has."""
    request: Mapped[str] = mapped_column(Text)
    """The address that was called."""
    asked: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What was asked for, checked."""
    status: Mapped[str] = mapped_column(Text, server_default=WAITING)
    """waiting | done | failed."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    moment: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """transactionTime: the content is that of this instant. Set when the lists are made."""
    total: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Of an export the resources on its lists, of an import the bytes that were sent."""
    done: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """How many of these are settled: where an import goes on."""
    line: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """The last line of an import that is settled."""
    counts: Mapped[dict[str, Any]] = mapped_column(JSON, server_default="{}")
    """What an import did, by outcome and type."""
    refused: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Lines of an import that were refused."""
    refusal_bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Length of the file of refusals that belongs to ``line``: what lies beyond is cut off."""
    worker: Mapped[str | None] = mapped_column(Text)
    """Who has it in hand; another worker is told so by its own updates finding nothing."""
    leased_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Real time after which a worker that says nothing is dead."""
    turn_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """Real time of its next turn: jobs take turns."""
    claims: Mapped[int] = mapped_column(server_default="0")
    """Turns taken since it last got on: a job that kills its workers is given up."""
    error: Mapped[str | None] = mapped_column(Text)
    """Why it failed; holds no patient data."""
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the job and its files go."""

    __table_args__ = (
        Index("ix_bulk_job_turn", "turn_at", postgresql_where=text("status = 'waiting'")),
        Index("ix_bulk_job_actor", "actor_id", "status"),
        Index("ix_bulk_job_expires", "expires_at"),
    )


class BulkFile(Base):
    """One file of a job: planned when the lists are made, there when it has a digest."""

    __tablename__ = "bulk_file"

    job_id: Mapped[str] = mapped_column(
        Text, ForeignKey("bulk_job.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    """1, 2, 3 ...: the order in which they are written."""
    kind: Mapped[str] = mapped_column(Text)
    """output | deleted | error: its place in the manifest."""
    type: Mapped[str] = mapped_column(Text)
    """Of the resources that it is about."""
    name: Mapped[str] = mapped_column(Text)
    begins: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Where its part of the list begins, in bytes."""
    count: Mapped[int] = mapped_column(server_default="0")
    """Lines."""
    size: Mapped[int | None] = mapped_column(BigInteger)
    digest: Mapped[str | None] = mapped_column(Text)
    """SHA-256 of the file, in hexadecimal; none until it is whole and safe on the disk."""
