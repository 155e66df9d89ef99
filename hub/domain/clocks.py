"""Clocks of tasks: when work is due, how much of its time is used, what comes next.

Source: the care model, section 4. The 2-hour, 4-hour and urgent-triage clocks run in elapsed
time, always; the others on their service's calendar; every pause has a coded reason.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from hub.domain import calendars
from hub.domain.calendars import AROUND_THE_CLOCK, Calendar
from hub.domain.errors import RuleError

#: Shares of the clock, in percent, at which escalation looks at the work.
THRESHOLDS = (50, 75, 100)


class ClockKind(StrEnum):
    ELAPSED = "elapsed"
    """Minutes that pass, day and night."""
    CALENDAR = "calendar"
    """Open time of the service's calendar, or open days (``days``)."""
    CALENDAR_DAYS = "calendar-days"
    """Days of the wall calendar; due when the last one ends."""


@dataclass(frozen=True, slots=True)
class ClockRule:
    """How long a step may take. Give ``minutes`` or ``days``."""

    code: str
    title: str
    kind: ClockKind
    minutes: int = 0
    days: int = 0
    pause_reasons: frozenset[str] = frozenset()
    """Coded reasons that may stop this clock; none for the safety clocks."""
    roll_to_open_day: bool = False
    """Due on the day itself or the next open day (reablement follow-up, day 91)."""

    def __post_init__(self) -> None:
        if (self.minutes > 0) == (self.days > 0):
            raise RuleError("a clock has either minutes or days", field="minutes")
        if self.kind is ClockKind.CALENDAR_DAYS and not self.days:
            raise RuleError("a clock of calendar days counts days", field="days")
        if self.kind is ClockKind.ELAPSED and self.pause_reasons:
            raise RuleError("elapsed time cannot be paused", field="pause_reasons")


@dataclass(frozen=True, slots=True)
class Pause:
    """The clock stood still from ``starts_at``; ``ends_at`` None while it still does."""

    starts_at: datetime
    ends_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a clock shows at one instant."""

    due_at: datetime
    share: float
    """Part of the time that is used; 1 at the due instant, more when overdue."""
    paused: bool
    breached: bool
    next_threshold: int | None = None
    """Percent of THRESHOLDS that comes next, None when all have passed."""
    next_at: datetime | None = field(default=None)


def check_pause(rule: ClockRule, reason: str) -> None:
    """Refuse a pause that this clock does not know."""
    if reason not in rule.pause_reasons:
        raise RuleError(
            f"the clock {rule.code} cannot be paused for {reason}",
            field="reason",
            allowed=sorted(rule.pause_reasons),
        )


def due_at(
    rule: ClockRule,
    started: datetime,
    calendar: Calendar = AROUND_THE_CLOCK,
    pauses: Iterable[Pause] = (),
    now: datetime | None = None,
) -> datetime:
    """Return when the work is due (UTC). A pause still open counts up to ``now``."""
    return instant_of(rule, started, 100, calendar=calendar, pauses=pauses, now=now)


def instant_of(
    rule: ClockRule,
    started: datetime,
    percent: int,
    *,
    calendar: Calendar = AROUND_THE_CLOCK,
    pauses: Iterable[Pause] = (),
    now: datetime | None = None,
) -> datetime:
    """Return when ``percent`` of the clock is used, counted on its own calendar (UTC)."""
    standing = _standing(rule, started, pauses, now)
    if rule.minutes:
        basis = calendar if rule.kind is ClockKind.CALENDAR else AROUND_THE_CLOCK
        return _run(basis, started, timedelta(minutes=rule.minutes) * percent / 100, standing)
    end = _end_of_days(rule, started, calendar, standing)
    if percent == 100:
        return end
    basis = calendar if rule.kind is ClockKind.CALENDAR else AROUND_THE_CLOCK
    running = _running(basis, started, end, standing)
    return _run(basis, started, running * percent / 100, standing)


def read(
    rule: ClockRule,
    started: datetime,
    now: datetime,
    calendar: Calendar = AROUND_THE_CLOCK,
    pauses: Iterable[Pause] = (),
) -> Reading:
    """Return due instant, share used and the next threshold as they stand at ``now``."""
    stops = tuple(pauses)
    due = due_at(rule, started, calendar, stops, now)
    standing = _standing(rule, started, stops, now)
    basis = calendar if rule.kind is ClockKind.CALENDAR else AROUND_THE_CLOCK
    whole = _running(basis, started, due, standing) or timedelta(minutes=1)
    used = _running(basis, started, now, standing)
    paused = any(start <= now <= end for start, end in standing if end >= now) and any(
        pause.ends_at is None and pause.reason in rule.pause_reasons for pause in stops
    )
    upcoming = next(
        (
            (percent, at)
            for percent in THRESHOLDS
            if (at := instant_of(rule, started, percent, calendar=calendar, pauses=stops, now=now))
            > now
        ),
        None,
    )
    return Reading(
        due_at=due,
        share=used / whole,
        paused=paused,
        breached=now >= due and not paused,
        next_threshold=upcoming[0] if upcoming else None,
        next_at=upcoming[1] if upcoming else None,
    )


def _end_of_days(
    rule: ClockRule,
    started: datetime,
    calendar: Calendar,
    standing: list[tuple[datetime, datetime]],
) -> datetime:
    day = calendars.local(calendar, started).date()
    stood = sum(
        (calendars.local(calendar, end).date() - calendars.local(calendar, start).date()).days
        for start, end in standing
    )
    match rule.kind:
        case ClockKind.CALENDAR:
            day = calendars.open_day_after(calendar, day, rule.days + stood)
            closes = calendars.close_of_day(calendar, day)
            return closes or calendars.end_of_day(calendar, day)
        case ClockKind.ELAPSED:
            return started.astimezone(UTC) + timedelta(days=rule.days)
        case ClockKind.CALENDAR_DAYS:
            day += timedelta(days=rule.days + stood)
            if rule.roll_to_open_day:
                day = calendars.open_day_after(calendar, day, 0)
            return calendars.end_of_day(calendar, day)


def _standing(
    rule: ClockRule, started: datetime, pauses: Iterable[Pause], now: datetime | None
) -> list[tuple[datetime, datetime]]:
    """Return the pauses that count, merged, none before the start.

    A pause for a reason that the rule does not know is not counted: it cannot hide work.
    """
    spans: list[tuple[datetime, datetime]] = []
    for pause in sorted(pauses, key=lambda pause: pause.starts_at):
        if pause.reason not in rule.pause_reasons:
            continue
        end = pause.ends_at or now
        if end is None:
            raise RuleError("an open pause is read at an instant", field="now")
        start = max(pause.starts_at, started)
        if end <= start:
            continue
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _run(
    basis: Calendar,
    started: datetime,
    amount: timedelta,
    standing: list[tuple[datetime, datetime]],
) -> datetime:
    """Return when ``amount`` of running time has passed since ``started``."""
    position = started.astimezone(UTC)
    left = amount
    for start, end in standing:
        ran = calendars.open_time_between(basis, position, start)
        if ran >= left:
            break
        left -= ran
        position = end.astimezone(UTC)
    return calendars.add_open_time(basis, position, left)


def _running(
    basis: Calendar, start: datetime, end: datetime, standing: list[tuple[datetime, datetime]]
) -> timedelta:
    ran = calendars.open_time_between(basis, start, end)
    for stop, resume in standing:
        ran -= calendars.open_time_between(basis, max(stop, start), min(resume, end))
    return max(ran, timedelta(0))
