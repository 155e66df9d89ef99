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
    OFFERED = "offered"
    """Somebody to whom the owner has offered it, and who has not answered yet."""
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

PARTS_DONE = "parts-done"
"""Cause by which the hub completes a task that was split, once all of its parts are done."""
PART_UNDONE = "part-undone"
"""Cause by which the hub opens it again: the last completion of a part was taken back."""
_OF_PARTS = {PARTS_DONE: _S.COMPLETED, PART_UNDONE: _S.IN_PROGRESS}

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
    offered_to: str | None = None
    """``Practitioner/<id>`` to whom it is offered, until they answer."""
    whole_owner: str | None = None
    """Owner of the task that this one is a part of: they may call the part off."""
    open_parts: int = 0
    """Parts of it that are with somebody: it is not finished over their heads."""
    parts_are_done: bool = False
    """It was split, and every part of it is completed."""


def parties(actor: Actor, task: TaskFacts) -> frozenset[Party]:
    """Return what the actor is to the task; empty for a stranger."""
    found = set()
    if actor.kind is ActorKind.HUB:
        found.add(Party.HUB)
    references = {actor.practitioner, actor.organization, actor.id} - {None}
    persons = {actor.practitioner, actor.id} - {None}
    if task.owner in persons | actor.acts_for or {task.owner, task.team} & actor.teams:
        found.add(Party.OWNER)
    if task.offered_to is not None and task.offered_to in persons:
        found.add(Party.OFFERED)
    if task.requester is not None and task.requester in references:
        found.add(Party.REQUESTER)
    if task.whole_owner is not None and task.whole_owner in persons | actor.teams:
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
    if Party.HUB in who and _by_its_parts(task, target, cause):
        return
    mine = allowed(task.status, who, finished_at=task.finished_at, now=now)
    if target in {_S.COMPLETED, _S.FAILED} and target in mine and task.open_parts:
        parts = "a part of it is" if task.open_parts == 1 else f"{task.open_parts} parts of it are"
        raise StateError(
            f"{parts} still with somebody: wait for it, or call it back first",
            field="status",
            allowed=sorted(mine - {_S.COMPLETED, _S.FAILED}),
        )
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

    A person changes the owner in two ways only: who takes what their team's pool has, and who
    accepts what the owner has offered them. Until then the old owner keeps it.
    """
    who = parties(actor, task)
    if not who:
        raise NotPermittedError(
            f"{actor.display} has nothing to do with this task", allowed=[task.owner]
        )
    check_owner(actor, task, owner, cause=cause)
    if owner != task.owner and Party.OFFERED in who:
        if status is not _S.ACCEPTED:
            raise StateError(
                "who takes over a task accepts it", field="status", allowed=[_S.ACCEPTED.value]
            )
        return
    if who == {Party.OFFERED}:
        raise NotPermittedError(
            f"{actor.display} has been offered this task and has not accepted it: until then it "
            f"is {task.owner}'s",
            allowed=["accept the offer: status accepted and owner yourself", "$answer-offer"],
        )
    if status is task.status:
        return
    check(actor, task, status, now=now, cause=cause)


def check_owner(actor: Actor, task: TaskFacts, new_owner: str, *, cause: str | None = None) -> None:
    """Refuse a change of owner that is neither a claim, an accepted offer nor the hub's own."""
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
    taken = new_owner == actor.practitioner
    if taken and Party.OFFERED in who:
        return
    if Party.OWNER not in who:
        raise NotPermittedError(
            f"{actor.display} may not move this task: it belongs to {task.owner}",
            allowed=[task.owner],
        )
    if taken and task.owner.startswith("CareTeam/"):
        return
    raise StateError(
        f"{task.owner} keeps this task until somebody accepts it: offer it to {new_owner}",
        field="owner",
        allowed=[task.owner, "$offer"],
    )


def _by_its_parts(task: TaskFacts, target: TaskStatus, cause: str | None) -> bool:
    """Say whether the hub may close the task, or open it again, because its parts did."""
    if _OF_PARTS.get(cause or "") is not target:
        return False
    if target is _S.COMPLETED:
        return task.status in OPEN and task.parts_are_done
    return task.status is _S.COMPLETED and not task.parts_are_done


def _in_time(finished_at: datetime | None, now: datetime | None) -> bool:
    return finished_at is not None and now is not None and now - finished_at <= UNDO_WITHIN
