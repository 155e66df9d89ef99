"""Clocks of tasks: started with their policy frozen, paused, resumed, stopped, read.

What happens is an event of an append-only log, written in the transaction of the Task version that
caused it; the row is a cache of the log. The rule, its calendar and the escalation policy are kept
on the row as they were at the start, so that any reading can be computed again to the same answer.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import func, select

from hub import clock
from hub.db import db
from hub.domain import clock_log, escalation, snapshot
from hub.domain import clocks as rules
from hub.domain.actor import Actor
from hub.domain.calendars import AROUND_THE_CLOCK, Calendar
from hub.domain.clock_log import ClockEvent as Entry
from hub.domain.clock_log import ClockEventKind, Status
from hub.domain.clocks import ClockKind, ClockRule, Pause, Reading
from hub.domain.definition import HubDefinition
from hub.domain.escalation import DEFAULT_POLICY, EscalationPolicy, Moments, NextStep
from hub.models.clock import TaskClock
from hub.models.clock_event import ClockEvent
from hub.records.ids import new_id
from hub.services import definitions, escalation_schedule


def start(
    task_id: str,
    rule_code: str,
    *,
    calendar: str | None = None,
    escalation_policy: str | None = None,
    started_at: datetime | None = None,
    actor: Actor | None = None,
    version: int | None = None,
) -> TaskClock:
    """Start the clock of a task; codes are those of the active hub definition.

    ``version`` is the version of the Task that is written with it, here and in what follows.
    """
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
    _log(row, ClockEventKind.START, at=row.started_at, actor=actor, version=version)
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


def pause(
    task_id: str, reason: str, *, actor: Actor | None = None, version: int | None = None
) -> TaskClock | None:
    """Stop the clock for a coded reason; one that it does not know is logged and lets it run on."""
    row = running(task_id, locked=True)
    if row is None:
        return None
    _log(row, ClockEventKind.PAUSE, reason=reason, actor=actor, version=version)
    if reason in rule_of(row).pause_reasons:
        _cache(row)
    return row


def resume(
    task_id: str, *, actor: Actor | None = None, version: int | None = None
) -> TaskClock | None:
    """Let a paused clock run again; its due instant has moved by the time it stood."""
    row = running(task_id, locked=True)
    if row is None:
        return None
    holds = clock_log.holds_of(entries_of(row.id))
    if not holds or holds[-1].ends_at is not None:
        return row
    _log(row, ClockEventKind.RESUME, actor=actor, version=version)
    if holds[-1].reason in rule_of(row).pause_reasons:
        _cache(row)
    return row


def stop(
    task_id: str,
    reason: str,
    *,
    kind: ClockEventKind = ClockEventKind.STOP,
    actor: Actor | None = None,
    version: int | None = None,
) -> TaskClock | None:
    """Stop the clock for good; with the kind RE_RULE because another one takes over."""
    row = running(task_id, locked=True)
    if row is None:
        return None
    _log(row, kind, reason=reason, actor=actor, version=version)
    _cache(row)
    return row


def reopen(
    task_id: str, *, actor: Actor | None = None, version: int | None = None
) -> TaskClock | None:
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
    _log(row, ClockEventKind.REOPEN, actor=actor, version=version)
    _cache(row)
    return row


def entries_of(clock_id: str) -> list[Entry]:
    """Return the log of a clock, oldest first."""
    return logs_of([clock_id]).get(clock_id, [])


def logs_of(clock_ids: Collection[str]) -> dict[str, list[Entry]]:
    """Return the logs of many clocks, by clock id."""
    found: dict[str, list[Entry]] = {}
    rows = db.session.execute(
        select(ClockEvent.clock_id, ClockEvent.kind, ClockEvent.at, ClockEvent.reason)
        .where(ClockEvent.clock_id.in_(list(clock_ids)))
        .order_by(ClockEvent.clock_id, ClockEvent.sequence)
    )
    for clock_id, kind, at, reason in rows:
        found.setdefault(clock_id, []).append(Entry(ClockEventKind(kind), at, reason))
    return found


def clocks_of(task_id: str) -> list[TaskClock]:
    """Return every clock that a task has had, oldest first."""
    query = select(TaskClock).where(TaskClock.task_id == task_id).order_by(TaskClock.id)
    return list(db.session.execute(query).scalars())


def status_of(row: TaskClock, at: datetime, entries: Sequence[Entry] | None = None) -> Status:
    """Compute from the log what the clock showed at ``at``, with and without its pauses."""
    log = entries_of(row.id) if entries is None else entries
    return clock_log.recompute(log, rule_of(row), at, calendar_of(row))


def reschedule(row: TaskClock) -> None:
    """Set when the next step is due, after one came or somebody acknowledged."""
    _schedule(row)
    db.session.flush()


def take_step(row: TaskClock) -> None:
    """Count one step of the policy as taken and set when the next one is due."""
    row.step += 1
    reschedule(row)


def coming(row: TaskClock) -> NextStep | None:
    """Return the step that the policy of a running clock takes next, or None."""
    return escalation_schedule.upcoming(row, moments_of(row), clock.now())


def moments_of(row: TaskClock) -> Moments:
    """Return the function that gives the instant of each percent of a clock."""
    return partial(
        rules.instant_of,
        rule_of(row),
        row.started_at,
        calendar=calendar_of(row),
        pauses=pauses_of(row),
        now=clock.now(),
    )


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
        **escalation_schedule.freeze(definition, policy, calendar),
    }


def _log(
    row: TaskClock,
    kind: ClockEventKind,
    *,
    reason: str | None = None,
    at: datetime | None = None,
    actor: Actor | None = None,
    version: int | None = None,
) -> None:
    """Append to the log. The row is locked or new: nobody else counts at the same time."""
    number = 0
    if kind is not ClockEventKind.START:
        last = select(func.max(ClockEvent.sequence)).where(ClockEvent.clock_id == row.id)
        number = db.session.execute(last).scalar_one()
    now = clock.now()
    db.session.add(
        ClockEvent(
            id=new_id(),
            clock_id=row.id,
            sequence=number + 1,
            task_id=row.task_id,
            kind=kind.value,
            at=at or now,
            recorded_at=now,
            reason=reason,
            actor=(actor.practitioner or actor.id) if actor else None,
            task_version=version,
        )
    )
    db.session.flush()


def _cache(row: TaskClock) -> None:
    """Bring the row to what its log says."""
    said = clock_log.cache_of(entries_of(row.id), rule_of(row), calendar_of(row))
    row.due_at, row.pauses = said.due_at, [snapshot.freeze(each) for each in said.pauses]
    row.stopped_at, row.stop_reason = said.stopped_at, said.stop_reason
    _schedule(row)
    db.session.flush()


def _schedule(row: TaskClock) -> None:
    """Compute when the task is due and when the next step of the policy comes."""
    rule, calendar, pauses = rule_of(row), calendar_of(row), pauses_of(row)
    now = clock.now()
    row.due_at = rules.due_at(rule, row.started_at, calendar, pauses, now)
    paused = bool(pauses) and pauses[-1].ends_at is None
    if paused or row.stopped_at is not None:
        row.next_step_at = None
        return
    next_one = coming(row)
    row.next_step_at = next_one.at if next_one else None
