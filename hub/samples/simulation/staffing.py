"""Who is at work in the simulated weeks: the hub's own rotas, booked leave, and sickness."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from hub.domain.calendars import zone
from hub.domain.definition import HubDefinition
from hub.domain.rota import Absence, Rota, Shift
from hub.domain.rota_patterns import planned
from hub.samples.simulation.world import World

SICK = "sickness"
LEAVE = "leave"


def shifts_of(definition: HubDefinition, first: date, last: date) -> tuple[Shift, ...]:
    """Return the shifts of the patterns from the day before ``first`` to the day after ``last``."""
    day = timedelta(days=1)
    return tuple(planned(definition, first - day, last + day))


def absences_of(
    world: World, definition: HubDefinition, shifts: Iterable[Shift], first: date, seed: int
) -> tuple[Absence, ...]:
    """Return leave by the week, and sickness that begins with a shift; the same for a seed."""
    random = Random(f"absence {seed} {first}")  # noqa: S311 - a simulation, not a secret
    here = zone(definition.time_zone)

    def midnight(day: date) -> datetime:
        return datetime.combine(day, time(0), here).astimezone(UTC)

    found: list[Absence] = []
    until: dict[str, datetime] = {}
    weeks: dict[tuple[str, date], bool] = {}
    for shift in sorted(shifts, key=lambda each: (each.starts_at, each.staff)):
        day = shift.starts_at.astimezone(here).date()
        if day < first or shift.starts_at < until.get(shift.staff, shift.starts_at):
            continue
        monday = day - timedelta(days=day.weekday())
        if (shift.staff, monday) not in weeks:
            weeks[shift.staff, monday] = random.random() < world.leave_week
            if weeks[shift.staff, monday]:
                until[shift.staff] = midnight(monday + timedelta(days=7))
                found.append(
                    Absence(shift.staff, midnight(max(monday, first)), until[shift.staff], LEAVE)
                )
                continue
        if random.random() < world.sick_shift:
            back = midnight(day + timedelta(days=random.choice(world.sick_days)))
            until[shift.staff] = max(back, shift.ends_at)
            found.append(Absence(shift.staff, shift.starts_at, until[shift.staff], SICK))
    return tuple(found)


@dataclass(slots=True)
class _Line:
    starts: list[datetime]
    shifts: list[Shift]


class Staffing:
    """Shifts and absences, looked up by person, team and instant."""

    def __init__(self, shifts: Iterable[Shift], absences: Iterable[Absence]) -> None:
        self.shifts = tuple(sorted(shifts, key=lambda each: (each.starts_at, each.staff)))
        self.absences = tuple(absences)
        self._starts = [shift.starts_at for shift in self.shifts]
        self._longest = max(
            (shift.ends_at - shift.starts_at for shift in self.shifts), default=timedelta(0)
        )
        self._lines: dict[str, _Line] = {}
        for shift in self.shifts:
            line = self._lines.setdefault(shift.staff, _Line([], []))
            line.starts.append(shift.starts_at)
            line.shifts.append(shift)
        self._away: dict[str, list[Absence]] = {}
        for absence in self.absences:
            self._away.setdefault(absence.staff, []).append(absence)
        self._kept: tuple[tuple[datetime, datetime, datetime], Rota] | None = None

    def shift_of(self, staff: str, at: datetime) -> Shift | None:
        """Return the shift that somebody really works at an instant."""
        line = self._lines.get(staff)
        if line is None:
            return None
        place = bisect_right(line.starts, at) - 1
        if place < 0 or at >= line.shifts[place].ends_at or self.is_away(staff, at):
            return None
        return line.shifts[place]

    def shifts_at(self, at: datetime) -> list[Shift]:
        """Return the shifts that are really worked at an instant."""
        first = bisect_right(self._starts, at - self._longest)
        last = bisect_right(self._starts, at)
        return [
            each
            for each in self.shifts[first:last]
            if at < each.ends_at and not self.is_away(each.staff, at)
        ]

    def is_away(self, staff: str, at: datetime) -> bool:
        return any(
            each.starts_at <= at and (each.ends_at is None or at < each.ends_at)
            for each in self._away.get(staff, ())
        )

    def worked(self) -> Iterator[Shift]:
        """Yield the shifts that are worked: whoever is away at its start does not work it."""
        for shift in self.shifts:
            if not self.is_away(shift.staff, shift.starts_at):
                yield shift

    def next_start(self, team: str, after: datetime) -> datetime | None:
        """Return when the next shift of a team starts, absences that are known left out."""
        for shift in self.shifts[bisect_right(self._starts, after) :]:
            if shift.team == team:
                return shift.starts_at
        return None

    def rota(self, start: datetime, end: datetime, now: datetime) -> Rota:
        """Return the rota of a span as it is known now: sickness is known when it begins."""
        key = (start, end, now)
        if self._kept is None or self._kept[0] != key:
            first = bisect_right(self._starts, start - self._longest)
            last = bisect_right(self._starts, max(end, start))
            touching = [each for each in self.shifts[first:last] if each.ends_at > start]
            here = {each.staff for each in touching}
            away = [
                each
                for staff in here
                for each in self._away.get(staff, ())
                if each.reason == LEAVE or each.starts_at <= now
            ]
            self._kept = (key, Rota(tuple(touching), tuple(away)))
        return self._kept[1]
