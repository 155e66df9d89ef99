"""The open work of a team that a plan may share out, and the plans there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, or_, select

from hub.db import db
from hub.domain.task_states import OPEN, TaskStatus
from hub.models.assignment import Assignment
from hub.models.clock import TaskClock
from hub.models.offer import TaskOffer
from hub.models.part import TaskPart
from hub.models.rebalancing import RebalancingMove, RebalancingPlan
from hub.records import table

_TASK = table("Task")
_MOVABLE = sorted(OPEN - {TaskStatus.ON_HOLD})


@dataclass(frozen=True, slots=True)
class OpenWork:
    """A task that can be shared out."""

    task_id: str
    counted: bool
    """Whether its owner's load of today has it in it (``hub.queries.workload``)."""


def open_work(team: str, midnight: datetime, tomorrow: datetime) -> list[OpenWork]:
    """Return the open work of ``CareTeam/<id>`` by task id.

    Left out: what is on hold, what somebody has been asked to take, and wholes whose parts are with
    others, because they move with those who made these arrangements.
    """
    counted = or_(Assignment.starts_at >= midnight, TaskClock.due_at < tomorrow)
    rows = db.session.execute(
        select(Assignment.task_id, func.coalesce(counted, False))
        .join(_TASK, _TASK.c.id == Assignment.task_id)
        .outerjoin(
            TaskClock,
            (TaskClock.task_id == Assignment.task_id) & TaskClock.stopped_at.is_(None),
        )
        .where(
            Assignment.ends_at.is_(None),
            Assignment.team == team,
            _TASK.c.status.in_(_MOVABLE),
            ~_TASK.c.deleted,
            ~exists().where(
                TaskOffer.task_id == Assignment.task_id, TaskOffer.answered_at.is_(None)
            ),
            ~exists().where(TaskPart.whole_id == Assignment.task_id),
        )
        .order_by(Assignment.task_id)
    )
    return [OpenWork(task_id, bool(is_counted)) for task_id, is_counted in rows]


def standing(team: str, *, locked: bool = False) -> RebalancingPlan | None:
    """Return the last plan of a team, also when its day is over."""
    query = select(RebalancingPlan).where(
        RebalancingPlan.team == team, RebalancingPlan.replaced_at.is_(None)
    )
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.session.execute(query).scalar_one_or_none()


def moves_of(plan_id: str) -> Sequence[RebalancingMove]:
    """Return the lines of a plan in their order."""
    query = (
        select(RebalancingMove)
        .where(RebalancingMove.plan_id == plan_id)
        .order_by(RebalancingMove.place)
    )
    return db.session.execute(query).scalars().all()
