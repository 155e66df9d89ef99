"""Work itself: tasks opened, claimed, accepted, done, handed on. Each verb under a version.

States: behaviour.md's twelfth rule, kept in ``hub.domain.task_states`` and enforced by the guard
of Task. Both sides are told of every change, and a task is never without an owner.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select

from fhir.outcomes import VersionConflictError
from hub import records
from hub.clock import now
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.task_states import TaskStatus
from hub.models.absence import Absence
from hub.models.decision import RoutingDecision
from hub.records.ids import new_id
from hub.records.record import Record, instant
from hub.services import assignments, clocks, definitions, task_content
from hub.services.task_content import Task

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
    id: str | None = None,  # noqa: A002 - the FHIR element
) -> Record:
    """Open a managed Task. ``patient``, ``owner`` ... are references (``Patient/1``).

    With ``clock`` (a clock code of the hub definition) the clock runs from ``clock_from`` or now,
    its due instant becomes the task's, and its escalation policy is frozen; ``service`` (a code)
    says on which calendar, by which policy and how much work it is. ``step`` is the business
    status. A task given to a pool (CareTeam) is *not* routed by itself: ``ask_for_routing``.
    """
    definition = definitions.current()
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
    opened = records.create(actor, task, id=task_id, managed=True)
    size = minutes or (offered.minutes if offered else None)
    spell = assignments.current(task_id)
    if size is not None and spell is not None:
        spell.minutes = size
        db.session.flush()
    return opened


def ask_for_routing(
    actor: Actor, task_id: str, *, cause: str = "new", due_at: datetime | None = None
) -> None:
    """Emit ``TaskAwaitsRouting``: the relay hands the task to a person after the commit."""
    records.outbox.emit(
        "TaskAwaitsRouting",
        subject=f"Task/{task_id}",
        payload={"cause": cause, "by": actor.id},
        due_at=due_at,
    )


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
            raise StateError(f"{_name(owner)} has already taken this task", field="owner")
        records.read(actor, "Task", task_id)
        raise NotPermittedError("this task belongs to another team", field="owner")
    _same_version(record, version)
    task["owner"] = {"reference": actor.practitioner}
    return _write(actor, record, task, TaskStatus.ACCEPTED)


def accept(actor: Actor, task_id: str, *, version: int) -> Record:
    """Accept offered work; accepting what the team's pool owns is claiming it."""
    record = _locked(actor, task_id, version)
    if task_content.owner(record.resource).startswith("CareTeam/"):
        return claim(actor, task_id, version=version)
    return _write(actor, record, record.resource, TaskStatus.ACCEPTED)


def decline(
    actor: Actor, task_id: str, *, version: int, reason: str, note: str | None = None
) -> Record:
    """Give the task back with a coded reason; it goes to the team's pool and is routed again."""
    record = _locked(actor, task_id, version)
    spell = assignments.current(task_id)
    task = record.resource
    before = task_content.owner(task)
    if note:
        task_content.add_note(task, actor, note, now())
    rejected = _write(actor, record, task, TaskStatus.REJECTED, reason=reason)
    pool = spell.team if spell else None
    pool = pool or assignments.team_of(before, definitions.current())
    task = rejected.resource
    task["owner"] = {"reference": pool or before}
    return _write(_HUB, rejected, task, TaskStatus.REQUESTED, reason="declined", words=reason)


def start(actor: Actor, task_id: str, *, version: int, step: str | None = None) -> Record:
    record = _locked(actor, task_id, version)
    task = record.resource
    if step:
        task_content.set_step(task, step)
    task["executionPeriod"] = {"start": instant(now())}
    return _write(actor, record, task, TaskStatus.IN_PROGRESS)


def advance(actor: Actor, task_id: str, *, version: int, step: str) -> Record:
    """Record a step of the referral (``first-contact``, ``assessed`` ...) on open work."""
    if step not in task_content.REFERRAL_STEPS:
        raise RuleError(
            f"{step} is not a step of a referral",
            field="step",
            allowed=sorted(task_content.REFERRAL_STEPS),
        )
    record = _locked(actor, task_id, version)
    task = record.resource
    if not task_content.is_open(task):
        raise StateError(f"a task that is {task['status']} takes no further step", field="step")
    task_content.set_step(task, step)
    return _write(actor, record, task)


def hold(actor: Actor, task_id: str, *, version: int, reason: str, review_at: datetime) -> Record:
    """Put work aside until ``review_at``; the clock pauses only for a reason that it knows."""
    if review_at <= now():
        raise RuleError("the review of a hold lies ahead", field="review_at")
    record = _locked(actor, task_id, version)
    held = _write(
        actor,
        record,
        record.resource,
        TaskStatus.ON_HOLD,
        reason=reason,
        words=f"review at {instant(review_at)}",
    )
    clocks.pause(task_id, reason)
    records.outbox.emit(
        "TaskHoldEnds",
        subject=held.reference,
        payload={"version": held.version},
        due_at=review_at,
    )
    return held


def resume(actor: Actor, task_id: str, *, version: int) -> Record:
    """Take work up again; the time a pause stood is added to what is left."""
    record = _locked(actor, task_id, version)
    return _write(actor, record, record.resource, TaskStatus.IN_PROGRESS)


def complete(
    actor: Actor, task_id: str, *, version: int, outcome: str, note: str | None = None
) -> Record:
    """Finish the work. Work not yet accepted is accepted by whoever finishes it, as a version.

    ``outcome`` is kept as Task.output; where it is a step of a referral it is the last one,
    otherwise the step is ``closed``.
    """
    record = _locked(actor, task_id, version)
    if task_content.status(record.resource) in {TaskStatus.REQUESTED, TaskStatus.RECEIVED}:
        record = accept(actor, task_id, version=version)
    task = record.resource
    if note:
        task_content.add_note(task, actor, note, now())
    task_content.set_outcome(task, outcome)
    task_content.set_step(task, outcome if outcome in task_content.REFERRAL_STEPS else "closed")
    task["executionPeriod"] = {**task.get("executionPeriod", {}), "end": instant(now())}
    return _write(actor, record, task, TaskStatus.COMPLETED)


def undo(actor: Actor, task_id: str, *, version: int) -> Record:
    """Take back a completion of one's own within five minutes."""
    record = _locked(actor, task_id, version)
    task = record.resource
    task.pop("executionPeriod", None)
    task.pop("output", None)
    task_content.set_step(task, "in-service")
    return _write(actor, record, task, TaskStatus.IN_PROGRESS)


def hand_over(
    actor: Actor, task_id: str, *, version: int, to: str, note: str | None = None
) -> Record:
    """Hand open work to ``to`` (``Practitioner/x``), who has to accept it."""
    record = _locked(actor, task_id, version)
    task = record.resource
    if to == task_content.owner(task):
        raise RuleError(f"{_name(to)} has this task already", field="to")
    if to.removeprefix("Practitioner/") not in definitions.current().staff:
        raise RuleError("hand a task to a member of staff", field="to")
    if _is_away(to):
        raise RuleError(f"{_name(to)} is away: hand it to somebody who is here", field="to")
    if note:
        task_content.add_note(task, actor, note, now())
    task["owner"] = {"reference": to}
    return _write(actor, record, task, TaskStatus.REQUESTED, reason="handed-over")


def _is_away(practitioner: str) -> bool:
    away = select(Absence.id).where(
        Absence.practitioner == practitioner, Absence.during.contains(now())
    )
    return db.session.scalar(away.limit(1)) is not None


def cancel(
    actor: Actor, task_id: str, *, version: int, reason: str, note: str | None = None
) -> Record:
    """Call open work off: requester, accountable organisation, or the hub with a cause."""
    record = _locked(actor, task_id, version)
    task = record.resource
    if note:
        task_content.add_note(task, actor, note, now())
    return _write(actor, record, task, TaskStatus.CANCELLED, reason=reason)


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
        _same_version(record, version)
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


def give(actor: Actor, locked: Record, *, to: str, cause: str, because: str) -> Record:
    """Write a new owner chosen by the hub; the caller keeps the decision."""
    task = locked.resource
    task["owner"] = {"reference": to}
    return _write(actor, locked, task, TaskStatus.REQUESTED, reason=cause, words=because)


def _locked(actor: Actor, task_id: str, version: int) -> Record:
    record = records.lock(actor, "Task", task_id)
    _same_version(record, version)
    return record


def _same_version(record: Record, version: int) -> None:
    if record.version != version:
        raise VersionConflictError(record.reference, current=record.version, given=version)


def _write(
    actor: Actor,
    locked: Record,
    task: Task,
    status: TaskStatus | None = None,
    *,
    reason: str | None = None,
    words: str | None = None,
) -> Record:
    if status is not None:
        if task["status"] == TaskStatus.ON_HOLD and status is not TaskStatus.ON_HOLD:
            # However it leaves the hold (taken up, handed over, re-homed), its clock runs again.
            running = clocks.resume(locked.id)
            if running is not None:
                task_content.set_due(task, running.due_at)
        task["status"] = status.value
        task_content.set_reason(task, reason, words)
    task["lastModified"] = instant(now())
    return records.update(actor, task, type="Task", id=locked.id, if_match=locked.version)


def _name(reference: str) -> str:
    person = definitions.current().staff.get(reference.removeprefix("Practitioner/"))
    return person.name if person else "somebody else"
