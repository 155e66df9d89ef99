"""Work itself: tasks opened, claimed, accepted, done, handed on. Each verb under a version.

States: behaviour.md's twelfth rule, kept in ``hub.domain.task_states`` and enforced by the guard
of Task. Both sides are told of every change, and a task is never without an owner.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub import records
from hub.clock import now
from hub.db import db
from hub.domain import task_states
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.parts import PartKind
from hub.domain.task_states import TaskStatus
from hub.models.decision import RoutingDecision
from hub.models.part import TaskPart
from hub.queries import parts as parts_query
from hub.records.ids import new_id
from hub.records.outbox import Emitted
from hub.records.record import Record, instant
from hub.services import (
    assignments,
    clocks,
    definitions,
    deputies,
    offers,
    referral_answers,
    task_content,
)
from hub.services.guards.tasks import facts
from hub.services.task_versions import change, locked, name_of, same_version, write

_HUB = hub_actor("tasks")


def open_task(
    actor: Actor,
    *,
    code: str,
    patient: str | None,
    description: str,
    owner: str,
    priority: str = "routine",
    due_at: datetime | None = None,
    focus: str | None = None,
    performing_organization: str,
    accountable_organization: str,
    roles: Iterable[str] = (),
    clock: str | None = None,
    clock_from: datetime | None = None,
    service: str | None = None,
    step: str | None = None,
    note: str | None = None,
    requester: str | None = None,
    minutes: int | None = None,
    inputs: Sequence[dict[str, Any]] = (),
    id: str | None = None,  # noqa: A002 - the FHIR element
) -> Record:
    """Open a managed Task. ``patient``, ``owner`` ... are references (``Patient/1``).

    With ``clock`` (a clock code of the hub definition) the clock runs from ``clock_from`` or now,
    its due instant becomes the task's, and its escalation policy is frozen; ``service`` (a code)
    says on which calendar, by which policy and how much work it is. ``step`` is the business
    status, ``inputs`` are ``Task.input``. A task given to a pool (CareTeam) is *not* routed by
    itself: ``ask_for_routing``. Work for somebody who has left, and still answers for the person
    until a date, is their deputy's.
    """
    definition = definitions.current()
    owner = deputies.present(owner)
    task_id = id or new_id()
    offered = definition.services.get(service or "")
    if clock is not None:
        pool = definition.teams.get(owner.removeprefix("CareTeam/"))
        running = clocks.start(
            task_id,
            clock,
            calendar=offered.calendar if offered else pool.calendar if pool else None,
            # Some kinds of work have a policy of their own name: triage.
            escalation_policy=offered.escalation if offered else code,
            started_at=clock_from,
            actor=actor,
            version=1,
        )
        due_at = running.due_at
    task = task_content.new_task(
        task_code=code,
        patient=patient,
        description=description,
        owner=owner,
        priority=priority,
        at=now(),
        due=due_at,
        focus=focus,
        requester=requester or actor.reference,
        roles=roles,
        step=step,
        performing_organization=performing_organization,
        accountable_organization=accountable_organization,
    )
    if note:
        task_content.add_note(task, actor, note, now())
    if inputs:
        task["input"] = list(inputs)
    opened = records.create(actor, task, id=task_id, managed=True)
    size = minutes or (offered.minutes if offered else None)
    if size is not None and size != assignments.size_of(task, definition):
        spell = assignments.current(task_id)
        if spell is not None:
            spell.minutes = size
            db.session.flush()
    return opened


def ask_for_routing(
    actor: Actor, task_id: str, *, cause: str = "new", due_at: datetime | None = None
) -> None:
    """Emit ``TaskAwaitsRouting``: the relay hands the task to a person after the commit."""
    records.outbox.emit_many([awaiting(actor, task_id, cause=cause, due_at=due_at)])


def awaiting(
    actor: Actor, task_id: str, *, cause: str = "new", due_at: datetime | None = None
) -> Emitted:
    """Return the event by which a task asks for an owner."""
    return Emitted("TaskAwaitsRouting", f"Task/{task_id}", {"cause": cause, "by": actor.id}, due_at)


def claim(actor: Actor, task_id: str, *, version: int) -> Record:
    """Take a task of the actor's own team: who comes second is told who was first."""
    if actor.practitioner is None:
        raise NotPermittedError("only a person can take a task", field="owner")
    # As the hub: once a colleague has it, the person it is about may be hidden from this actor,
    # who must still hear that it is taken rather than that it never was.
    record = records.lock(_HUB, "Task", task_id)
    task = record.resource
    owner = task_content.owner(task)
    if owner not in {actor.practitioner, *actor.teams}:
        spell = assignments.current(task_id)
        if spell is not None and spell.team in actor.teams:
            raise StateError(f"{name_of(owner)} has already taken this task", field="owner")
        records.read(actor, "Task", task_id)
        raise NotPermittedError("this task belongs to another team", field="owner")
    same_version(record, version)
    task["owner"] = {"reference": actor.practitioner}
    return write(actor, record, task, TaskStatus.ACCEPTED)


def accept(actor: Actor, task_id: str, *, version: int) -> Record:
    """Accept offered work; accepting what the team's pool owns is claiming it."""
    record = locked(actor, task_id, version)
    if task_content.owner(record.resource).startswith("CareTeam/"):
        return claim(actor, task_id, version=version)
    return write(actor, record, record.resource, TaskStatus.ACCEPTED)


def decline(
    actor: Actor, task_id: str, *, version: int, reason: str, note: str | None = None
) -> Record:
    """Give the task back with a coded reason; it goes to the team's pool and is routed again.

    A delegated part goes back to who delegated it: it ends, and its minutes with the whole.
    """
    record = locked(actor, task_id, version)
    spell = assignments.current(task_id)
    task = record.resource
    before = task_content.owner(task)
    if note:
        task_content.add_note(task, actor, note, now())
    rejected = write(actor, record, task, TaskStatus.REJECTED, reason=reason)
    whole = _delegated_from(task_id)
    if whole is not None:
        return _come_back(rejected, whole, reason)
    pool = spell.team if spell else None
    pool = pool or assignments.team_of(before, definitions.current())
    task = rejected.resource
    task["owner"] = {"reference": pool or before}
    return write(_HUB, rejected, task, TaskStatus.REQUESTED, reason="declined", words=reason)


def start(actor: Actor, task_id: str, *, version: int, step: str | None = None) -> Record:
    record = locked(actor, task_id, version)
    task = record.resource
    if step:
        task_content.set_step(task, step)
    task["executionPeriod"] = {"start": instant(now())}
    return write(actor, record, task, TaskStatus.IN_PROGRESS)


def advance(actor: Actor, task_id: str, *, version: int, step: str) -> Record:
    """Record a step of the referral (``first-contact``, ``assessed`` ...) on open work."""
    if step not in task_content.REFERRAL_STEPS:
        raise RuleError(
            f"{step} is not a step of a referral",
            field="step",
            allowed=sorted(task_content.REFERRAL_STEPS),
        )
    record = locked(actor, task_id, version)
    task = record.resource
    if not task_content.is_open(task):
        raise StateError(f"a task that is {task['status']} takes no further step", field="step")
    task_content.set_step(task, step)
    return write(actor, record, task)


def hold(actor: Actor, task_id: str, *, version: int, reason: str, review_at: datetime) -> Record:
    """Put work aside until ``review_at``; the clock pauses only for a reason that it knows.

    It stays the same task with the same owner. The owner is reminded at the review; a hold that
    nobody looks at after that ends by itself (``hub.services.holds``).
    """
    if review_at <= now():
        raise RuleError("the review of a hold lies ahead", field="review_at")
    record = locked(actor, task_id, version)
    return write(
        actor,
        record,
        record.resource,
        TaskStatus.ON_HOLD,
        reason=reason,
        words=f"review at {instant(review_at)}",
        review_at=review_at,
    )


def resume(actor: Actor, task_id: str, *, version: int) -> Record:
    """Take work up again; the time a pause stood is added to what is left."""
    record = locked(actor, task_id, version)
    return write(actor, record, record.resource, TaskStatus.IN_PROGRESS)


def complete(
    actor: Actor, task_id: str, *, version: int, outcome: str, note: str | None = None
) -> Record:
    """Finish the work. Work not yet accepted is accepted by whoever finishes it, as a version.

    ``outcome`` is kept as Task.output; where it is a step of a referral it is the last one,
    otherwise the step is ``closed``.
    """
    record = locked(actor, task_id, version)
    if task_content.status(record.resource) in {TaskStatus.REQUESTED, TaskStatus.RECEIVED}:
        record = accept(actor, task_id, version=version)
    task = record.resource
    if note:
        task_content.add_note(task, actor, note, now())
    task_content.set_outcome(task, outcome)
    task_content.set_step(task, outcome if outcome in task_content.REFERRAL_STEPS else "closed")
    task["executionPeriod"] = {**task.get("executionPeriod", {}), "end": instant(now())}
    done = write(actor, record, task, TaskStatus.COMPLETED)
    referral_answers.work_ended(done)
    return done


def undo(actor: Actor, task_id: str, *, version: int) -> Record:
    """Take back a completion of one's own within five minutes."""
    # As the hub: with their last work done, the person's record may be closed to the actor again.
    record = records.lock(_HUB, "Task", task_id)
    task = record.resource
    try:
        if task_content.status(task) is not TaskStatus.COMPLETED:
            raise StateError("only what is completed is taken back", field="status")
        task_states.check(actor, facts(task, actor=actor), TaskStatus.IN_PROGRESS, now=now())
    except RuleError:
        records.read(actor, "Task", task_id)
        raise
    same_version(record, version)
    task.pop("executionPeriod", None)
    task.pop("output", None)
    task_content.set_step(task, "in-service")
    with offers.opened(actor, record):
        return write(actor, record, task, TaskStatus.IN_PROGRESS)


def cancel(
    actor: Actor, task_id: str, *, version: int, reason: str, note: str | None = None
) -> Record:
    """Call open work off: requester, accountable organisation, or the hub with a cause."""
    record = locked(actor, task_id, version)
    task = record.resource
    if note:
        task_content.add_note(task, actor, note, now())
    return write(actor, record, task, TaskStatus.CANCELLED, reason=reason)


def assign(
    actor: Actor,
    task_id: str,
    *,
    to: str,
    because: str,
    version: int | None = None,
    cause: str = "routed",
) -> Record:
    """Let the hub give a task to somebody, for a recorded reason: status `requested` again."""
    record = records.lock(actor, "Task", task_id)
    if version is not None:
        same_version(record, version)
    task = record.resource
    before = task_content.owner(task)
    given = give(actor, record, to=to, cause=cause, because=because)
    db.session.add(
        RoutingDecision(
            id=new_id(),
            task_id=task_id,
            task_version=record.version,
            decided_at=now(),
            owner=to,
            sentence=because,
            cause=cause,
            displaced=before if before != to else None,
            inputs={},
        )
    )
    db.session.flush()
    return given


@dataclass(frozen=True, slots=True)
class Given:
    """A Task that the hub gives to somebody, for a recorded reason."""

    held: Record
    to: str
    cause: str
    because: str


def give(actor: Actor, locked: Record, *, to: str, cause: str, because: str) -> Record:
    """Write a new owner chosen by the hub; the caller keeps the decision."""
    return give_many(actor, [Given(locked, to, cause, because)])[0]


def give_many(actor: Actor, given: Sequence[Given]) -> list[Record]:
    """Write the new owners of many Tasks that the caller holds: statements for all of them."""
    changes = []
    for each in given:
        task = each.held.resource
        task["owner"] = {"reference": each.to}
        requested = TaskStatus.REQUESTED
        change(actor, each.held, task, requested, reason=each.cause, words=each.because)
        changes.append((each.held, task))
    return records.update_many(actor, changes, type="Task")


def _delegated_from(task_id: str) -> str | None:
    """Return the id of the whole that a part was delegated from."""
    row = db.session.get(TaskPart, task_id)
    return row.whole_id if row is not None and row.kind == PartKind.DELEGATION else None


def _come_back(rejected: Record, whole_id: str, reason: str) -> Record:
    """End a delegated part that was given back: who delegated it has the work again."""
    task = rejected.resource
    owner = parts_query.owner_of(whole_id)
    if owner is not None:
        task["owner"] = {"reference": owner}
    back = write(_HUB, rejected, task, TaskStatus.REQUESTED, reason="declined", words=reason)
    return write(_HUB, back, back.resource, TaskStatus.CANCELLED, reason="came-back", words=reason)
