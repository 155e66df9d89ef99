"""Working patterns become shifts: local hours on each day, as instants, clock changes included."""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from hub.domain.calendars import zone
from hub.domain.definition import HubDefinition
from hub.domain.rota import WORK, Shift
from hub.domain.staffing import RotaPattern, ShiftTime, StaffMember

ANCHOR = date(2024, 1, 1)
"""A Monday: week 0 of every pattern, so that a pattern never depends on when it was loaded."""


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def shift_code(
    pattern: RotaPattern,
    week: int,
    day: date,
    bank_holidays: Collection[date] = (),
    working_days: Collection[str] = (),
) -> str | None:
    """Return the code of the shift worked on a local day, or None on a day off."""
    if not pattern.bank_holidays and day in bank_holidays:
        return None
    if working_days and WEEKDAYS[day.weekday()] not in working_days:
        return None
    weeks = (day - ANCHOR).days // 7
    return pattern.weeks[(weeks + week) % len(pattern.weeks)][day.weekday()]


def planned(definition: HubDefinition, first: date, last: date) -> Iterator[Shift]:
    """Yield the shifts that start on the local days ``first`` to ``last``, by person."""
    for person in definition.staff.values():
        pattern = definition.rota_patterns[person.rota]
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            code = shift_code(
                pattern, person.rota_week, day, definition.bank_holidays, person.working_days
            )
            if code is not None:
                yield _shift(definition, person, definition.shift_times[code], day)


def weekly_hours(
    person: StaffMember, pattern: RotaPattern, shift_times: Mapping[str, ShiftTime]
) -> float:
    """Return the paid hours a week that the pattern plans on average, on-call time left out.

    By the wall clock and without bank holidays: what a contract is held against.
    """
    minutes = 0
    for week in pattern.weeks:
        for day, code in zip(WEEKDAYS, week, strict=True):
            if code is None or (person.working_days and day not in person.working_days):
                continue
            hours = shift_times[code]
            if hours.kind == WORK:
                minutes += _wall_minutes(hours) - hours.break_minutes
    return minutes / 60 / len(pattern.weeks)


def _wall_minutes(hours: ShiftTime) -> int:
    starts, ends = (each.hour * 60 + each.minute for each in (hours.starts, hours.ends))
    return ends - starts if ends > starts else ends - starts + 24 * 60


def _shift(definition: HubDefinition, person: StaffMember, hours: ShiftTime, day: date) -> Shift:
    here = zone(definition.time_zone)
    ends = day if hours.ends > hours.starts else day + timedelta(days=1)
    return Shift(
        staff=f"Practitioner/{person.username}",
        team=f"CareTeam/{person.teams[0]}",
        starts_at=datetime.combine(day, hours.starts, here).astimezone(UTC),
        ends_at=datetime.combine(ends, hours.ends, here).astimezone(UTC),
        role=person.role,
        place=person.areas[0] if person.areas else None,
        kind=hours.kind,
    )
