"""Keeps what hangs on a managed Task in step with it, whoever writes it and by whatever door.

Assignment spells, clocks, the events ``TaskAssigned`` and ``TaskReleased`` and the notices to both
sides are derived here from each version of the Task, in its own transaction.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, insert, select

from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.domain.definition import HubDefinition
from hub.domain.task_states import OPEN, TaskStatus
from hub.models.assignment import Assignment
from hub.records.ids import new_id
from hub.records.relationships import TEAM_WORK
from hub.records.tables import RELATIONSHIPS
from hub.services import clocks, definitions, notices, task_content
from hub.services.task_content import Task

USUAL_MINUTES = 45
"""Size of work that neither its service nor its kind has a size for."""

_SELF = hub_actor("assignments")

_STOPS_CLOCK = frozenset(
    {
        TaskStatus.COMPLETED,
        TaskStatus.FAILED,
        TaskStatus.CANCELLED,
        TaskStatus.ENTERED_IN_ERROR,
    }
)
"""Not ``rejected``: declined work goes on to somebody else, and its clock with it."""


@records.guard("Task")
def follow(actor: Actor, old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
    """Bring the rows in step with the version about to be written."""
    task = new or old
    assert task is not None
    task_id: str = task["id"]
    if old is not None:
        # The Task first, its rows after: one order of locks for every door.
        records.lock(_SELF, "Task", task_id)
    was_open = old is not None and task_content.is_open(old)
    now_open = new is not None and task_content.is_open(new)
    if now_open:
        assert new is not None
        _follow_open(actor, task_id, old if was_open else None, new)
    elif was_open:
        assert old is not None
        _follow_closed(actor, task_id, old, new)
    if old is not None and new is not None:
        _tell(actor, old, new)


def current(task_id: str, *, locked: bool = False) -> Assignment | None:
    """Return the spell of the present owner."""
    query = select(Assignment).where(Assignment.task_id == task_id, Assignment.ends_at.is_(None))
    if locked:
        query = query.with_for_update()
    return db.session.execute(query).scalar_one_or_none()


def spells_of(task_id: str) -> list[Assignment]:
    """Return all spells of a task, oldest first: every hand-off is one more."""
    found = db.session.execute(
        select(Assignment)
        .where(Assignment.task_id == task_id)
        .order_by(Assignment.starts_at, Assignment.id)
    )
    return list(found.scalars())


def size_of(task: Mapping[str, Any], definition: HubDefinition) -> int:
    """Return the minutes that work of this kind usually takes."""
    return definition.task_minutes.get(task_content.code(task) or "", USUAL_MINUTES)


def team_of(owner: str, definition: HubDefinition) -> str | None:
    """Return the team whose work it is when somebody owns it."""
    if owner.startswith("CareTeam/"):
        return owner
    person = definition.staff.get(owner.removeprefix("Practitioner/"))
    return f"CareTeam/{person.teams[0]}" if person and person.teams else None


def _follow_open(actor: Actor, task_id: str, old: Task | None, new: Task) -> None:
    owner = task_content.owner(new)
    spell = current(task_id, locked=True)
    if spell is not None and spell.owner == owner:
        return
    definition = definitions.current()
    last = spell or _last(task_id)
    if spell is not None:
        _end(spell, _why_moved(actor, spell, new), actor)
    team = team_of(owner, definition)
    if last is not None and last.team and (actor.kind is ActorKind.HUB or team is None):
        # A desk that steps in does not make it the desk's work.
        team = last.team
    db.session.add(
        Assignment(
            id=new_id(),
            task_id=task_id,
            owner=owner,
            team=team,
            patient=task_content.reference(new, "for"),
            minutes=last.minutes if last else size_of(new, definition),
            urgent=task_content.is_urgent(new),
            starts_at=clock.now(),
        )
    )
    db.session.flush()
    _open_record_to(team, task_id, task_content.reference(new, "for"))
    if old is None and last is not None:
        clocks.reopen(task_id)
    if owner.startswith("Practitioner/") and owner != actor.practitioner:
        records.outbox.emit(
            "TaskAssigned",
            subject=f"Task/{task_id}",
            payload={"owner": owner, "by": actor.display, "version": new["meta"]["versionId"]},
        )


def _follow_closed(actor: Actor, task_id: str, old: Task, new: Task | None) -> None:
    status = TaskStatus.ENTERED_IN_ERROR if new is None else task_content.status(new)
    spell = current(task_id, locked=True)
    if spell is not None:
        rejected = status is TaskStatus.REJECTED
        _end(spell, "declined" if rejected else status.value, actor)
    _open_record_to(None, task_id, None)
    if status in _STOPS_CLOCK:
        clocks.stop(task_id, status.value)
    elif status is TaskStatus.REJECTED:
        records.outbox.emit(
            "TaskReleased",
            subject=f"Task/{task_id}",
            payload={"cause": "declined", "by": task_content.owner(old)},
        )


def _open_record_to(team: str | None, task_id: str, patient: str | None) -> None:
    """Let the team whose work it is see the person while the task is open, and nobody's after."""
    source = f"Task/{task_id}"
    db.session.execute(
        delete(RELATIONSHIPS).where(
            RELATIONSHIPS.c.source == source, RELATIONSHIPS.c.basis == TEAM_WORK
        )
    )
    if team and patient and patient.startswith("Patient/"):
        db.session.execute(
            insert(RELATIONSHIPS).values(
                source=source,
                patient_id=patient.removeprefix("Patient/"),
                party=team,
                basis=TEAM_WORK,
            )
        )


def _last(task_id: str) -> Assignment | None:
    return db.session.execute(
        select(Assignment)
        .where(Assignment.task_id == task_id)
        .order_by(Assignment.starts_at.desc(), Assignment.id.desc())
        .limit(1)
    ).scalar_one_or_none()


def _end(spell: Assignment, outcome: str, actor: Actor) -> None:
    spell.ends_at = clock.now()
    spell.outcome = outcome
    spell.ended_by = actor.practitioner or actor.id
    db.session.flush()


def _why_moved(actor: Actor, spell: Assignment, new: Task) -> str:
    if actor.kind is ActorKind.HUB:
        return task_content.code(new, "statusReason") or "routed"
    if spell.owner.startswith("CareTeam/") and task_content.owner(new) == actor.practitioner:
        return "claimed"
    return "handed-over"


_WORDS = {
    TaskStatus.ACCEPTED: "accepted the task",
    TaskStatus.REJECTED: "declined the task",
    TaskStatus.ON_HOLD: "put the task on hold",
    TaskStatus.COMPLETED: "completed the task",
    TaskStatus.FAILED: "could not complete the task",
    TaskStatus.CANCELLED: "cancelled the task",
}


def _tell(actor: Actor, old: Task, new: Task) -> None:
    """Tell the other side of a change: owner, requester, and who had it before."""
    task_id, version = new["id"], new["meta"]["versionId"]
    line = None
    if old["status"] != new["status"]:
        line = _WORDS.get(task_content.status(new))
    moved = task_content.owner(old) != task_content.owner(new) and new["status"] in OPEN
    if moved and old["status"] in OPEN:
        line = "moved the task to another owner"
    if line is None:
        return
    parties = {
        task_content.owner(old),
        task_content.owner(new) if not moved else None,
        task_content.reference(new, "requester"),
    }
    notices.tell(
        (
            each
            for each in parties
            if each and each.startswith("Practitioner/") and each != actor.practitioner
        ),
        kind="TaskChanged",
        subject=f"Task/{task_id}",
        line=f"{actor.display} {line}: {task_content.code(new) or 'task'}",
        key=f"Task/{task_id}/_history/{version}",
    )
