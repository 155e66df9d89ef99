"""When a service is open: weekly hours in the hub's time zone, bank holidays, exact over DST.

Source: the care model, section 4. Bank holidays of England come in as dates, so that the rules
stay pure; the hub definition computes them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from hub.domain.errors import RuleError

TIME_ZONE = "Europe/London"

#: A calendar that does not open within this many days is a mistake of the definition, not a wait.
HORIZON_DAYS = 400


class BankHolidayRule(StrEnum):
    """What a service does on a bank holiday."""

    AS_ANY_DAY = "as-any-day"
    """Seven-day services: "days like any other"."""
    AS_SUNDAY = "as-sunday"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Opening:
    """Open from ``opens`` to ``closes`` of one local day; ``closes`` 00:00 is the day's end."""

    opens: time
    closes: time


ALL_DAY = Opening(time(0), time(0))


@dataclass(frozen=True, slots=True)
class Calendar:
    """The weekly opening of a service. ``weekly`` has seven entries, Monday first."""

    code: str
    title: str
    weekly: tuple[tuple[Opening, ...], ...]
    on_bank_holiday: BankHolidayRule = BankHolidayRule.AS_ANY_DAY
    bank_holidays: frozenset[date] = frozenset()
    time_zone: str = TIME_ZONE

    def __post_init__(self) -> None:
        if len(self.weekly) != 7:
            raise RuleError("a calendar has seven days, Monday first", field="weekly")
        for openings in self.weekly:
            end = None
            for opening in openings:
                if opening.closes != time(0) and opening.closes <= opening.opens:
                    raise RuleError("an opening ends after it starts", field="weekly")
                if end is not None and (end == time(0) or opening.opens < end):
                    raise RuleError("openings of a day do not overlap", field="weekly")
                end = opening.closes


def every_day(code: str, title: str, *openings: Opening) -> Calendar:
    """Return a seven-day calendar with the same openings each day, bank holidays included."""
    return Calendar(code=code, title=title, weekly=(openings,) * 7)


AROUND_THE_CLOCK = every_day("24x7", "At any time", ALL_DAY)


@lru_cache(maxsize=16)
def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def local(calendar: Calendar, instant: datetime) -> datetime:
    """Return ``instant`` in the calendar's own time zone."""
    _require_aware(instant)
    return instant.astimezone(zone(calendar.time_zone))


def openings_on(calendar: Calendar, day: date) -> tuple[Opening, ...]:
    """Return the openings of a local day, after its bank-holiday rule."""
    if day in calendar.bank_holidays:
        match calendar.on_bank_holiday:
            case BankHolidayRule.CLOSED:
                return ()
            case BankHolidayRule.AS_SUNDAY:
                return calendar.weekly[6]
            case BankHolidayRule.AS_ANY_DAY:
                pass
    return calendar.weekly[day.weekday()]


def is_open(calendar: Calendar, instant: datetime) -> bool:
    """Return whether the service is open at an instant; the closing instant itself is closed."""
    day = local(calendar, instant).date()
    return any(start <= instant < end for start, end in intervals(calendar, day))


def next_open(calendar: Calendar, instant: datetime) -> datetime:
    """Return ``instant`` if open then, else the start of the next opening (UTC)."""
    for start, end in _intervals_from(calendar, instant):
        if instant < end:
            return max(start, instant).astimezone(UTC)
    raise AssertionError("unreachable: _intervals_from raises first")


def open_until(calendar: Calendar, instant: datetime) -> datetime | None:
    """Return the end of the opening that holds ``instant``, or None when closed (UTC)."""
    day = local(calendar, instant).date()
    return next((end for start, end in intervals(calendar, day) if start <= instant < end), None)


def add_open_time(calendar: Calendar, start: datetime, amount: timedelta) -> datetime:
    """Return the instant at which ``amount`` of open time has passed since ``start`` (UTC).

    Time is counted between instants, so an opening across a clock change counts the hours that
    really pass in it (23 or 25 for a whole day).
    """
    if amount < timedelta(0):
        raise RuleError("a clock runs forward", field="amount")
    if not amount:
        return start.astimezone(UTC)
    left = amount
    for opened, closed in _intervals_from(calendar, start):
        begin = max(opened, start)
        if begin >= closed:
            continue
        if closed - begin >= left:
            return (begin + left).astimezone(UTC)
        left -= closed - begin
    raise AssertionError("unreachable: _intervals_from raises first")


def open_time_between(calendar: Calendar, start: datetime, end: datetime) -> timedelta:
    """Return the open time in [start, end)."""
    total = timedelta(0)
    if end <= start:
        return total
    day = local(calendar, start).date()
    last = local(calendar, end).date()
    while day <= last:
        for opened, closed in intervals(calendar, day):
            total += max(min(closed, end) - max(opened, start), timedelta(0))
        day += timedelta(days=1)
    return total


def end_of_day(calendar: Calendar, day: date) -> datetime:
    """Return the instant at which a local day ends (UTC)."""
    return _instant(calendar, day + timedelta(days=1), time(0))


def close_of_day(calendar: Calendar, day: date) -> datetime | None:
    """Return when the last opening of a local day ends, or None on a closed day (UTC)."""
    opened = intervals(calendar, day)
    return opened[-1][1] if opened else None


def open_day_after(calendar: Calendar, day: date, count: int) -> date:
    """Return the ``count``-th open day after ``day``; with 0, ``day`` or the next open day."""
    current = day
    left = count
    for _ in range(HORIZON_DAYS + 7 * count):
        if openings_on(calendar, current) and (current > day or count == 0):
            left -= 1
            if left <= 0:
                return current
        current += timedelta(days=1)
    raise _never_opens(calendar)


def _intervals_from(calendar: Calendar, instant: datetime) -> Iterator[tuple[datetime, datetime]]:
    day = local(calendar, instant).date()
    last_open = day
    while (day - last_open).days <= HORIZON_DAYS:
        opened = intervals(calendar, day)
        if opened:
            last_open = day
        yield from opened
        day += timedelta(days=1)
    raise _never_opens(calendar)


def intervals(calendar: Calendar, day: date) -> list[tuple[datetime, datetime]]:
    """Return the openings of a local day as instants (UTC)."""
    return [
        (
            _instant(calendar, day, opening.opens),
            end_of_day(calendar, day)
            if opening.closes == time(0)
            else _instant(calendar, day, opening.closes),
        )
        for opening in openings_on(calendar, day)
    ]


def _instant(calendar: Calendar, day: date, at: time) -> datetime:
    return datetime.combine(day, at, zone(calendar.time_zone)).astimezone(UTC)


def _never_opens(calendar: Calendar) -> RuleError:
    return RuleError(f"the calendar {calendar.code} never opens", field="weekly")


def _require_aware(instant: datetime) -> None:
    if instant.tzinfo is None:
        raise RuleError("an instant needs its time zone", field="instant")
