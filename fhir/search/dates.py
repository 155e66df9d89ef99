"""Dates of every precision and time zone as half-open ranges of instants.

A date without a time zone counts in UTC. https://hl7.org/fhir/R4/search.html#date
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from fhir.recurring import kept

DateRange = tuple[datetime | None, datetime | None]
"""From the first instant to before the second; None where it is open."""

_PATTERN = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_UTC_SECONDS = len("2026-01-31T10:00:00Z")


@kept(8192)
def date_range(value: str) -> DateRange:
    """Return the range that a date, dateTime or instant stands for.

    Raises ValueError where it is none.
    """
    # The commonest form first: it is parsed for every write.
    if len(value) == _UTC_SECONDS and value[-1] == "Z" and value[17:19] != "60":
        lo = datetime.fromisoformat(value)
        return lo, _plus(lo, _SECOND)
    match = _PATTERN.fullmatch(value)
    if match is None:
        raise ValueError(value)
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    if month is None:
        lo = datetime(int(year), 1, 1, tzinfo=UTC)
        return lo, _year_after(lo)
    if day is None:
        lo = datetime(int(year), int(month), 1, tzinfo=UTC)
        if lo.month < 12:
            return lo, lo.replace(month=lo.month + 1)
        return lo, _year_after(lo.replace(month=1))
    lo = datetime(int(year), int(month), int(day), tzinfo=UTC)
    if hour is None:
        return lo, _plus(lo, _DAY)
    lo = lo.replace(hour=int(hour), minute=int(minute), tzinfo=_zone(zone))
    if second is None:
        return _utc(lo), _plus(_utc(lo), timedelta(minutes=1))
    # A leap second, 60, is the first of the next minute: there is no other instant for it.
    moved = _plus(_utc(lo), timedelta(seconds=int(second)))
    if moved is None:
        raise ValueError(value)
    lo = moved
    if fraction is None:
        return lo, _plus(lo, _SECOND)
    micros = int(fraction[:6].ljust(6, "0"))
    lo += timedelta(microseconds=micros)
    return lo, _plus(lo, timedelta(microseconds=10 ** (6 - min(len(fraction), 6))))


def period_range(period: Mapping[str, Any]) -> DateRange:
    """Return the range of a Period; an absent end is open."""
    start, end = period.get("start"), period.get("end")
    return (date_range(start)[0] if start else None, date_range(end)[1] if end else None)


def timing_range(timing: Mapping[str, Any]) -> DateRange | None:
    """Return the outer limits of a Timing: R4 says that only these matter."""
    ranges = [date_range(event) for event in timing.get("event", ())]
    if bounds := timing.get("repeat", {}).get("boundsPeriod"):
        ranges.append(period_range(bounds))
    if not ranges:
        return None
    starts = [lo for lo, _ in ranges]
    ends = [hi for _, hi in ranges]
    return (
        None if None in starts else min(lo for lo in starts if lo),
        None if None in ends else max(hi for hi in ends if hi),
    )


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-offset if text[0] == "-" else offset)


def _utc(value: datetime) -> datetime:
    """Move to UTC; at the ends of the calendar stay where datetime can still count."""
    try:
        return value.astimezone(UTC)
    except OverflowError:
        return value.replace(tzinfo=UTC)


def _plus(value: datetime, step: timedelta) -> datetime | None:
    try:
        return value + step
    except OverflowError:
        return None


def _year_after(value: datetime) -> datetime | None:
    return value.replace(year=value.year + 1) if value.year < 9999 else None
