"""Playing drawn weeks under one policy: routing, visits, travel, absence, breach; in seconds.

Discrete events in the order of their instants. Everybody works their own list in the same order
under every policy: urgent first, then what is due soonest, and nothing that would not end before
the shift does (urgent work may run over by as much as the hub's policy allows).
"""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from hub.domain.rota import Absence, Shift
from hub.domain.routing import Level
from hub.samples.simulation.cases import Case, Weeks
from hub.samples.simulation.policies import Policy
from hub.samples.simulation.state import End, Progress, State

_AGAIN_URGENT = timedelta(hours=1)
_AGAIN_ROUTINE = timedelta(hours=20)
"""When somebody whose door stayed closed is tried again."""


@dataclass(frozen=True, slots=True)
class Played:
    """The end of a run."""

    drawn: Weeks
    progress: tuple[Progress, ...]
    minutes: dict[str, float]
    """Staff -> minutes of visits and travel."""
    desk: int
    """Decisions that found nobody and left the work with a desk."""


def play(drawn: Weeks, policy: Policy) -> Played:
    """Play the weeks to the end of the drain."""
    return _Run(drawn, policy).run()


class _Run:
    def __init__(self, drawn: Weeks, policy: Policy) -> None:
        self._drawn = drawn
        self._policy = policy
        self._state = State(drawn)
        self._events: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._busy: dict[str, datetime] = {}
        self._place: dict[str, str | None] = {
            f"Practitioner/{each.username}": each.areas[0] if each.areas else None
            for each in drawn.definition.staff.values()
        }
        self._minutes: dict[str, float] = {}
        self._turn = itertools.count(1)
        self._desk = 0
        self._overrun = timedelta(minutes=drawn.definition.routing.urgent_overrun_minutes)
        ooh = drawn.definition.spor.out_of_hours_desk
        self._night_desk = f"CareTeam/{ooh}"

    def run(self) -> Played:
        for case in self._drawn.cases:
            self._at(case.ready, partial(self._route, case))
            self._at(case.due, partial(self._breach, case))
            if case.withdrawn_at is not None:
                self._at(case.withdrawn_at, partial(self._withdraw, case))
        for absence in self._drawn.staffing.absences:
            self._at(absence.starts_at, partial(self._rehome, absence))
        for shift in self._drawn.staffing.worked():
            self._at(shift.starts_at, partial(self._begin_shift, shift))
        while self._events:
            self._state.now, _, act = heapq.heappop(self._events)
            act()
        return Played(self._drawn, tuple(self._state.progress.values()), self._minutes, self._desk)

    def _at(self, at: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (at, next(self._order), act))

    # Giving work ---------------------------------------------------------------------------

    def _route(self, case: Case) -> None:
        progress = self._state.progress[case.number]
        if not progress.is_open or progress.visited:
            return
        choice = self._policy(self._state, case)
        self._give(progress, choice.owner)
        if choice.owner.startswith("Practitioner/"):
            self._state.given[choice.owner] = next(self._turn)
            if case.declined and not progress.refused:
                after = timedelta(minutes=self._drawn.world.declined_after)
                self._at(self._state.now + after, partial(self._decline, case, choice.owner))
            self._wake(choice.owner)
            return
        self._desk += 1
        if choice.level is Level.OUT_OF_HOURS:
            self._wake_team(choice.owner)
        # The desk bridges: the team is asked again when its next shift begins.
        again = self._drawn.staffing.next_start(f"CareTeam/{case.service.team}", self._state.now)
        if again is not None:
            self._at(again, partial(self._ask_again, case, choice.owner))

    def _give(self, progress: Progress, owner: str | None) -> None:
        number = progress.case.number
        if progress.owner is not None:
            self._state.lists[progress.owner].pop(number, None)
        progress.owner = owner
        if owner is not None:
            self._state.lists[owner][number] = self._state.now
            progress.owners.append(owner)

    def _ask_again(self, case: Case, desk: str) -> None:
        if self._state.progress[case.number].owner == desk:
            self._route(case)

    def _decline(self, case: Case, staff: str) -> None:
        progress = self._state.progress[case.number]
        if progress.owner == staff and progress.is_open and not progress.visited:
            progress.refused.add(staff)
            self._route(case)

    def _breach(self, case: Case) -> None:
        progress = self._state.progress[case.number]
        if not progress.is_open or progress.visited or progress.owner is None:
            return
        if progress.owner.startswith("Practitioner/"):
            progress.refused.add(progress.owner)
        self._route(case)

    def _rehome(self, absence: Absence) -> None:
        moved = [self._state.progress[number] for number in self._state.lists[absence.staff]]
        moved.sort(key=_urgency)
        for progress in moved:
            self._route(progress.case)

    def _withdraw(self, case: Case) -> None:
        progress = self._state.progress[case.number]
        if progress.is_open and not progress.visited:
            self._give(progress, None)
            progress.end = End.WITHDRAWN

    # Doing work ----------------------------------------------------------------------------

    def _begin_shift(self, shift: Shift) -> None:
        self._wake(shift.staff)

    def _wake_team(self, team: str) -> None:
        code = team.removeprefix("CareTeam/")
        for person in self._drawn.definition.members(code):
            self._wake(f"Practitioner/{person.username}")

    def _wake(self, staff: str) -> None:
        """Let somebody who is at work and not with anybody begin their next visit."""
        now = self._state.now
        if self._busy.get(staff, now) > now:
            return
        shift = self._drawn.staffing.shift_of(staff, now)
        if shift is None:
            return
        waiting = [self._state.progress[number] for number in self._state.lists[staff]]
        if shift.team == self._night_desk:
            pool = self._state.lists[shift.team]
            waiting += [self._state.progress[number] for number in pool]
        for progress in sorted(waiting, key=_urgency):
            if progress.visited:
                continue
            if progress.may_begin is not None and progress.may_begin > now:
                continue
            case = progress.case
            travel = timedelta(
                minutes=self._drawn.world.travel(self._place[staff], case.person.area)
            )
            length = timedelta(minutes=case.visits[progress.attempt])
            latest = shift.ends_at + (self._overrun if case.urgent else timedelta(0))
            if now + travel + length <= latest:
                self._visit(staff, progress, travel, length)
                return

    def _visit(self, staff: str, progress: Progress, travel: timedelta, length: timedelta) -> None:
        now = self._state.now
        if progress.owner != staff:
            self._give(progress, staff)
        progress.visited = True
        self._place[staff] = progress.case.person.area
        self._busy[staff] = now + travel + length
        self._minutes[staff] = self._minutes.get(staff, 0) + (travel + length).total_seconds() / 60
        self._at(self._busy[staff], partial(self._end_visit, staff, progress, length))

    def _end_visit(self, staff: str, progress: Progress, length: timedelta) -> None:
        now, case = self._state.now, progress.case
        progress.visited = False
        progress.attempt += 1
        if progress.attempt < len(case.visits):
            progress.may_begin = now + (_AGAIN_URGENT if case.urgent else _AGAIN_ROUTINE)
            self._at(progress.may_begin, partial(self._try_again, progress))
            if self._state.drawn.staffing.is_away(staff, now):
                self._route(case)
        else:
            progress.begun = now - length
            progress.done_at, progress.done_by, progress.end = now, staff, End.DONE
            self._give(progress, None)
            self._state.worked[staff][self._state.today()] += case.minutes
            self._state.see(case, staff)
        self._wake(staff)

    def _try_again(self, progress: Progress) -> None:
        if progress.owner is not None and progress.owner.startswith("Practitioner/"):
            self._wake(progress.owner)


def _urgency(progress: Progress) -> tuple[bool, datetime, int]:
    """Return the order in which a list is worked: urgent, then due, then number."""
    case = progress.case
    return (not case.urgent, case.due, case.number)
