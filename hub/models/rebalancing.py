"""Plans that share a team's work out afresh, and their lines: a person answers each of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.orm import Mapped, mapped_column

from hub.db import Base


class RebalancingPlan(Base):
    """One plan for one team. It stands until the end of its day, or until the next one."""

    __tablename__ = "rebalancing_plan"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    """Time-ordered."""
    team: Mapped[str] = mapped_column(Text)
    """``CareTeam/<id>``."""
    asked_by: Mapped[str] = mapped_column(Text)
    """Reference or id of the Actor."""
    asked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """The instant whose facts the plan is made from."""
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    """The end of that local day: nothing of it is accepted from then on."""
    replaced_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the next plan of the team took its place."""
    tasks: Mapped[int] = mapped_column()
    """How many open tasks were looked at."""
    cost: Mapped[int] = mapped_column(BigInteger)
    """Points against the plan; less is better (``hub.domain.rebalancing``)."""
    bound: Mapped[int] = mapped_column(BigInteger)
    """No plan from these facts has less."""
    proven: Mapped[bool] = mapped_column()
    """The solver proved that nothing better exists; else its time was up."""
    seconds: Mapped[float] = mapped_column()
    """How long it searched."""
    before: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The totals of the day as it was."""
    after: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The totals if every line is accepted."""
    problem: Mapped[bytes] = mapped_column(LargeBinary)
    """What was asked, so that it can be solved again: JSON, compressed with zlib."""

    __table_args__ = (
        Index(
            "uq_rebalancing_plan_standing",
            "team",
            unique=True,
            postgresql_where=sql("replaced_at IS NULL"),
        ),
        Index("ix_rebalancing_plan_team", "team", "id"),
    )


class RebalancingMove(Base):
    """One line of a plan: one task, from whom, to whom, why, and what a person said to it."""

    __tablename__ = "rebalancing_move"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    plan_id: Mapped[str] = mapped_column(Text, ForeignKey("rebalancing_plan.id"))
    place: Mapped[int] = mapped_column()
    """Where it stands in the plan, from 1."""
    task_id: Mapped[str] = mapped_column(Text)
    """Id of the Task."""
    task_version: Mapped[int] = mapped_column()
    """The version that the plan was made from: one that has moved on is left alone."""
    owner: Mapped[str] = mapped_column(Text)
    """Who has it: ``Practitioner/<id>`` or ``CareTeam/<id>``."""
    to: Mapped[str] = mapped_column(Text)
    """``Practitioner/<id>``"""
    why: Mapped[str] = mapped_column(Text)
    """One sentence."""
    gain: Mapped[int] = mapped_column(BigInteger)
    """Points that the plan is worth less without this line."""
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the task is due."""
    state: Mapped[str] = mapped_column(Text, server_default="offered")
    """``offered``, ``accepted``, ``refused`` or ``lapsed``."""
    note: Mapped[str] = mapped_column(Text, server_default="")
    """Why it lapsed, or what it waits for."""
    answered_by: Mapped[str | None] = mapped_column(Text)
    """Reference or id of the Actor."""
    answered_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        UniqueConstraint("plan_id", "task_id", name="uq_rebalancing_move_plan_task"),
        Index("ix_rebalancing_move_task", "task_id"),
    )
