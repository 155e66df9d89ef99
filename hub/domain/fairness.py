"""Who carries what: weekends, nights, bank holidays and hours, compared within team and role.

A night is what the Working Time Regulations 1998 (regulation 2) take for one: three hours or more
between 11pm and 6am. A shift belongs to the local day in which its middle lies.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from math import sqrt

from hub.domain.calendars import zone
from hub.domain.cover import without
from hub.domain.definition import HubDefinition
from hub.domain.rota import ON_CALL, Rota
from hub.domain.rota_patterns import weekly_hours
from hub.domain.staffing import StaffMember

NIGHT = (time(23), time(6))
NIGHT_WORK = timedelta(hours=3)
EVEN_COUNT = 1.0
"""Within one shift of each other is as even as whole shifts can be."""
EVEN_VARIATION = 0.2
"""Standard deviation over mean up to which many shifts count as shared evenly."""
EVEN_HOURS = 0.1
"""Hours within this of each other's share of contract are even."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What one person worked in a period; absences are not worked."""

    staff: str
    name: str
    weekends: int
    """Shifts on a Saturday or Sunday."""
    nights: int
    bank_holidays: int
    hours: float
    on_call_hours: float
    contract: float
    """Hours of the person's contract, or else of their pattern, in the period."""

    @property
    def of_contract(self) -> float | None:
        """Return hours worked as a share of those of the contract."""
        return self.hours / self.contract if self.contract else None


@dataclass(frozen=True, slots=True)
class Spread:
    """How far apart the people of a group are, each count reckoned to a whole contract."""

    measure: str
    least: Tally
    most: Tally
    low: float
    high: float
    variation: float
    """Coefficient of variation: standard deviation over mean; 0 is perfectly even."""
    even: bool


@dataclass(frozen=True, slots=True)
class Group:
    """People of one team and role."""

    team: str
    """Team code."""
    role: str
    tallies: tuple[Tally, ...]
    spreads: tuple[Spread, ...]
    sentence: str


_COUNTS: tuple[tuple[str, Callable[[Tally], float]], ...] = (
    ("weekends", lambda tally: tally.weekends),
    ("nights", lambda tally: tally.nights),
    ("bank holidays", lambda tally: tally.bank_holidays),
)


def contract_week(hub: HubDefinition, person: StaffMember) -> float:
    """Return the hours of a usual week: those of the contract, or else of the pattern.

    Breaks counted in, as they are in the shifts that these hours are compared with.
    """
    pattern = hub.rota_patterns[person.rota]
    whole = {code: replace(each, break_minutes=0) for code, each in hub.shift_times.items()}
    paid = weekly_hours(person, pattern, hub.shift_times)
    breaks = weekly_hours(person, pattern, whole) - paid
    return (paid if person.contracted_hours is None else person.contracted_hours) + breaks


def tallies(hub: HubDefinition, rota: Rota, start: datetime, end: datetime) -> dict[str, Tally]:
    """Return what everybody of the hub worked in [start, end), by staff id."""
    away: dict[str, list[tuple[datetime, datetime]]] = {}
    for absence in rota.absences:
        until = absence.ends_at or datetime.max.replace(tzinfo=UTC)
        away.setdefault(absence.staff, []).append((absence.starts_at, until))
    counts: dict[str, list[float]] = {}
    for shift in rota.shifts:
        whole = (shift.starts_at.astimezone(UTC), shift.ends_at.astimezone(UTC))
        if not start <= whole[0] < end:
            continue
        worked = without(whole, away.get(shift.staff, ()))
        lasted = sum((high - low for low, high in worked), timedelta(0))
        if not lasted:
            continue
        counted = counts.setdefault(shift.staff, [0, 0, 0, 0.0, 0.0])
        if shift.kind == ON_CALL:
            counted[4] += lasted / timedelta(hours=1)
            continue
        day = (
            (worked[0][0] + (worked[-1][1] - worked[0][0]) / 2)
            .astimezone(zone(hub.time_zone))
            .date()
        )
        counted[0] += day.weekday() >= 5
        counted[1] += is_night(worked, hub.time_zone)
        counted[2] += day in hub.bank_holidays
        counted[3] += lasted / timedelta(hours=1)
    weeks = (end - start) / timedelta(weeks=1)
    found = {}
    for person in hub.staff.values():
        staff = f"Practitioner/{person.username}"
        weekends, nights, holidays, hours, on_call = counts.get(staff, [0, 0, 0, 0.0, 0.0])
        found[staff] = Tally(
            staff=staff,
            name=person.name,
            weekends=int(weekends),
            nights=int(nights),
            bank_holidays=int(holidays),
            hours=hours,
            on_call_hours=on_call,
            contract=contract_week(hub, person) * weeks,
        )
    return found


def is_night(worked: Iterable[tuple[datetime, datetime]], time_zone: str) -> bool:
    """Say whether three hours or more of what was worked lie between 11pm and 6am."""
    here = zone(time_zone)
    dark = timedelta(0)
    for start, end in worked:
        day = start.astimezone(here).date() - timedelta(days=1)
        while day <= end.astimezone(here).date():
            falls = datetime.combine(day, NIGHT[0], here).astimezone(UTC)
            rises = datetime.combine(day + timedelta(days=1), NIGHT[1], here).astimezone(UTC)
            dark += max(min(end, rises) - max(start, falls), timedelta(0))
            day += timedelta(days=1)
    return dark >= NIGHT_WORK


def groups(hub: HubDefinition, found: Mapping[str, Tally]) -> tuple[Group, ...]:
    """Return the people of the hub by team and role, with how evenly each measure is shared."""
    together: dict[tuple[str, str], list[Tally]] = {}
    for person in hub.staff.values():
        # By the team that their shifts are worked for: a second team is help, not the rota.
        key = (person.teams[0], person.role)
        together.setdefault(key, []).append(found[f"Practitioner/{person.username}"])
    made = []
    for (team, role), members in sorted(together.items()):
        spreads = _spreads(members) if len(members) > 1 else ()
        said = sorted(members, key=lambda tally: tally.name)
        made.append(Group(team, role, tuple(said), spreads, _sentence(members, spreads)))
    return tuple(made)


def _spreads(members: Sequence[Tally]) -> tuple[Spread, ...]:
    whole = max(tally.contract for tally in members)
    found = []
    for measure, count in _COUNTS:
        # Half a contract, half the weekends: what counts is the number for a whole one.
        values = [
            count(tally) * (whole / tally.contract if tally.contract else 1.0) for tally in members
        ]
        if any(values):
            spread = _spread(measure, members, values)
            found.append(spread)
    shares = [tally.of_contract or 0.0 for tally in members]
    if any(shares):
        found.append(_spread("hours", members, shares))
    return tuple(found)


def _spread(measure: str, members: Sequence[Tally], values: Sequence[float]) -> Spread:
    low, high = min(values), max(values)
    mean = sum(values) / len(values)
    variation = sqrt(sum((value - mean) ** 2 for value in values) / len(values)) / mean
    if measure == "hours":
        even = high - low <= EVEN_HOURS + 1e-9
    else:
        even = high - low <= EVEN_COUNT + 1e-9 or variation <= EVEN_VARIATION
    return Spread(
        measure=measure,
        least=members[values.index(low)],
        most=members[values.index(high)],
        low=low,
        high=high,
        variation=variation,
        even=even,
    )


def _sentence(members: Sequence[Tally], spreads: Sequence[Spread]) -> str:
    if len(members) == 1:
        return "One person only: there is nobody to compare with."
    if not spreads:
        return "Nothing was worked in this time."
    uneven = [_words(spread) for spread in spreads if not spread.even]
    even = [spread.measure for spread in spreads if spread.even]
    said = [f"Not even: {'; '.join(uneven)}."] if uneven else []
    if even:
        listed = f"{', '.join(even[:-1])} and {even[-1]}" if len(even) > 1 else even[0]
        said.append(f"Evenly shared: {listed}.")
    return " ".join(said)


def _words(spread: Spread) -> str:
    if spread.measure == "hours":
        return (
            f"hours from {spread.low:.0%} of contract ({spread.least.name})"
            f" to {spread.high:.0%} ({spread.most.name})"
        )
    count = dict(_COUNTS)[spread.measure]
    return (
        f"{spread.measure} from {count(spread.least):.0f} ({spread.least.name})"
        f" to {count(spread.most):.0f} ({spread.most.name})"
    )
