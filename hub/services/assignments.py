"""Keeps what hangs on a managed Task in step with it, whoever writes it and by whatever door.

Assignment spells, clocks, the events ``TaskAssigned`` and ``TaskReleased`` and the notices to both
sides are derived here from each version of the Task, in its own transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from hub import clock, records
from hub.db import db, fetch
from hub.domain.actor import Actor, ActorKind
from hub.domain.definition import HubDefinition
from hub.domain.offer import OfferKind
from hub.domain.task_states import TaskStatus
from hub.models.assignment import Assignment
from hub.models.offer import TaskOffer
from hub.queries import parts
from hub.records.guards import Change
from hub.records.ids import new_id
from hub.records.outbox import Emitted
from hub.records.relationships import TEAM_WORK
from hub.services import (
    clocks,
    definitions,
    employment,
    notices,
    offers,
    task_content,
    task_news,
)
from hub.services.task_content import Task

USUAL_MINUTES = 45
"""Size of work that neither its service nor its kind has a size for."""

USUAL_POINTS = 1
"""Weight of work whose kind has none."""

_STOPS_CLOCK = frozenset(
    {
        TaskStatus.COMPLETED,
        TaskStatus.FAILED,
        TaskStatus.CANCELLED,
        TaskStatus.ENTERED_IN_ERROR,
    }
)
"""Not ``rejected``: declined work goes on to somebody else, and its clock with it."""

_STOPS_PARTS = frozenset({TaskStatus.CANCELLED, TaskStatus.ENTERED_IN_ERROR})


def follow_all(actor: Actor, changes: Sequence[Change]) -> None:
    """Bring the rows in step with the versions about to be written, with statements for all.

    The Tasks are held already, by whoever writes them: the Task first, its rows after.
    """
    taken = offers.follow_all(actor, changes)
    opened: list[tuple[Task | None, Task]] = []
    closed: list[tuple[Task, Task | None]] = []
    for old, new in changes:
        was_open = old is not None and task_content.is_open(old)
        if old is not None and new is not None:
            _follow_hold(actor, old, new)
        if old is not None and was_open != (new is not None and task_content.is_open(new)):
            _tell_the_whole(old, new)
        if new is not None and task_content.is_open(new):
            opened.append((old if was_open else None, new))
        elif was_open and old is not None:
            closed.append((old, new))
    if opened:
        fresh = {
            new["id"]
            for old, new in changes
            if old is None and new is not None and new["meta"]["versionId"] == "1"
        }
        _follow_open(actor, opened, taken, fresh)
    for before, after in closed:
        _follow_closed(actor, before["id"], before, after)
    notices.tell_many(
        told
        for old, new in changes
        if old is not None and new is not None
        for told in task_news.told(actor, old, new, taken.get(new["id"]))
    )


@records.guard("Task", many=follow_all)
def follow(actor: Actor, old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
    """Bring the rows in step with the version about to be written."""
    follow_all(actor, [(old, new)])


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


def points_of(task: Mapping[str, Any], definition: HubDefinition) -> int:
    """Return what work of this kind weighs beside its minutes."""
    return definition.task_points.get(task_content.code(task) or "", USUAL_POINTS)


def team_of(owner: str, definition: HubDefinition) -> str | None:
    """Return the team whose work it is when somebody owns it."""
    if owner.startswith("CareTeam/"):
        return owner
    person = definition.staff.get(owner.removeprefix("Practitioner/"))
    return f"CareTeam/{person.teams[0]}" if person and person.teams else None


def _follow_hold(actor: Actor, old: Task, new: Task) -> None:
    """Stop and start the clock with a hold, and set when somebody is reminded of it."""
    before, after = task_content.status(old), task_content.status(new)
    if before is after:
        return
    version = int(new["meta"]["versionId"])
    if after is TaskStatus.ON_HOLD:
        reason = task_content.code(new, "statusReason") or ""
        clocks.pause(new["id"], reason, actor=actor, version=version)
        review_at = task_content.review_at(new)
        if review_at is not None:
            records.outbox.emit(
                "TaskHoldEnds",
                subject=f"Task/{new['id']}",
                payload={"version": version},
                due_at=review_at,
            )
    elif before is TaskStatus.ON_HOLD:
        clocks.resume(new["id"], actor=actor, version=version)


def _tell_the_whole(old: Task, new: Task | None) -> None:
    """Let the whole follow a part that ended or was opened again, or its parts follow its end.

    After the commit, by an event: whole and parts are then locked in one order.
    """
    whole = task_content.whole_of(old)
    if whole is not None:
        records.outbox.emit("TaskPartsMoved", subject=f"Task/{whole}")
    stopped = new is None or task_content.status(new) in _STOPS_PARTS
    if stopped and parts.has_parts(old["id"]):
        records.outbox.emit("TaskPartsMoved", subject=f"Task/{old['id']}")


def _follow_open(
    actor: Actor,
    opened: Sequence[tuple[Task | None, Task]],
    taken: Mapping[str, TaskOffer],
    fresh: Collection[str],
) -> None:
    """Begin a spell for each Task whose owner is another one now; end the one before it.

    ``fresh`` are the ids of first versions: they have no rows yet to look for.
    """
    known = [new["id"] for _, new in opened if new["id"] not in fresh]
    spells = _present(known)
    moved = [
        (old, new)
        for old, new in opened
        if (spell := spells.get(new["id"])) is None or spell.owner != task_content.owner(new)
    ]
    if not moved:
        return
    employment.hold_present({task_content.owner(new) for _, new in moved})
    definition = definitions.current()
    lasts = dict(spells) | _lasts([each for each in known if each not in spells])
    begun = []
    for _, new in moved:
        spell, last = spells.get(new["id"]), lasts.get(new["id"])
        if spell is not None:
            _end(spell, _why_moved(actor, spell, new, taken.get(new["id"])), actor)
        begun.append(_begin(actor, new, last, definition))
    # The old spells end before the new ones begin: one owner at any instant.
    db.session.flush()
    db.session.add_all(begun)
    db.session.flush()
    _open_records_to(
        [(each.team, each.task_id, each.patient) for each in begun],
        moved=[n["id"] for _, n in moved if n["id"] in known],
    )
    for old, new in moved:
        if old is None and new["id"] in lasts:
            version = int(new["meta"]["versionId"])
            clocks.reopen(new["id"], actor=actor, version=version)
    records.outbox.emit_many(
        Emitted(
            "TaskAssigned",
            f"Task/{new['id']}",
            {"owner": owner, "by": actor.display, "version": new["meta"]["versionId"]},
        )
        for _, new in moved
        if (owner := task_content.owner(new)).startswith("Practitioner/")
        and owner != actor.practitioner
    )


def _begin(
    actor: Actor, new: Task, last: Assignment | None, definition: HubDefinition
) -> Assignment:
    owner = task_content.owner(new)
    team = team_of(owner, definition)
    if last is not None and last.team and (actor.kind is ActorKind.HUB or team is None):
        # A desk that steps in does not make it the desk's work.
        team = last.team
    return Assignment(
        id=new_id(),
        task_id=new["id"],
        owner=owner,
        team=team,
        patient=task_content.reference(new, "for"),
        minutes=last.minutes if last else size_of(new, definition),
        points=last.points if last else points_of(new, definition),
        urgent=task_content.is_urgent(new),
        starts_at=clock.now(),
    )


def _follow_closed(actor: Actor, task_id: str, old: Task, new: Task | None) -> None:
    status = TaskStatus.ENTERED_IN_ERROR if new is None else task_content.status(new)
    spell = current(task_id, locked=True)
    if spell is not None:
        rejected = status is TaskStatus.REJECTED
        _end(spell, "declined" if rejected else status.value, actor)
        db.session.flush()
    _open_records_to([], moved=[task_id])
    if status in _STOPS_CLOCK:
        version = int(new["meta"]["versionId"]) if new is not None else None
        clocks.stop(task_id, status.value, actor=actor, version=version)
    elif status is TaskStatus.REJECTED:
        records.outbox.emit(
            "TaskReleased",
            subject=f"Task/{task_id}",
            payload={"cause": "declined", "by": task_content.owner(old)},
        )


def _open_records_to(
    given: Sequence[tuple[str | None, str, str | None]], *, moved: Sequence[str]
) -> None:
    """Let the team whose work it is see the person while the task is open, and nobody's after.

    ``given`` has (team, task id, person); ``moved`` are the tasks that had a team before. What
    stands already is left standing: work that goes from a pool to somebody of the team changes
    nothing.
    """
    rows = [
        (f"Task/{task_id}", patient.removeprefix("Patient/"), team)
        for team, task_id, patient in given
        if team and patient and patient.startswith("Patient/")
    ]
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], []]
    if moved:
        fetch(_CLOSE_SQL, (TEAM_WORK, [f"Task/{task_id}" for task_id in moved], *columns))
    if rows:
        fetch(_OPEN_SQL, (TEAM_WORK, *columns, TEAM_WORK))


_CLOSE_SQL = (
    "DELETE FROM relationship r WHERE r.basis = %s AND r.source = ANY(%s::text[])"
    " AND NOT EXISTS (SELECT 1 FROM unnest(%s::text[], %s::text[], %s::text[]) AS u(s, p, t)"
    " WHERE u.s = r.source AND u.p = r.patient_id AND u.t = r.party)"
)
_OPEN_SQL = (
    "INSERT INTO relationship (source, patient_id, party, basis) SELECT u.s, u.p, u.t, %s"
    " FROM unnest(%s::text[], %s::text[], %s::text[]) AS u(s, p, t)"
    " WHERE NOT EXISTS (SELECT 1 FROM relationship r WHERE r.source = u.s"
    " AND r.patient_id = u.p AND r.party = u.t AND r.basis = %s)"
)


def _present(task_ids: Sequence[str]) -> dict[str, Assignment]:
    """Return the spell of each of these tasks that somebody has now, locked."""
    if not task_ids:
        return {}
    found = db.session.execute(
        select(Assignment)
        .where(Assignment.task_id.in_(task_ids), Assignment.ends_at.is_(None))
        .order_by(Assignment.task_id)
        .with_for_update()
    )
    return {spell.task_id: spell for spell in found.scalars()}


def _lasts(task_ids: Sequence[str]) -> dict[str, Assignment]:
    """Return the last spell of each of these tasks that has had one."""
    if not task_ids:
        return {}
    found = db.session.execute(
        select(Assignment)
        .where(Assignment.task_id.in_(task_ids))
        .ext(distinct_on(Assignment.task_id))
        .order_by(Assignment.task_id, Assignment.starts_at.desc(), Assignment.id.desc())
    )
    return {spell.task_id: spell for spell in found.scalars()}


def _end(spell: Assignment, outcome: str, actor: Actor) -> None:
    spell.ends_at = clock.now()
    spell.outcome = outcome
    spell.ended_by = actor.practitioner or actor.id


def _why_moved(actor: Actor, spell: Assignment, new: Task, taken: TaskOffer | None) -> str:
    if taken is not None:
        return "delegated" if taken.kind == OfferKind.DELEGATION else "handed-over"
    if actor.kind is ActorKind.HUB:
        return task_content.code(new, "statusReason") or "routed"
    if spell.owner.startswith("CareTeam/") and task_content.owner(new) == actor.practitioner:
        return "claimed"
    return "handed-over"
