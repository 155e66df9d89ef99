"""Parts of work: delegated and got back, or split. Nothing of it is lost, and nothing is doubled.

A part is a Task of its own (``Task.partOf``) with its own owner. Who delegates stays the owner of
the whole and answers for it; refused, unanswered or called off, a part ends and its minutes go
back to the whole. A whole is not completed over the heads of those who still have a part of it;
one that was split closes when all of its parts are done. The whole's own clock runs on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hub import records
from hub.clock import now
from hub.db import db
from hub.domain import parts as rules
from hub.domain import task_states
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.offer import OfferKind
from hub.domain.parts import PartKind, Settled
from hub.domain.task_states import PART_UNDONE, PARTS_DONE, Party, TaskStatus
from hub.models.offer import TaskOffer
from hub.models.part import TaskPart
from hub.queries import offers as offers_query
from hub.queries import parts as parts_query
from hub.records.record import Record, instant
from hub.services import assignments, definitions, hand_overs, task_content, tasks
from hub.services.guards.tasks import facts
from hub.services.task_versions import check_takes_work, locked, name_of, write

_HUB = hub_actor("tasks")
_DIVISIBLE = frozenset({TaskStatus.ACCEPTED, TaskStatus.READY, TaskStatus.IN_PROGRESS})
_WHOLE = frozenset({"triage"})
"""Kinds of work that end with one answer, given by one person."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A part to be made."""

    description: str
    owner: str | None = None
    """``Practitioner/x`` who is asked, ``CareTeam/x`` whose pool gets it; None: who splits."""
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Delegated:
    part: Record
    offer: TaskOffer


def delegate(
    actor: Actor,
    task_id: str,
    *,
    version: int,
    to: str,
    description: str,
    minutes: int | None = None,
    note: str | None = None,
) -> Delegated:
    """Let ``to`` (``Practitioner/x``) do a part of the work; it comes back done or refused.

    ``minutes`` of the task go with it, all that are left on it where none are named. Raises
    RuleError (``description``, ``minutes``, ``to``), StateError, VersionConflictError.
    """
    whole, left = _divisible(actor, task_id, version)
    check_takes_work(to)
    size = left if minutes is None else minutes
    if not 1 <= size <= left:
        raise RuleError(
            f"a part has at least one minute and no more than are left on the task ({left})",
            field="minutes",
        )
    part = _make(actor, whole, PartKind.DELEGATION, Wanted(description), size)
    offer = hand_overs.offer_locked(actor, part, to=to, note=note, kind=OfferKind.DELEGATION)
    _noted(actor, whole, f"Delegated to {name_of(to)}: {description}")
    return Delegated(part, offer)


def split(actor: Actor, task_id: str, *, version: int, parts: Sequence[Wanted]) -> list[Record]:
    """Divide a task into parts with owners of their own; it closes when all of them are done.

    A part for a team goes to its pool and is routed; one for a person is offered to them and is
    with who splits until they accept. All minutes that are left go to the parts.
    """
    whole, left = _divisible(actor, task_id, version)
    if not 2 <= len(parts) <= rules.MOST:
        raise RuleError(f"a task is split into 2 to {rules.MOST} parts", field="part")
    definition = definitions.current()
    for each in parts:
        if each.owner is None or each.owner == task_content.owner(whole.resource):
            continue
        if each.owner.startswith("CareTeam/"):
            if each.owner.removeprefix("CareTeam/") not in definition.teams:
                raise RuleError(
                    "there is no such team", field="owner", allowed=sorted(definition.teams)
                )
        else:
            check_takes_work(each.owner, field="owner")
    sizes = rules.shares(left, [each.minutes for each in parts])
    made = [
        _make(actor, whole, PartKind.SPLIT, wanted, size)
        for wanted, size in zip(parts, sizes, strict=True)
    ]
    for wanted, part in zip(parts, made, strict=True):
        owner = wanted.owner
        if owner is None or owner == task_content.owner(whole.resource):
            continue
        if owner.startswith("CareTeam/"):
            tasks.ask_for_routing(_HUB, part.id)
        else:
            hand_overs.offer_locked(actor, part, to=owner, kind=OfferKind.HANDOVER)
    _noted(actor, whole, f"Split into {len(parts)} parts")
    return made


def call_back(actor: Actor, part_id: str, *, version: int) -> Record:
    """End a part that is with somebody, or offered to them: its minutes go back to the whole."""
    part = locked(actor, part_id, version)
    if db.session.get(TaskPart, part_id) is None:
        raise RuleError("this task is no part of another", field="partOf")
    known = facts(part.resource, actor=actor)
    if Party.REQUESTER not in task_states.parties(actor, known):
        raise NotPermittedError(
            f"only who has the whole task calls a part back, not {actor.display}",
            allowed=[known.whole_owner or "its owner"],
        )
    offer = offers_query.open_offer(part_id)
    if offer is not None and offer.kind == OfferKind.DELEGATION:
        hand_overs.withdraw(actor, offer.id)
        return records.lock(_HUB, "Task", part_id)
    return write(actor, part, part.resource, TaskStatus.CANCELLED, reason="called-back")


def settle(whole_id: str) -> Settled:
    """Bring a whole in step with its parts, and them with its end. Safe to call again."""
    whole = records.lock(_HUB, "Task", whole_id)
    found = parts_query.parts_of(whole_id)
    _return_minutes(whole_id, found)
    resource = whole.resource
    outcome = rules.settled(
        task_content.status(resource),
        [(each.kind, each.status) for each in found],
        closed_by_parts=task_content.code(resource, "statusReason") == PARTS_DONE,
    )
    match outcome:
        case Settled.COMPLETES:
            task_content.set_outcome(resource, "done")
            task_content.set_step(resource, "closed")
            resource["executionPeriod"] = {
                **resource.get("executionPeriod", {}),
                "end": instant(now()),
            }
            write(_HUB, whole, resource, TaskStatus.COMPLETED, reason=PARTS_DONE)
        case Settled.REOPENS:
            resource.pop("executionPeriod", None)
            resource.pop("output", None)
            task_content.set_step(resource, "in-service")
            write(_HUB, whole, resource, TaskStatus.IN_PROGRESS, reason=PART_UNDONE)
        case Settled.STOPS_PARTS:
            for each in sorted((one for one in found if one.is_open), key=lambda one: one.id):
                part = records.lock(_HUB, "Task", each.id)
                if task_content.is_open(part.resource):
                    write(
                        _HUB, part, part.resource, TaskStatus.CANCELLED, reason="whole-task-ended"
                    )
        case Settled.STAYS:
            pass
    return outcome


def _divisible(actor: Actor, task_id: str, version: int) -> tuple[Record, int]:
    """Return a task that the actor may divide, locked, and the minutes that are left on it."""
    whole = locked(actor, task_id, version)
    task = whole.resource
    known = facts(task, actor=actor)
    if Party.OWNER not in task_states.parties(actor, known) or actor.practitioner is None:
        raise NotPermittedError(
            f"{actor.display} may not divide this task: it belongs to {known.owner}",
            allowed=[known.owner],
        )
    if known.owner.startswith("CareTeam/"):
        raise StateError("nobody has taken this task yet: take it, then divide it", field="owner")
    if known.status not in _DIVISIBLE:
        raise StateError(
            f"a task that is {known.status} is not divided",
            field="status",
            allowed=sorted(_DIVISIBLE),
        )
    if known.offered_to is not None:
        raise StateError(
            f"it is offered to {name_of(known.offered_to)}: withdraw the offer first", field="to"
        )
    if task_content.code(task) in _WHOLE:
        raise RuleError("one person answers a referral: triage is not divided", field="code")
    spell = assignments.current(task_id, locked=True)
    left = spell.minutes if spell is not None else 0
    if left < 1:
        raise StateError("all of this task is with others already", field="minutes")
    return whole, left


def _make(actor: Actor, whole: Record, kind: PartKind, wanted: Wanted, minutes: int) -> Record:
    """Open one part and move its minutes from the whole to it."""
    if not wanted.description.strip():
        raise RuleError("say what the part is", field="description")
    resource = whole.resource
    owner = task_content.owner(resource)
    pool = (wanted.owner or "").startswith("CareTeam/")
    # All that says what the work is and for whom goes with the part; what happened does not.
    task = {
        name: value
        for name, value in resource.items()
        if name not in {"id", "meta", "note", "input", "output", "executionPeriod", "statusReason"}
    }
    task |= {
        "status": TaskStatus.REQUESTED.value,
        "description": wanted.description.strip(),
        "partOf": [{"reference": whole.reference}],
        "requester": {"reference": actor.practitioner},
        "owner": {"reference": wanted.owner if pool else owner},
        "authoredOn": instant(now()),
        "lastModified": instant(now()),
    }
    part = records.create(actor, task, managed=True)
    held, moved = assignments.current(whole.id, locked=True), assignments.current(part.id)
    assert held is not None
    assert moved is not None
    standing = [each for each in parts_query.parts_of(whole.id) if each.returned_at is None]
    # In the measure of the minutes; who takes the last minute takes all points that are left.
    points = held.points * minutes // held.minutes
    db.session.add(
        TaskPart(
            part_id=part.id,
            whole_id=whole.id,
            kind=kind.value,
            minutes=minutes,
            points=points,
            whole_minutes=held.minutes + sum(each.minutes for each in standing),
            whole_points=held.points + sum(each.points for each in standing),
            made_by=actor.practitioner,
            made_at=now(),
        )
    )
    held.minutes -= minutes
    held.points -= points
    moved.minutes, moved.points = minutes, points
    db.session.flush()
    if pool:
        return part
    # It is theirs at once: until somebody accepts it, who divides the work has it.
    return write(actor, part, part.resource, TaskStatus.ACCEPTED)


def _noted(actor: Actor, whole: Record, words: str) -> Record:
    """Say on the whole what was done with it, as a version: pressed twice, the second is stale."""
    task = whole.resource
    task_content.add_note(task, actor, words, now())
    return write(actor, whole, task)


def _return_minutes(whole_id: str, found: list[parts_query.Part]) -> None:
    back = [each for each in found if each.returned_at is None and rules.comes_back(each.status)]
    if not back:
        return
    held = assignments.current(whole_id, locked=True)
    spells = [held] if held else assignments.spells_of(whole_id)[-1:]
    for each in back:
        row = db.session.get(TaskPart, each.id)
        assert row is not None
        row.returned_at = now()
        for spell in spells:
            spell.minutes += each.minutes
            spell.points += each.points
    db.session.flush()
