"""Coverage: where fewer people are at work than are needed, exact to the second over clock changes.

Pure: needs, rota and a span of time give stretches (who is there), holes (who is missing) and
cells (the same by hour, for a page). All instants are aware and come out in UTC; every span has
its start and not its end.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice

from hub.domain.calendars import Opening, local, openings_on, zone
from hub.domain.cover_needs import Need
from hub.domain.rota import ON_CALL, Rota, Shift

HOUR = timedelta(hours=1)

Span = tuple[datetime, datetime]
Skills = Mapping[str, frozenset[str]]
"""``Practitioner/<id>`` -> skill codes."""


class Missing(StrEnum):
    """What a hole lacks, the worst first."""

    NOBODY = "nobody"
    ONLY_ON_CALL = "only-on-call"
    TOO_FEW = "too-few"
    SKILL = "skill"
    """Enough people of the role, too few with the skill."""
    NO_ON_CALL = "no-on-call"


SEVERITY = {kind: rank for rank, kind in enumerate(reversed(Missing))}


@dataclass(frozen=True, slots=True)
class Presence:
    """One person there for one team, absences taken out."""

    staff: str
    role: str | None
    on_call: bool
    starts_at: datetime
    ends_at: datetime
    service: str | None = None
    """Code of the service that the shift is kept for; None: any of the team."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the needed hours in which nothing changes."""

    starts_at: datetime
    ends_at: datetime
    at_work: int
    """Persons at work who count: team, role, all skills."""
    of_role: int
    """Persons at work of team and role, whatever their skills."""
    on_call: int
    """Persons on call of team and role with the skills."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A span in which a need is not met."""

    need: str
    """Code of the need."""
    team: str
    starts_at: datetime
    ends_at: datetime
    missing: Missing
    short: int
    """How many persons are missing."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One hour of one need."""

    starts_at: datetime
    ends_at: datetime
    needed_for: timedelta
    """How much of the hour it is needed."""
    fewest: int
    """Persons at work in the worst moment of it."""
    missing: Missing | None
    """The worst that is missing in it."""
    short_for: timedelta
    """How much of the hour the need is not met."""


@dataclass(frozen=True, slots=True)
class Share:
    """Needed time of persons, and how much of it is covered."""

    needed: timedelta = timedelta(0)
    covered: timedelta = timedelta(0)

    def __add__(self, other: "Share") -> "Share":
        return Share(self.needed + other.needed, self.covered + other.covered)

    @property
    def ratio(self) -> float | None:
        """Return 0 to 1; None where nobody was needed."""
        return self.covered / self.needed if self.needed else None


def presences(rota: Rota) -> dict[str, list[Presence]]:
    """Return who is there, by team, absences taken out of every shift."""
    away: dict[str, list[Span]] = defaultdict(list)
    for absence in rota.absences:
        end = absence.ends_at or datetime.max.replace(tzinfo=UTC)
        away[absence.staff].append((absence.starts_at, end))
    found: dict[str, list[Presence]] = defaultdict(list)
    for shift in rota.shifts:
        for start, end in without((shift.starts_at, shift.ends_at), away.get(shift.staff, ())):
            found[shift.team].append(
                Presence(
                    shift.staff,
                    shift.role,
                    shift.kind == ON_CALL,
                    start,
                    end,
                    _service(shift),
                )
            )
    return found


def without(span: Span, taken: Iterable[Span]) -> list[Span]:
    """Return what is left of a span when others are taken out of it."""
    left = [span]
    for start, end in taken:
        left = [
            (low, high)
            for begin, finish in left
            for low, high in ((begin, min(finish, start)), (max(begin, end), finish))
            if low < high
        ]
    return left


def needed_spans(need: Need, start: datetime, end: datetime) -> list[Span]:
    """Return the hours of a need within [start, end), what touches joined (UTC)."""
    found: list[Span] = []
    day, last = local(need.hours, start).date(), local(need.hours, end).date()
    while day <= last:
        for opening in _openings(need, day):
            opens = max(_instant(need, day, opening.opens), start)
            next_day = day + timedelta(days=1)
            closes = (
                _instant(need, next_day, time(0))
                if opening.closes == time(0)
                else _instant(need, day, opening.closes)
            )
            closes = min(closes, end)
            if opens >= closes:
                continue
            if found and found[-1][1] == opens:
                found[-1] = (found[-1][0], closes)
            else:
                found.append((opens, closes))
        day += timedelta(days=1)
    return found


def stretches(
    need: Need, there: Iterable[Presence], skills: Skills, start: datetime, end: datetime
) -> tuple[Stretch, ...]:
    """Return who is there in the needed hours of [start, end); ``there`` is the need's team's."""
    changes = _changes(need, there, skills)
    counts = [0, 0, 0]
    found: list[Stretch] = []
    position = 0
    for low, high in needed_spans(need, start.astimezone(UTC), end.astimezone(UTC)):
        at = low
        while at < high:
            while position < len(changes) and changes[position][0] <= at:
                counts[changes[position][1]] += changes[position][2]
                position += 1
            until = min(high, changes[position][0]) if position < len(changes) else high
            before = found[-1] if found else None
            same = before is not None and (before.at_work, before.of_role, before.on_call) == (
                *counts,
            )
            if before is not None and same and before.ends_at == at:
                found[-1] = replace(before, ends_at=until)
            else:
                found.append(Stretch(at, until, *counts))
            at = until
    return tuple(found)


def shortage(need: Need, stretch: Stretch) -> tuple[Missing, int] | None:
    """Return what is missing in a stretch and how many persons; None where the need is met."""
    short = need.least - stretch.at_work
    if short > 0:
        if stretch.of_role >= need.least:
            return Missing.SKILL, short
        if stretch.at_work or stretch.of_role:
            return Missing.TOO_FEW, short
        return (Missing.ONLY_ON_CALL if stretch.on_call else Missing.NOBODY), short
    short = need.least_on_call - stretch.on_call
    return (Missing.NO_ON_CALL, short) if short > 0 else None


def holes(need: Need, found: Iterable[Stretch]) -> tuple[Hole, ...]:
    """Return where the need is not met; neighbours that lack the same are one hole."""
    made: list[Hole] = []
    for stretch in found:
        lack = shortage(need, stretch)
        if lack is None:
            continue
        missing, short = lack
        last = made[-1] if made else None
        if (
            last is not None
            and last.ends_at == stretch.starts_at
            and (last.missing, last.short) == lack
        ):
            made[-1] = replace(last, ends_at=stretch.ends_at)
        else:
            made.append(
                Hole(need.code, need.team, stretch.starts_at, stretch.ends_at, missing, short)
            )
    return tuple(made)


def all_holes(
    needs: Iterable[Need], rota: Rota, skills: Skills, start: datetime, end: datetime
) -> tuple[Hole, ...]:
    """Return every hole of these needs in [start, end), the soonest first."""
    there = presences(rota)
    found = [
        hole
        for need in needs
        for hole in holes(need, stretches(need, there.get(need.team, ()), skills, start, end))
    ]
    return tuple(sorted(found, key=lambda hole: (hole.starts_at, hole.need)))


def cells(need: Need, found: Sequence[Stretch], start: datetime, end: datetime) -> tuple[Cell, ...]:
    """Return the needed hours of [start, end) one by one, counted from ``start``."""
    made: list[Cell] = []
    position = 0
    at = start.astimezone(UTC)
    while at < end:
        until = min(at + HOUR, end)
        while position < len(found) and found[position].ends_at <= at:
            position += 1
        needed, short = timedelta(0), timedelta(0)
        fewest: int | None = None
        worst: Missing | None = None
        for stretch in islice(found, position, None):
            if stretch.starts_at >= until:
                break
            lasts = min(stretch.ends_at, until) - max(stretch.starts_at, at)
            needed += lasts
            fewest = stretch.at_work if fewest is None else min(fewest, stretch.at_work)
            lack = shortage(need, stretch)
            if lack is not None:
                short += lasts
                if worst is None or SEVERITY[lack[0]] > SEVERITY[worst]:
                    worst = lack[0]
        if fewest is not None:
            made.append(Cell(at, until, needed, fewest, worst, short))
        at = until
    return tuple(made)


def share(need: Need, found: Iterable[Stretch]) -> Share:
    """Return needed and covered time of persons: two needed for an hour are two hours."""
    total = Share()
    for stretch in found:
        lasts = stretch.ends_at - stretch.starts_at
        total += Share(
            lasts * (need.least + need.least_on_call),
            lasts * (min(stretch.at_work, need.least) + min(stretch.on_call, need.least_on_call)),
        )
    return total


def lost_to_absence(
    need: Need, rota: Rota, skills: Skills, start: datetime, end: datetime
) -> list[str]:
    """Return who would count in [start, end) by the rota and is away, by staff id."""
    planned = rota.between(start, end)
    return sorted(
        {
            absence.staff
            for absence in planned.absences
            for shift in planned.shifts
            if shift.staff == absence.staff
            and shift.team == need.team
            and _serves(need, shift.role, _service(shift))
            and need.skills <= skills.get(shift.staff, frozenset())
            and max(shift.starts_at, absence.starts_at, start)
            < min(shift.ends_at, absence.ends_at or shift.ends_at, end)
        }
    )


def _changes(
    need: Need, there: Iterable[Presence], skills: Skills
) -> list[tuple[datetime, int, int]]:
    """Return (instant, which count, +1 or -1), each person once however many shifts say so."""
    spans: dict[tuple[int, str], list[Span]] = defaultdict(list)
    for each in there:
        if not _serves(need, each.role, each.service):
            continue
        able = need.skills <= skills.get(each.staff, frozenset())
        span = (each.starts_at.astimezone(UTC), each.ends_at.astimezone(UTC))
        if each.on_call:
            if able:
                spans[2, each.staff].append(span)
            continue
        spans[1, each.staff].append(span)
        if able:
            spans[0, each.staff].append(span)
    found = []
    for (which, _), said in spans.items():
        for start, end in joined(said):
            found += [(start, which, 1), (end, which, -1)]
    return sorted(found)


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return the union of spans, in order, none touching another."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _serves(need: Need, role: str | None, service: str | None) -> bool:
    """Say whether a shift of this role, kept for this service or any, counts for a need."""
    of_service = need.service is None or service in (None, need.service)
    return of_service and (not need.roles or role in need.roles)


def _service(shift: Shift) -> str | None:
    return shift.service.removeprefix("HealthcareService/") if shift.service else None


def _openings(need: Need, day: date) -> tuple[Opening, ...]:
    if need.bank_holiday is not None and day in need.hours.bank_holidays:
        return need.bank_holiday
    return openings_on(need.hours, day)


def _instant(need: Need, day: date, at: time) -> datetime:
    return datetime.combine(day, at, zone(need.hours.time_zone)).astimezone(UTC)
