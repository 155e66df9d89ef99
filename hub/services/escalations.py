"""Escalation: each step of a running clock is taken exactly once, whoever sweeps."""

from datetime import timedelta

from sqlalchemy import select

from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.escalation import EscalationStep as Step
from hub.domain.escalation import Notified
from hub.models.clock import TaskClock
from hub.models.escalation import EscalationStep
from hub.records.ids import new_id
from hub.records.record import Record
from hub.services import assignments, clocks, definitions, notices, routing, task_content


def due_clocks(limit: int = 100) -> list[str]:
    """Return ids of clocks whose next step is due, the most overdue first."""
    found = db.session.execute(
        select(TaskClock.id)
        .where(TaskClock.next_step_at <= clock.now())
        .order_by(TaskClock.next_step_at, TaskClock.id)
        .limit(limit)
    )
    return list(found.scalars())


def escalate(actor: Actor, clock_id: str) -> EscalationStep | None:
    """Take the next step of a clock; None if somebody else did or it is not due any more."""
    seen = db.session.get(TaskClock, clock_id)
    if seen is None:
        return None
    # The Task first, its clock after: one order of locks. What was seen before the lock is only
    # a hint; the row is read again under it, and of two sweeps the second finds nothing due.
    locked = records.lock(actor, "Task", seen.task_id)
    row = clocks.running(seen.task_id, locked=True)
    if row is None or row.id != clock_id:
        return None
    if row.next_step_at is None or row.next_step_at > clock.now():
        return None
    if not task_content.is_open(locked.resource) and locked.resource["status"] != "rejected":
        clocks.stop(row.task_id, locked.resource["status"])
        return None
    step = clocks.policy_of(row).steps[row.step]
    taken = EscalationStep(
        id=new_id(),
        clock_id=row.id,
        step=row.step,
        task_id=row.task_id,
        action=step.code,
        due_at=row.next_step_at,
        taken_at=clock.now(),
        told=[],
        sentence="",
    )
    clocks.take_step(row)
    _act(actor, locked, step, taken)
    db.session.add(taken)
    db.session.flush()
    return taken


def push_forward(clock_id: str, seconds: int) -> None:
    """Let a clock whose step fails wait, so that the sweep lives; the auditor reports it."""
    row = db.session.get(TaskClock, clock_id, with_for_update=True)
    if row is not None and row.next_step_at is not None:
        row.next_step_at = max(row.next_step_at, clock.now()) + timedelta(seconds=seconds)
        db.session.flush()


def steps_of(task_id: str) -> list[EscalationStep]:
    """Return the steps taken for a task, oldest first."""
    found = db.session.execute(
        select(EscalationStep)
        .where(EscalationStep.task_id == task_id)
        .order_by(EscalationStep.taken_at, EscalationStep.step)
    )
    return list(found.scalars())


def _act(actor: Actor, locked: Record, step: Step, taken: EscalationStep) -> None:
    """Tell whom the step names, then re-route where it says so."""
    recipients = _recipients(locked, step)
    task = locked.resource
    words = (
        f"{step.percent}% of the time for this task is used"
        if step.percent < 100
        else "The time for this task is over"
    )
    taken.told = notices.tell(
        recipients,
        kind="TaskEscalated",
        subject=locked.reference,
        line=f"{words}: {task_content.code(task) or 'task'}",
        key=f"{taken.clock_id}/{taken.step}",
        urgent=step.percent >= 75 or task_content.is_urgent(task),
    )
    taken.sentence = f"{words}; told {len(taken.told)}"
    if step.reroute:
        owner = task_content.owner(task)
        person = owner if owner.startswith("Practitioner/") else None
        decision = routing.route(actor, locked.id, cause="breach", displaced=person)
        if decision is not None:
            taken.sentence = f"{words}. {decision.sentence}"


def _recipients(locked: Record, step: Step) -> list[str]:
    definition = definitions.current()
    owner = task_content.owner(locked.resource)
    spell = assignments.current(locked.id)
    pool = (spell.team if spell else None) or owner
    team = definition.teams.get(pool.removeprefix("CareTeam/"))
    found: list[str] = []
    for who in step.notify:
        match who:
            case Notified.OWNER:
                found.append(owner)
            case Notified.TEAM_LEAD | Notified.SHIFT_LEAD:
                found.append(f"Practitioner/{team.lead}" if team else owner)
            case Notified.DUTY_MANAGER:
                found.append(f"Practitioner/{team.duty_manager}" if team else owner)
    return found
