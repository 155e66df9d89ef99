"""Clocks of tasks: started with their policy frozen, paused, resumed, stopped, read.

The rule, its calendar and the escalation policy are kept on the row as they were at the start,
so that the due instant can be computed again at any time to the same answer.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import select

from hub import clock
from hub.db import db
from hub.domain import clocks as rules
from hub.domain import escalation, snapshot
from hub.domain.calendars import AROUND_THE_CLOCK, Calendar
from hub.domain.clocks import ClockKind, ClockRule, Pause, Reading
from hub.domain.definition import HubDefinition
from hub.domain.escalation import DEFAULT_POLICY, EscalationPolicy
from hub.models.clock import TaskClock
from hub.records.ids import new_id
from hub.services import definitions


def start(
    task_id: str,
    rule_code: str,
    *,
    calendar: str | None = None,
    escalation_policy: str | None = None,
    started_at: datetime | None = None,
) -> TaskClock:
    """Start the clock of a task; codes are those of the active hub definition."""
    definition = definitions.current()
    row = TaskClock(
        id=new_id(),
        task_id=task_id,
        rule=rule_code,
        started_at=started_at or clock.now(),
        step=0,
        policy=_frozen(definition, rule_code, calendar, escalation_policy),
        pauses=[],
    )
    _schedule(row)
    db.session.add(row)
    db.session.flush()
    return row


def running(task_id: str, *, locked: bool = False) -> TaskClock | None:
    """Return the running clock of a task. Lock the Task first, always: one order, no deadlock."""
    query = select(TaskClock).where(TaskClock.task_id == task_id, TaskClock.stopped_at.is_(None))
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.session.execute(query).scalar_one_or_none()


def running_of(task_ids: Collection[str]) -> dict[str, TaskClock]:
    """Return the running clocks of many tasks, by task id."""
    found = db.session.execute(
        select(TaskClock).where(
            TaskClock.task_id.in_(list(task_ids)), TaskClock.stopped_at.is_(None)
        )
    )
    return {row.task_id: row for row in found.scalars()}


def pause(task_id: str, reason: str) -> TaskClock | None:
    """Stop the clock for a coded reason; one that it does not know lets it run on."""
    row = running(task_id, locked=True)
    if row is None or reason not in rule_of(row).pause_reasons:
        return row
    row.pauses = [*row.pauses, snapshot.freeze(Pause(clock.now(), None, reason))]
    _schedule(row)
    db.session.flush()
    return row


def resume(task_id: str) -> TaskClock | None:
    """Let a paused clock run again; its due instant has moved by the time it stood."""
    row = running(task_id, locked=True)
    if row is None or not row.pauses or row.pauses[-1]["ends_at"] is not None:
        return row
    row.pauses = [*row.pauses[:-1], {**row.pauses[-1], "ends_at": clock.now().isoformat()}]
    _schedule(row)
    db.session.flush()
    return row


def stop(task_id: str, reason: str) -> TaskClock | None:
    """Stop the clock for good."""
    row = running(task_id, locked=True)
    if row is None:
        return None
    row.stopped_at = clock.now()
    row.stop_reason = reason
    row.next_step_at = None
    db.session.flush()
    return row


def reopen(task_id: str) -> TaskClock | None:
    """Let the last clock run on when its task was opened again (undo): as if never stopped."""
    row = db.session.execute(
        select(TaskClock)
        .where(TaskClock.task_id == task_id)
        .order_by(TaskClock.id.desc())
        .limit(1)
        .with_for_update()
    ).scalar_one_or_none()
    if row is None or row.stopped_at is None:
        return row
    row.stopped_at = row.stop_reason = None
    _schedule(row)
    db.session.flush()
    return row


def take_step(row: TaskClock) -> None:
    """Count one step of the policy as taken and set when the next one is due."""
    row.step += 1
    _schedule(row)
    db.session.flush()


def read(row: TaskClock) -> Reading:
    """Return what the clock shows now: due, share used, paused, breached, what comes next."""
    return rules.read(rule_of(row), row.started_at, clock.now(), calendar_of(row), pauses_of(row))


def rule_of(row: TaskClock) -> ClockRule:
    return snapshot.thaw(ClockRule, row.policy["rule"])


def calendar_of(row: TaskClock) -> Calendar:
    stored = row.policy["calendar"]
    return AROUND_THE_CLOCK if stored is None else snapshot.thaw(Calendar, stored)


def policy_of(row: TaskClock) -> EscalationPolicy:
    return escalation.thaw(row.policy["escalation"])


def pauses_of(row: TaskClock) -> tuple[Pause, ...]:
    return tuple(snapshot.thaw(Pause, each) for each in row.pauses)


def _frozen(
    definition: HubDefinition, rule_code: str, calendar: str | None, policy_code: str | None
) -> dict[str, Any]:
    rule = definition.clocks[rule_code]
    policies = definition.escalation_policies
    policy = policies.get(policy_code or "") or policies.get("standard", DEFAULT_POLICY)
    # Elapsed time runs always: its calendar says only who may be given the work.
    needs_calendar = rule.kind is not ClockKind.ELAPSED and calendar is not None
    return {
        "rule": snapshot.freeze(rule),
        "calendar": snapshot.freeze(definition.calendars[str(calendar)])
        if needs_calendar
        else None,
        "escalation": escalation.freeze(policy),
    }


def _schedule(row: TaskClock) -> None:
    """Compute when the task is due and when the next step of the policy comes."""
    rule, calendar, pauses = rule_of(row), calendar_of(row), pauses_of(row)
    now = clock.now()
    row.due_at = rules.due_at(rule, row.started_at, calendar, pauses, now)
    steps = policy_of(row).steps
    paused = bool(pauses) and pauses[-1].ends_at is None
    if paused or row.stopped_at is not None or row.step >= len(steps):
        row.next_step_at = None
        return
    percent = steps[row.step].percent
    row.next_step_at = rules.instant_of(
        rule, row.started_at, percent, calendar=calendar, pauses=pauses, now=now
    )
