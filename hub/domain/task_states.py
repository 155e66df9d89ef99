"""Which status of a managed Task may follow which, and who may move it.

Source: ``docs`` behaviour point 12 and https://www.hl7.org/fhir/R4/task.html#statemachine.
Foreign tasks are kept as they come; these rules bind the tasks that the hub manages.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hub.domain.actor import Actor, ActorKind
from hub.domain.errors import NotPermittedError, RuleError, StateError

#: How long the one who completed a task may take it back.
UNDO_WITHIN = timedelta(minutes=5)


class TaskStatus(StrEnum):
    """The codes of FHIR Task.status that a managed task can have."""

    REQUESTED = "requested"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    READY = "ready"
    IN_PROGRESS = "in-progress"
    ON_HOLD = "on-hold"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ENTERED_IN_ERROR = "entered-in-error"


class Party(StrEnum):
    """What somebody is to a task."""

    OWNER = "owner"
    """The owner, or anyone on duty in the owning team."""
    REQUESTER = "requester"
    ACCOUNTABLE = "accountable"
    """Works for the organisation that is accountable for the task."""
    HUB = "hub"
    FINISHER = "finisher"
    """Completed it."""
    AUTHOR = "author"


_S = TaskStatus
OPEN: frozenset[TaskStatus] = frozenset(
    {_S.REQUESTED, _S.RECEIVED, _S.ACCEPTED, _S.READY, _S.IN_PROGRESS, _S.ON_HOLD}
)
CLOSED: frozenset[TaskStatus] = frozenset(TaskStatus) - OPEN

_OWNER_MOVES: dict[TaskStatus, frozenset[TaskStatus]] = {
    _S.REQUESTED: frozenset({_S.RECEIVED, _S.ACCEPTED, _S.REJECTED}),
    _S.RECEIVED: frozenset({_S.ACCEPTED, _S.REJECTED}),
    _S.ACCEPTED: frozenset(
        {_S.READY, _S.IN_PROGRESS, _S.ON_HOLD, _S.REJECTED, _S.COMPLETED, _S.FAILED}
    ),
    _S.READY: frozenset({_S.IN_PROGRESS, _S.COMPLETED, _S.FAILED}),
    _S.IN_PROGRESS: frozenset({_S.ON_HOLD, _S.COMPLETED, _S.FAILED}),
    _S.ON_HOLD: frozenset({_S.IN_PROGRESS}),
}


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """What the rules need to know of a task as it stands."""

    status: TaskStatus
    owner: str
    requester: str | None = None
    accountable_organization: str | None = None
    author: str | None = None
    """``Actor.id`` or reference of the one who made it."""
    finished_at: datetime | None = None
    finished_by: str | None = None
    """Reference of the one who completed it."""
    team: str | None = None
    """``CareTeam/<id>`` whose work it is, also while one of its members owns it."""


def parties(actor: Actor, task: TaskFacts) -> frozenset[Party]:
    """Return what the actor is to the task; empty for a stranger."""
    found = set()
    if actor.kind is ActorKind.HUB:
        found.add(Party.HUB)
    references = {actor.practitioner, actor.organization, actor.id} - {None}
    persons = {actor.practitioner, actor.id} - {None}
    if task.owner in persons or {task.owner, task.team} & actor.teams:
        found.add(Party.OWNER)
    if task.requester is not None and task.requester in references:
        found.add(Party.REQUESTER)
    if (
        task.accountable_organization is not None
        and task.accountable_organization == actor.organization
    ):
        found.add(Party.ACCOUNTABLE)
    if task.author is not None and task.author in persons:
        found.add(Party.AUTHOR)
    if task.finished_by is not None and task.finished_by in persons:
        found.add(Party.FINISHER)
    return frozenset(found)


def allowed(
    status: TaskStatus,
    who: AbstractSet[Party],
    *,
    finished_at: datetime | None = None,
    now: datetime | None = None,
) -> frozenset[TaskStatus]:
    """Return the statuses that these parties may move the task to."""
    targets: set[TaskStatus] = set()
    if Party.OWNER in who:
        targets |= _OWNER_MOVES.get(status, frozenset())
    if status in OPEN:
        if who & {Party.REQUESTER, Party.ACCOUNTABLE}:
            targets.add(_S.CANCELLED)
        if Party.HUB in who:
            targets |= {_S.CANCELLED, _S.REQUESTED}
    if status is _S.REJECTED and Party.HUB in who:
        # Declined work goes on to somebody else: a task is never left with nobody.
        targets.add(_S.REQUESTED)
    if status is _S.COMPLETED and Party.FINISHER in who and _in_time(finished_at, now):
        targets.add(_S.IN_PROGRESS)
    if Party.AUTHOR in who and status is not _S.ENTERED_IN_ERROR:
        targets.add(_S.ENTERED_IN_ERROR)
    return frozenset(targets)


def check(
    actor: Actor,
    task: TaskFacts,
    target: TaskStatus,
    *,
    now: datetime,
    cause: str | None = None,
) -> None:
    """Refuse a move that the table does not have.

    ``cause`` is the coded reason that the hub must record when it re-owns or cancels
    (absence, escalation, death, service closed).
    """
    who = parties(actor, task)
    mine = allowed(task.status, who, finished_at=task.finished_at, now=now)
    if target in mine:
        if Party.HUB in who and not who & {Party.OWNER} and not cause:
            raise RuleError("the hub records a cause when it moves a task", field="statusReason")
        return
    anybody = allowed(task.status, frozenset(Party), finished_at=task.finished_at, now=now)
    text = f"a task that is {task.status} cannot become {target}"
    if target in anybody:
        raise NotPermittedError(f"{actor.display} may not do this: {text}", allowed=sorted(mine))
    raise StateError(text, field="status", allowed=sorted(mine))


def check_change(
    actor: Actor,
    task: TaskFacts,
    *,
    status: TaskStatus,
    owner: str,
    now: datetime,
    cause: str | None = None,
) -> None:
    """Refuse a new version of a task whose status, owner or content the actor may not change.

    Handing on is one version: the owner names the next one and the task is `requested` again, so
    that the next owner accepts it.
    """
    who = parties(actor, task)
    if not who:
        raise NotPermittedError(
            f"{actor.display} has nothing to do with this task", allowed=[task.owner]
        )
    check_owner(actor, task, owner, cause=cause)
    if status is task.status:
        return
    handed_on = owner != task.owner and task.status in OPEN and Party.OWNER in who
    if handed_on and status is _S.REQUESTED:
        return
    check(actor, task, status, now=now, cause=cause)


def check_owner(actor: Actor, task: TaskFacts, new_owner: str, *, cause: str | None = None) -> None:
    """Refuse a change of owner by somebody who may neither claim nor hand on the task."""
    if new_owner == task.owner:
        return
    who = parties(actor, task)
    # What somebody declined the hub gives to the next one.
    movable = task.status in OPEN or (task.status is _S.REJECTED and Party.HUB in who)
    if not movable:
        raise StateError(f"a task that is {task.status} keeps its owner", field="owner")
    if Party.HUB in who:
        if not cause:
            raise RuleError("the hub records a cause when it moves a task", field="statusReason")
        return
    if Party.OWNER not in who:
        raise NotPermittedError(
            f"{actor.display} may not move this task: it belongs to {task.owner}",
            allowed=[task.owner],
        )


def _in_time(finished_at: datetime | None, now: datetime | None) -> bool:
    return finished_at is not None and now is not None and now - finished_at <= UNDO_WITHIN
