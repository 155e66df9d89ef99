"""When the next step of a clock's frozen policy comes, from the log of those that came."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from hub import clock
from hub.db import db
from hub.domain import calendars, escalation, snapshot
from hub.domain.calendars import AROUND_THE_CLOCK, Calendar
from hub.domain.definition import HubDefinition
from hub.domain.escalation import EscalationPolicy, Moments, NextStep, Taken
from hub.models.clock import TaskClock
from hub.models.escalation import EscalationStep

HOLIDAYS_WITHIN = timedelta(days=400)
"""Bank holidays further away than this are not frozen with a clock: it does not run that long."""


def freeze(
    definition: HubDefinition, policy: EscalationPolicy, calendar: str | None
) -> dict[str, Any]:
    """Return what of a policy is kept with a clock: itself, and the hours that it looks at."""
    kept: dict[str, Any] = {"escalation": escalation.freeze(policy)}
    if policy.knows_hours:
        basis = definition.calendars[calendar] if calendar else AROUND_THE_CLOCK
        kept["hours"] = snapshot.freeze(_trimmed(definition, basis, clock.now()))
    return kept


def hours_of(row: TaskClock) -> Calendar:
    """Return the calendar by which the steps of a clock know day, hour and holiday."""
    stored = row.policy.get("hours") or row.policy.get("calendar")
    return AROUND_THE_CLOCK if stored is None else snapshot.thaw(Calendar, stored)


def rows_of(clock_id: str) -> list[EscalationStep]:
    """Return what a clock's policy has done so far, in order."""
    found = db.session.execute(
        select(EscalationStep)
        .where(EscalationStep.clock_id == clock_id)
        .order_by(EscalationStep.taken_at, EscalationStep.step, EscalationStep.repeat)
    )
    return list(found.scalars())


def log_of(rows: Iterable[EscalationStep]) -> tuple[Taken, ...]:
    return tuple(Taken(row.step, row.repeat, row.taken_at, row.passed) for row in rows)


def acknowledged(rows: Collection[EscalationStep]) -> int:
    """Return the percent up to which a clock's steps are acknowledged; 0: none is."""
    return max((row.level for row in rows if row.acknowledged_at is not None), default=0)


def upcoming(row: TaskClock, moment_of: Moments, now: datetime) -> NextStep | None:
    """Return what the policy of a running clock does next, or None."""
    # No query for a clock that has just been started: every new task comes this way.
    rows = rows_of(row.id) if row.step else []
    return escalation.next_step(
        escalation.thaw(row.policy["escalation"]),
        moment_of,
        log_of(rows),
        now,
        acknowledged=acknowledged(rows),
        calendar=hours_of(row),
    )


def _trimmed(definition: HubDefinition, basis: Calendar, now: datetime) -> Calendar:
    today = now.astimezone(calendars.zone(definition.time_zone)).date()
    # A calendar may have days of its own beside England's.
    known = definition.bank_holidays | basis.bank_holidays
    near = {day for day in known if abs(day - today) <= HOLIDAYS_WITHIN}
    return replace(basis, bank_holidays=frozenset(near), time_zone=definition.time_zone)
