"""What stands at one instant of the simulated weeks, and what the hub's rules see of it."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise

from hub.domain import calendars, routing, routing_clock
from hub.domain.routing import Candidate, Decision, Priority, RoutingTask
from hub.domain.staffing import StaffMember
from hub.samples.simulation.cases import Case, Weeks

FAIRNESS_DAYS = 28
"""As the hub itself counts (``hub.services.situation``)."""


class End(StrEnum):
    """Where a case stands at last; exactly one of these."""

    DONE = "done"
    WITHDRAWN = "withdrawn"
    OPEN = "open"
    """Not done when the run ends."""


@dataclass(slots=True)
class Progress:
    """What became of one case under one policy."""

    case: Case
    owner: str | None = None
    owners: list[str] = field(default_factory=list)
    """Everybody who had it, in order: people and teams."""
    refused: set[str] = field(default_factory=set)
    attempt: int = 0
    may_begin: datetime | None = None
    """Not before this: nobody was at home."""
    begun: datetime | None = None
    """First contact (UTC)."""
    visited: bool = False
    """Somebody is on the way or with the person now."""
    done_at: datetime | None = None
    done_by: str | None = None
    end: End = End.OPEN
    had_seen: bool = False
    """Somebody of the team had seen the person before."""
    same_worker: bool = False

    @property
    def is_open(self) -> bool:
        return self.end is End.OPEN

    @property
    def in_time(self) -> bool:
        """Somebody was at the door before the clock ran out: what the national clocks ask."""
        return self.begun is not None and self.begun <= self.case.due

    @property
    def hand_offs(self) -> int:
        """Moves from one person to another."""
        people = [each for each in self.owners if each.startswith("Practitioner/")]
        return sum(before != after for before, after in pairwise(people))


class State:
    """Open work, loads and who saw whom."""

    def __init__(self, drawn: Weeks) -> None:
        self.drawn = drawn
        self.definition = drawn.definition
        self.now = datetime.combine(drawn.span.first, time(0), UTC)
        self.lists: dict[str, dict[int, datetime]] = defaultdict(dict)
        """Owner -> case number -> since when."""
        self.progress = {case.number: Progress(case) for case in drawn.cases}
        self.given: dict[str, int] = defaultdict(int)
        """Staff -> order of the last gift, for who takes turns."""
        self.worked: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
        """Staff -> local day -> minutes of work done, as the hub counts its size."""
        self._seen: dict[tuple[int, str], date] = {}
        """Person and staff, or person and team -> last contact."""
        self._here = calendars.zone(self.definition.time_zone)

    def today(self) -> date:
        return self.now.astimezone(self._here).date()

    def decide(self, case: Case, *, capacity: bool) -> Decision:
        """Ask the hub's own decision. Without ``capacity`` nobody is ever full or too late."""
        task = self._task(case)
        calendar = self.definition.calendars[case.service.calendar]
        start, end = routing.opening_for(calendar, self.now)
        policy = self.definition.routing
        if not capacity:
            policy = replace(policy, by_clock=False)
        return routing.decide(
            task,
            [
                self._candidate(person, team, case, capacity=capacity)
                for team in (task.team, *task.neighbours)
                for person in self.definition.members(team.removeprefix("CareTeam/"))
            ],
            self.drawn.staffing.rota(start, end, self.now),
            calendar,
            policy,
            self.now,
        )

    def open_minutes(self, staff: str) -> int:
        return sum(self.progress[number].case.minutes for number in self.lists[staff])

    def see(self, case: Case, staff: str) -> None:
        """Note a contact, and whether it was the same worker as before."""
        team = f"CareTeam/{case.service.team}"
        person = case.person.number
        progress = self.progress[case.number]
        progress.had_seen = (person, team) in self._seen
        progress.same_worker = (person, staff) in self._seen
        self._seen[person, staff] = self._seen[person, team] = self.today()

    def _task(self, case: Case) -> RoutingTask:
        team = self.definition.teams[case.service.team]
        return RoutingTask(
            id=str(case.number),
            team=f"CareTeam/{team.code}",
            desk=f"CareTeam/{team.desk or team.code}",
            priority=Priority.URGENT if case.urgent else Priority.ROUTINE,
            roles=frozenset(case.service.roles),
            skills=frozenset(case.service.skills),
            neighbours=tuple(f"CareTeam/{code}" for code in team.neighbours),
            out_of_hours_desk=f"CareTeam/{self.definition.spor.out_of_hours_desk}",
            due_at=case.due,
            minutes=case.minutes,
            place=case.person.area,
            language=case.person.language,
            refused_by=frozenset(self.progress[case.number].refused),
        )

    def _candidate(
        self, person: StaffMember, team: str, case: Case, *, capacity: bool
    ) -> Candidate:
        staff = f"Practitioner/{person.username}"
        today = self.today()
        tomorrow = datetime.combine(today + timedelta(days=1), time(0), self._here)
        midnight = datetime.combine(today, time(0), self._here)
        minutes = self.worked[staff][today]
        urgent: list[tuple[datetime | None, int]] = []
        for number, since in self.lists[staff].items():
            other = self.progress[number].case
            if other.urgent:
                urgent.append((other.due, other.minutes))
            if since >= midnight or other.due < tomorrow:
                minutes += other.minutes
        oldest = today - timedelta(days=FAIRNESS_DAYS)
        return Candidate(
            staff=staff,
            name=person.name,
            team=team,
            role=person.role,
            skills=frozenset(person.skills),
            areas=frozenset(person.areas),
            languages=frozenset(person.languages),
            gender=person.gender,
            capacity_minutes=person.capacity_minutes if capacity else 1_000_000,
            load_minutes=minutes,
            open_urgent=len(urgent),
            ahead_minutes=routing_clock.ahead_minutes(self.definition.routing, case.due, urgent),
            recent_minutes=sum(
                done for day, done in self.worked[staff].items() if oldest <= day < today
            ),
            last_saw=self._seen.get((case.person.number, staff)),
            team_saw=self._seen.get((case.person.number, team)),
        )
