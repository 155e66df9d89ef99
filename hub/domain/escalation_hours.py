"""Hours in which a step of an escalation is taken: time of day, weekday, holiday, service hours.

All conditions of one ``When`` must hold together; a step for this *or* that is two steps. Times
are local to the calendar's zone, so a clock change moves the instant and never the hour.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from hub.domain import calendars
from hub.domain.calendars import Calendar
from hub.domain.errors import RuleError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""FHIR's codes of the days of the week, Monday first."""

LOOKS_AHEAD_DAYS = 8
"""A step waits no longer than a week for its hours: then it is passed over, and that is kept."""


class Otherwise(StrEnum):
    """What becomes of a step whose hours do not hold at its moment."""

    WAIT = "wait"
    """It is taken when they next do."""
    SKIP = "skip"
    """It is passed over, and that is recorded; another step is there for these hours."""


class Service(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class When:
    """Conditions on the local time; what is None or empty does not matter."""

    starts: time | None = None
    ends: time | None = None
    """End of the hours, not included; at or before ``starts`` it is the next morning's."""
    days: tuple[str, ...] = ()
    """Codes of DAYS: the day on which the instant lies, also for hours that run past midnight."""
    weekend: bool | None = None
    """Saturday and Sunday, or not."""
    bank_holiday: bool | None = None
    """A bank holiday of England, or not."""
    service: Service | None = None
    """Whether the service of the task is open."""
    otherwise: Otherwise = Otherwise.WAIT

    def __post_init__(self) -> None:
        if (self.starts is None) != (self.ends is None):
            raise RuleError("hours have a start and an end", field="when")
        if self.starts is not None and self.starts == self.ends:
            raise RuleError("hours that end when they start are no condition", field="when")
        if unknown := set(self.days) - set(DAYS):
            raise RuleError(f"{min(unknown)} is not a day", field="when.days", allowed=DAYS)
        weekend = {"sat", "sun"}
        if self.days and (
            (self.weekend is True and not weekend & set(self.days))
            or (self.weekend is False and not set(self.days) - weekend)
        ):
            raise RuleError("these days never come on such a day", field="when.weekend")


def holds(when: When, calendar: Calendar, instant: datetime) -> bool:
    """Return whether every condition holds at an instant (aware)."""
    here = calendars.local(calendar, instant)
    day = DAYS[here.weekday()]
    if when.days and day not in when.days:
        return False
    if when.weekend is not None and when.weekend != (day in {"sat", "sun"}):
        return False
    holiday = here.date() in calendar.bank_holidays
    if when.bank_holiday is not None and when.bank_holiday != holiday:
        return False
    if when.starts is not None and when.ends is not None:
        at = here.time()
        inside = (
            when.starts <= at < when.ends
            if when.starts < when.ends
            else at >= when.starts or at < when.ends
        )
        if not inside:
            return False
    if when.service is None:
        return True
    return calendars.is_open(calendar, instant) == (when.service is Service.OPEN)


def first(when: When, calendar: Calendar, at: datetime) -> datetime | None:
    """Return the first instant from ``at`` on that is in the hours (UTC); None: not in a week."""
    return _first(lambda instant: holds(when, calendar, instant), when, calendar, at)


def first_outside(when: When, calendar: Calendar, at: datetime) -> datetime | None:
    """Return the first instant from ``at`` on that is not in the hours (UTC)."""
    return _first(lambda instant: not holds(when, calendar, instant), when, calendar, at)


def said(when: When) -> str:
    """Say the hours in words, for the page and the log."""
    parts = []
    if when.starts is not None and when.ends is not None:
        parts.append(f"{when.starts:%H:%M} to {when.ends:%H:%M}")
    if when.days:
        parts.append(" ".join(day.capitalize() for day in when.days))
    if when.weekend is not None:
        parts.append("at weekends" if when.weekend else "on weekdays")
    if when.bank_holiday is not None:
        parts.append("on bank holidays" if when.bank_holiday else "not on bank holidays")
    if when.service is not None:
        parts.append(f"while the service is {when.service}")
    return ", ".join(parts) or "at any time"


def _first(
    right: Callable[[datetime], bool], when: When, calendar: Calendar, at: datetime
) -> datetime | None:
    start = at.astimezone(UTC)
    if right(start):
        return start
    today = calendars.local(calendar, start).date()
    for number in range(LOOKS_AHEAD_DAYS):
        day = today + timedelta(days=number)
        for edge in _edges(when, calendar, day):
            if edge > start and right(edge):
                return edge
    return None


def _edges(when: When, calendar: Calendar, day: date) -> list[datetime]:
    """Return every instant of a local day at which a condition can change, in order (UTC)."""
    here = calendars.zone(calendar.time_zone)
    begins = calendars.end_of_day(calendar, day - timedelta(days=1))
    ends = calendars.end_of_day(calendar, day)
    times = {at for at in (when.starts, when.ends) if at is not None}
    if when.service is not None:
        for opening in calendars.openings_on(calendar, day):
            times |= {opening.opens, opening.closes}
    # The hour that comes twice in autumn begins twice; 00:00 as a closing time is the day's end,
    # where the next day begins.
    found = {
        datetime.combine(day, at, here).replace(fold=fold).astimezone(UTC)
        for at in times
        for fold in (0, 1)
    }
    found.add(begins)
    if begins.astimezone(here).utcoffset() != ends.astimezone(here).utcoffset():
        found.add(_clock_change(calendar, begins, ends))
    return sorted(found)


def _clock_change(calendar: Calendar, begins: datetime, ends: datetime) -> datetime:
    """Return the minute at which the local clock jumps between two instants."""
    before = calendars.local(calendar, begins).utcoffset()
    low, high = 0, int((ends - begins).total_seconds() // 60)
    while high - low > 1:
        middle = (low + high) // 2
        at = begins + timedelta(minutes=middle)
        if calendars.local(calendar, at).utcoffset() == before:
            low = middle
        else:
            high = middle
    return begins + timedelta(minutes=high)
