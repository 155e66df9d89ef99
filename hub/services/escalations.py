"""Escalation: each step of a running clock is taken exactly once, whoever sweeps."""

from datetime import timedelta

from sqlalchemy import select

from hub import clock, records
from hub.db import db
from hub.domain import escalation, escalation_hours, escalation_targets
from hub.domain.actor import Actor
from hub.domain.escalation import BREACH, NextStep
from hub.models.clock import TaskClock
from hub.models.escalation import EscalationStep
from hub.records.ids import new_id
from hub.records.record import Record
from hub.services import (
    assignments,
    clocks,
    definitions,
    escalation_circle,
    escalation_schedule,
    notices,
    outside_sends,
    routing,
    task_content,
)

URGENT_FROM = 75
"""Percent of the clock from which on a step is urgent whatever the task is."""


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
    coming = clocks.coming(row)
    if coming is None or not coming.is_due:
        clocks.reschedule(row)
        return None
    taken = EscalationStep(
        id=new_id(),
        clock_id=row.id,
        step=coming.number,
        repeat=coming.repeat,
        level=coming.step.percent,
        passed=coming.passed,
        task_id=row.task_id,
        action=coming.step.code,
        due_at=coming.at,
        taken_at=clock.now(),
        told=[],
        sentence="",
    )
    # Written first: the unique key is the judge, before anybody is told.
    db.session.add(taken)
    db.session.flush()
    if coming.repeat:
        clocks.reschedule(row)
    else:
        clocks.take_step(row)
    _act(actor, locked, row, coming, taken)
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
        .order_by(EscalationStep.taken_at, EscalationStep.step, EscalationStep.repeat)
    )
    return list(found.scalars())


def _act(
    actor: Actor, locked: Record, row: TaskClock, coming: NextStep, taken: EscalationStep
) -> None:
    """Tell whom the step names, then re-route where it says so."""
    step, task = coming.step, locked.resource
    words = _words(coming)
    if coming.passed:
        hours = escalation_hours.said(step.when) if step.when else "other hours"
        taken.sentence = f"{words}; passed over: this step is for {hours}"
        return
    acknowledged = escalation_schedule.acknowledged(escalation_schedule.rows_of(row.id))
    heard = _heard(locked, escalation.recipients_of(step, acknowledged))
    urgent = step.percent >= URGENT_FROM or task_content.is_urgent(task)
    about = task_content.code(task) or "task"
    taken.told = notices.tell(
        heard.recipients,
        kind="TaskEscalated",
        subject=locked.reference,
        line=f"{words}: {about}",
        key=f"{taken.clock_id}/{taken.step}" + (f"/{taken.repeat}" if taken.repeat else ""),
        urgent=urgent,
    )
    remarks = list(heard.remarks)
    if step.outside:
        unreachable = outside_sends.queue(
            taken,
            heard.recipients,
            line=f"Carehub: {words[0].lower()}{words[1:]}. Sign in and open Alarms or My work.",
            urgent=urgent,
            quiet=clocks.policy_of(row).quiet,
            hours=escalation_schedule.hours_of(row),
        )
        remarks += [f"{_name(each)} has no telephone or e-mail here" for each in unreachable]
    told = ", ".join(_name(each) for each in taken.told) or "nobody who had not been told"
    taken.sentence = "; ".join((f"{words}; told {told}", *remarks))
    if step.reroute and not coming.repeat:
        owner = task_content.owner(task)
        person = owner if owner.startswith("Practitioner/") else None
        decision = routing.route(actor, locked.id, cause="breach", displaced=person)
        if decision is not None:
            taken.sentence = f"{taken.sentence}. {decision.sentence}"


def _words(coming: NextStep) -> str:
    percent = coming.step.percent
    over = percent >= BREACH
    if coming.repeat:
        # By now more is used than when the step first came.
        share = "the time for this task is over" if over else f"more than {percent}% of the time"
        used = "" if over else " for this task is used"
        return f"Reminder {coming.repeat}: {share}{used}"
    if over:
        return "The time for this task is over"
    return f"{percent}% of the time for this task is used"


def _heard(locked: Record, targets: tuple[escalation.Notified, ...]) -> escalation_targets.Heard:
    spell = assignments.current(locked.id)
    circle = escalation_circle.around(
        definitions.current(),
        owner=task_content.owner(locked.resource),
        team=spell.team if spell else None,
        at=clock.now(),
    )
    return escalation_targets.whom(targets, circle)


def _name(reference: str) -> str:
    hub = definitions.current()
    kind, _, code = reference.partition("/")
    if kind == "CareTeam" and code in hub.teams:
        return hub.teams[code].name
    return hub.staff[code].name if code in hub.staff else reference
