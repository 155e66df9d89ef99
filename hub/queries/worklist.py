"""The open work of one person, and of the pools of their teams, with the sentence why."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select, true

from hub import records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.task_states import OPEN
from hub.models.assignment import Assignment
from hub.models.decision import RoutingDecision
from hub.queries import rows
from hub.records import Record

_TASK = records.table("Task")
_PATIENT = records.table("Patient")

LONGEST = 300


@dataclass(frozen=True, slots=True)
class Work:
    task: Record
    patient: Record | None
    why: str | None
    """The last routing decision in one sentence; none where a person handed it on."""


@dataclass(frozen=True, slots=True)
class WorkKey:
    """What decides whether the list looks different: a version and a deadline."""

    id: str
    version: int
    due_at: datetime | None


def keys(actor: Actor) -> list[WorkKey]:
    """Return the open work: cheap, read at every refresh."""
    task = _TASK.c
    statement = _open_work(actor, select(task.id, task.version, task.due_at))
    return [WorkKey(row.id, row.version, row.due_at) for row in db.session.execute(statement)]


def work(actor: Actor) -> list[Work]:
    """Return the open work with all that the list shows, in one statement."""
    return _works(_open_work(actor, _whole_lines(actor)))


def tasks(actor: Actor, task_ids: Collection[str]) -> dict[str, Work]:
    """Return tasks by id, whatever their state and owner, of those that the actor may see."""
    if not task_ids:
        return {}
    statement = _whole_lines(actor).where(
        _TASK.c.id.in_(sorted(task_ids)), ~_TASK.c.deleted, records.visible_to(actor, _TASK)
    )
    return {each.task.id: each for each in _works(statement)}


@dataclass(frozen=True, slots=True)
class Finished:
    """Work that somebody completed; its record may be closed to them since."""

    task_id: str
    version: int
    at: datetime
    is_open: bool
    """Taken back, or opened again."""


def finished(actor: Actor, since: datetime) -> list[Finished]:
    """Return what the actor completed since then, the latest first."""
    statement = (
        select(Assignment.task_id, _TASK.c.version, Assignment.ends_at, _TASK.c.status)
        .join(_TASK, and_(_TASK.c.id == Assignment.task_id))
        .where(
            # Whose work it was, or a colleague of theirs who finished it.
            or_(
                Assignment.owner == (actor.practitioner or ""),
                Assignment.team.in_(sorted(actor.teams)),
            ),
            Assignment.ended_by == (actor.practitioner or ""),
            Assignment.outcome == "completed",
            Assignment.ends_at >= since,
        )
        .order_by(Assignment.ends_at.desc(), Assignment.id.desc())
        .limit(LONGEST)
    )
    found: dict[str, Finished] = {}
    for task_id, version, at, status in db.session.execute(statement):
        found.setdefault(task_id, Finished(task_id, version, at, status in OPEN))
    return [each for each in found.values() if not each.is_open]


def _whole_lines(actor: Actor) -> Select[Any]:
    last = (
        select(RoutingDecision.sentence, RoutingDecision.owner)
        .where(RoutingDecision.task_id == _TASK.c.id)
        .order_by(RoutingDecision.id.desc())
        .limit(1)
        .lateral("last_decision")
    )
    return (
        select(
            *rows.columns(_TASK, "task"),
            *rows.columns(_PATIENT, "patient"),
            last.c.sentence,
            last.c.owner.label("decided_owner"),
            _TASK.c.owner.label("task_owner"),
        )
        .select_from(_TASK)
        .outerjoin(
            _PATIENT, and_(_PATIENT.c.id == _TASK.c.patient_id, records.visible_to(actor, _PATIENT))
        )
        .outerjoin(last, true())
    )


def _works(statement: Select[Any]) -> list[Work]:
    return [
        Work(
            task=rows.required(row, "Task", "task"),
            patient=rows.record(row, "Patient", "patient"),
            # A decision for an earlier owner does not explain why it is mine now.
            why=row["sentence"] if row["decided_owner"] == row["task_owner"] else None,
        )
        for row in db.session.execute(statement).mappings()
    ]


def _open_work(actor: Actor, statement: Select[Any]) -> Select[Any]:
    task = _TASK.c
    pool = and_(task.owner.in_(sorted(actor.teams)), task.code != "triage")
    mine = task.owner == (actor.practitioner or "")
    return (
        statement.where(
            or_(mine, pool),
            task.status.in_(sorted(OPEN)),
            task.managed,
            ~task.deleted,
            records.visible_to(actor, _TASK),
        )
        .order_by(task.due_at.asc().nulls_last(), task.id)
        .limit(LONGEST)
    )
