"""The clocks of a span of time, as cases that can be judged: two statements, however many."""

from datetime import datetime
from typing import Any

from sqlalchemy import text

from hub import clock
from hub.db import db
from hub.domain import calendars, clocks, performance, snapshot
from hub.domain.calendars import AROUND_THE_CLOCK, Calendar
from hub.domain.clocks import ClockRule, Pause
from hub.domain.performance import Case

_CASES = text(
    """
    SELECT c.rule, c.started_at, c.due_at, c.stopped_at, c.pauses,
           CASE WHEN json_array_length(c.pauses) > 0 THEN c.policy END AS policy,
           a.team, greatest(a.owners, 1) AS owners
    FROM task_clock c
    CROSS JOIN LATERAL (
        SELECT (array_agg(team ORDER BY starts_at DESC))[1] AS team,
               count(*) FILTER (WHERE owner LIKE 'Practitioner/%') AS owners
        FROM assignment WHERE task_id = c.task_id) a
    WHERE c.started_at >= :first AND c.started_at < :last
      AND (CAST(:team AS text) IS NULL OR a.team = :team)
      AND (c.stop_reason IS NULL OR c.stop_reason NOT IN ('cancelled', 'entered-in-error'))
    """
)
"""What was called off is nobody's delay."""


def cases(
    first: datetime, last: datetime, *, time_zone: str, team: str | None = None
) -> list[Case]:
    """Return the clocks that started from ``first`` until before ``last``; ``CareTeam/<id>``."""
    home, now = calendars.zone(time_zone), clock.now()
    rows = db.session.execute(_CASES, {"first": first, "last": last, "team": team})
    return [_case(row, now, row.started_at.astimezone(home).weekday()) for row in rows]


def _case(row: Any, now: datetime, weekday: int) -> Case:
    due, without, paused = row.due_at, row.due_at, {}
    if row.pauses:
        rule = snapshot.thaw(ClockRule, row.policy["rule"])
        stored = row.policy["calendar"]
        calendar = AROUND_THE_CLOCK if stored is None else snapshot.thaw(Calendar, stored)
        stops = tuple(snapshot.thaw(Pause, each) for each in row.pauses)
        until = row.stopped_at or now
        due = clocks.due_at(rule, row.started_at, calendar, stops, until)
        without = clocks.due_at(rule, row.started_at, calendar)
        paused = performance.paused_for(stops, until)
    return Case(
        team=row.team or "",
        rule=row.rule,
        started_at=row.started_at,
        due_at=due,
        due_without=without,
        stopped_at=row.stopped_at,
        weekday=weekday,
        owners=row.owners,
        paused=paused,
    )
