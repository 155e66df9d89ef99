"""The parts of a task, and what a part is a part of, with how they stand."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, select

from hub import records
from hub.db import db
from hub.domain.parts import PartKind
from hub.domain.task_states import OPEN, TaskStatus
from hub.models.part import TaskPart

_TASK = records.table("Task")


@dataclass(frozen=True, slots=True)
class Part:
    """One part as it stands now."""

    id: str
    whole_id: str
    kind: PartKind
    minutes: int
    points: int
    status: TaskStatus
    owner: str
    made_by: str
    returned_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


def parts_of(whole_id: str) -> list[Part]:
    """Return every part of a task, oldest first."""
    return parts_of_many([whole_id]).get(whole_id, [])


def parts_of_many(whole_ids: Collection[str]) -> dict[str, list[Part]]:
    """Return the parts of many tasks, by the id of the whole."""
    found: dict[str, list[Part]] = {}
    if not whole_ids:
        return found
    statement = (
        select(TaskPart, _TASK.c.status, _TASK.c.owner)
        .join(_TASK, and_(_TASK.c.id == TaskPart.part_id))
        .where(TaskPart.whole_id.in_(list(whole_ids)))
        .order_by(TaskPart.part_id)
    )
    for row, status, owner in db.session.execute(statement):
        part = Part(
            row.part_id,
            row.whole_id,
            PartKind(row.kind),
            row.minutes,
            row.points,
            TaskStatus(status),
            owner,
            row.made_by,
            row.returned_at,
        )
        found.setdefault(row.whole_id, []).append(part)
    return found


def has_parts(whole_id: str) -> bool:
    return (
        db.session.scalar(select(TaskPart.part_id).where(TaskPart.whole_id == whole_id).limit(1))
        is not None
    )


def made_by(practitioner: str | None) -> list[Part]:
    """Return the open parts that somebody gave away, of wholes that are theirs."""
    if not practitioner:
        return []
    whole = _TASK.alias("whole")
    statement = (
        select(TaskPart.whole_id)
        .join(whole, and_(whole.c.id == TaskPart.whole_id))
        .where(whole.c.owner == practitioner, whole.c.status.in_(sorted(OPEN)))
        .distinct()
    )
    wholes = list(db.session.execute(statement).scalars())
    return [part for parts in parts_of_many(wholes).values() for part in parts if part.is_open]


def owner_of(whole_id: str | None) -> str | None:
    """Return the owner of a whole."""
    return db.session.scalar(select(_TASK.c.owner).where(_TASK.c.id == whole_id))
