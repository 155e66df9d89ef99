"""One version of a Task after another, each under the version that the actor saw."""

from datetime import datetime

from sqlalchemy import select

from fhir.outcomes import VersionConflictError
from hub import records
from hub.clock import now
from hub.db import db
from hub.domain.actor import Actor, ActorKind
from hub.domain.errors import RuleError, StateError
from hub.domain.task_states import TaskStatus
from hub.models.absence import Absence
from hub.records.record import Record, instant
from hub.services import clocks, definitions, task_content
from hub.services.task_content import Task


def locked(actor: Actor, task_id: str, version: int) -> Record:
    """Hold a Task until the transaction ends; refuse one that has moved on since it was seen."""
    record = records.lock(actor, "Task", task_id)
    same_version(record, version)
    return record


def same_version(record: Record, version: int) -> None:
    if record.version != version:
        raise VersionConflictError(record.reference, current=record.version, given=version)


def write(
    actor: Actor,
    held: Record,
    task: Task,
    status: TaskStatus | None = None,
    *,
    reason: str | None = None,
    words: str | None = None,
    review_at: datetime | None = None,
) -> Record:
    """Write the next version of a Task that is locked; ``status`` with the reason for it."""
    if status is not None and actor.kind is not ActorKind.HUB:
        moved = task_content.owner(task) != task_content.owner(held.resource)
        if status.value == held["status"] and not moved:
            raise StateError(f"this task is {status} already", field="status")
    change(actor, held, task, status, reason=reason, words=words, review_at=review_at)
    return records.update(actor, task, type="Task", id=held.id, if_match=held.version)


def change(
    actor: Actor,
    held: Record,
    task: Task,
    status: TaskStatus | None,
    *,
    reason: str | None = None,
    words: str | None = None,
    review_at: datetime | None = None,
) -> None:
    """Put the next status and the reason for it into a Task that is locked."""
    if status is not None:
        if task["status"] == TaskStatus.ON_HOLD and status is not TaskStatus.ON_HOLD:
            # However it leaves the hold (taken up, handed over, re-homed), its clock runs again.
            running = clocks.resume(held.id, actor=actor, version=held.version + 1)
            if running is not None:
                task_content.set_due(task, running.due_at)
        task["status"] = status.value
        task_content.set_reason(task, reason, words)
        if review_at is not None:
            task_content.set_review(task, review_at)
    task["lastModified"] = instant(now())


def name_of(reference: str) -> str:
    """Return the name of a member of staff or a team, for a sentence."""
    definition = definitions.current()
    kind, _, identity = reference.partition("/")
    if kind == "CareTeam" and identity in definition.teams:
        return definition.teams[identity].name
    person = definition.staff.get(identity)
    return person.name if person else "somebody else"


def check_takes_work(practitioner: str, *, field: str = "to") -> None:
    """Refuse to give work to somebody who is not of the staff or is away now."""
    if practitioner.removeprefix("Practitioner/") not in definitions.current().staff:
        raise RuleError("hand a task to a member of staff", field=field)
    away = select(Absence.id).where(
        Absence.practitioner == practitioner, Absence.during.contains(now())
    )
    if db.session.scalar(away.limit(1)) is not None:
        raise RuleError(
            f"{name_of(practitioner)} is away: hand it to somebody who is here", field=field
        )
