"""How many cases anybody at all could have reached in time: a bound by relaxation.

A linear programme (HiGHS): the minutes of each visit are taken from the minutes of those who may
do it, hour by hour for what is urgent, day by day for the rest. It knows no travel, splits visits
as it likes, sees every referral of the span before it comes, and looks only at the cases that are
counted: so no policy can do better, and one that did as well would be perfect.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import highspy

from hub.domain.rota import Shift
from hub.samples.simulation.cases import Case, Weeks

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)

Able = frozenset[tuple[str, bool]]
"""What somebody may do: service and whether urgent. People of the same are one class."""


@dataclass(slots=True)
class _Programme:
    """Columns and rows of the programme; a column costs -1 where it is a case reached in time."""

    upper: list[float] = field(default_factory=list)
    gain: list[float] = field(default_factory=list)
    rows: dict[object, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    limits: dict[object, float] = field(default_factory=dict)
    """Upper limit of a row; rows without one are balances (equal to zero)."""

    def column(self, upper: float, gain: float = 0.0) -> int:
        self.upper.append(upper)
        self.gain.append(gain)
        return len(self.upper) - 1

    def maximum(self) -> float:
        if not self.upper:
            return 0.0
        with _told_to_stderr():
            solver = highspy.Highs()  # type: ignore[no-untyped-call]
            # The threads are the process's, not the instance's: as hub.adapters.solver asks.
            solver.setOptionValue("threads", 1)
        solver.silent()
        solver.addVars(len(self.upper), [0.0] * len(self.upper), self.upper)
        for column, gain in enumerate(self.gain):
            if gain:
                solver.changeColCost(column, -gain)
        for key, entries in self.rows.items():
            limit = self.limits.get(key)
            low, high = (0.0, 0.0) if limit is None else (-highspy.kHighsInf, limit)
            solver.addRow(low, high, len(entries), list(entries), list(entries.values()))
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise ArithmeticError(f"no bound: {solver.getModelStatus()}")
        return -float(solver.getInfo().objective_function_value)


class Bound:
    """The bound for drawn weeks; ``most`` may be asked for any set of their cases."""

    def __init__(self, drawn: Weeks) -> None:
        self._drawn = drawn
        able = _abilities(drawn)
        self._classes: dict[tuple[str, bool], set[Able]] = defaultdict(set)
        for ability in set(able.values()):
            for each in ability:
                self._classes[each].add(ability)
        self._hours: dict[tuple[Able, int], float] = defaultdict(float)
        self._days: dict[tuple[Able, int], float] = defaultdict(float)
        overrun = timedelta(minutes=drawn.definition.routing.urgent_overrun_minutes)
        for shift in drawn.staffing.shifts:
            if able.get(shift.staff) and self._may_work(shift):
                for hour, minutes in _hours_of(shift.starts_at, shift.ends_at + overrun):
                    self._hours[able[shift.staff], hour] += minutes
                    self._days[able[shift.staff], hour // 24] += minutes

    def most(self, cases: Collection[Case]) -> float:
        """Return how many of the cases can be reached in time at most."""
        programme = _Programme()
        for case in cases:
            self._add(programme, case)
        return programme.maximum()

    def _may_work(self, shift: Shift) -> bool:
        staffing = self._drawn.staffing
        last = shift.ends_at - timedelta(minutes=1)
        return not (
            staffing.is_away(shift.staff, shift.starts_at) and staffing.is_away(shift.staff, last)
        )

    def _add(self, programme: _Programme, case: Case) -> None:
        kind = (case.service.code, case.urgent)
        first = _hour(case.ready)
        last = _hour(case.due + timedelta(minutes=case.visits[-1]))
        if not case.urgent:
            first, last = first // 24, last // 24
        group = (kind, first, last)
        balance = ("balance", *group)
        if balance not in programme.rows:
            self._open_group(programme, balance, kind, first, last)
        reached = programme.column(1.0, gain=1.0)
        programme.rows[balance][reached] = -float(sum(case.visits))

    def _open_group(
        self, programme: _Programme, balance: object, kind: tuple[str, bool], first: int, last: int
    ) -> None:
        """Let the cases of one kind and one window take minutes from everybody who may."""
        room = self._hours if kind[1] else self._days
        programme.rows[balance] = {}
        for slot in range(first, last + 1):
            for ability in self._classes[kind]:
                minutes = room.get((ability, slot), 0.0)
                if not minutes:
                    continue
                column = programme.column(minutes)
                programme.rows[balance][column] = 1.0
                day = slot
                if kind[1]:
                    day = slot // 24
                    hour = ("hour", ability, slot)
                    programme.rows[hour][column] = 1.0
                    programme.limits[hour] = minutes
                whole = ("day", ability, day)
                programme.rows[whole][column] = 1.0
                programme.limits[whole] = self._days[ability, day]


def _abilities(drawn: Weeks) -> dict[str, Able]:
    """Return what each member of staff may do under any policy: as wide as widening goes."""
    definition = drawn.definition
    found: dict[str, set[tuple[str, bool]]] = defaultdict(set)
    for service in definition.services.values():
        team = definition.teams[service.team]
        for code in (team.code, *team.neighbours):
            for person in definition.members(code):
                fits = not service.roles or person.role in service.roles
                if fits and set(service.skills) <= set(person.skills):
                    found[f"Practitioner/{person.username}"] |= {
                        (service.code, True),
                        (service.code, False),
                    }
        for person in definition.members(definition.spor.out_of_hours_desk):
            found[f"Practitioner/{person.username}"].add((service.code, True))
    return {staff: frozenset(kinds) for staff, kinds in found.items()}


@contextmanager
def _told_to_stderr() -> Iterator[None]:
    """The solver says hello on the process's own stdout, before it can be told to be silent."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _hour(at: datetime) -> int:
    return int(at.timestamp() // 3600)


def _hours_of(start: datetime, end: datetime) -> Iterator[tuple[int, float]]:
    """Yield each hour (since 1970, UTC) of a span with its minutes."""
    while start < end:
        hour = _hour(start)
        until = min(end, datetime.fromtimestamp((hour + 1) * 3600, start.tzinfo))
        yield hour, (until - start).total_seconds() / 60
        start = until
