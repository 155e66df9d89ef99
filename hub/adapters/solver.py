"""The exact solver HiGHS (MIT licence, https://highs.dev): an optimal answer with its proof.

One thread, a fixed seed and rows in a fixed order: the same problem gives the same answer, unless
the time limit cuts the search short. The model is that of ``hub.domain.rebalancing``; the answer is
judged there again by its own rules, and counted there again.
"""

from dataclasses import dataclass

import highspy

from hub.domain import rebalancing
from hub.domain.rebalancing import Person, Problem

SECONDS = 8.0
"""Limit of one search."""


class SolverError(RuntimeError):
    """The solver refused the model or its settings: a fault of ours."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the search found."""

    owners: tuple[str, ...]
    """Owner of each task, in the order of ``problem.work``."""
    cost: int
    bound: int
    """No answer costs less than this."""
    proven: bool
    """Nothing better exists; else the time was up."""
    seconds: float

    @property
    def gap(self) -> int:
        """Return the points by which a better answer may exist at the most."""
        return self.cost - self.bound


def solve(problem: Problem, *, seconds: float = SECONDS) -> Answer:
    """Return the best answer found in ``seconds``: at the worst, that everything stays.

    Raises SolverError when nothing was searched at all.
    """
    model = _Model(problem)
    stays = tuple(each.owner for each in problem.work)
    solver = model.highs
    solver.setOptionValue("time_limit", seconds)
    if problem.work and solver.run() == highspy.HighsStatus.kError:
        # Not "everything stays": that would look like an answer.
        raise SolverError("the solver did not run: its threads are set for the whole process")
    found = model.owners() if problem.work else None
    costs = {each: rebalancing.cost(problem, each) for each in (stays, found) if each is not None}
    # Of equal answers the one that moves nothing.
    best = min(costs, key=lambda each: (costs[each], each != stays))
    status = solver.getModelStatus()
    proven = not problem.work or status == highspy.HighsModelStatus.kOptimal
    bound = costs[best] if proven else _whole(solver.getInfo().mip_dual_bound, costs[best])
    return Answer(best, costs[best], bound, proven or bound == costs[best], solver.getRunTime())


def _whole(bound: float, cost: int) -> int:
    """Return the bound as the whole number of points that no answer goes below."""
    if not abs(bound) < highspy.kHighsInf:
        # Nothing is known yet: every saving at once is more than any answer has.
        return cost - 10**9
    return min(int(-(-(bound - 1e-6) // 1)), cost)


class _Model:
    """The columns and rows of a problem."""

    def __init__(self, problem: Problem) -> None:
        self.highs = highspy.Highs()  # type: ignore[no-untyped-call]
        settings: dict[str, bool | float | str] = {
            "output_flag": False,
            "threads": 1,
            "parallel": "off",
            "random_seed": 0,
            # Every cost is a whole number: less than one apart is the same.
            "mip_rel_gap": 0.0,
            "mip_abs_gap": 0.99,
        }
        for name, value in settings.items():
            self.highs.setOptionValue(name, value)
        self._problem = problem
        self._at: list[list[tuple[int, str]]] = []
        """Column and owner of each option that is left, task by task."""
        self._columns = 0
        given: dict[str, list[tuple[int, int]]] = {each.staff: [] for each in problem.people}
        """Per person (position of the task, column)."""
        for place, (work, options) in enumerate(zip(problem.work, problem.allowed, strict=True)):
            row = []
            for option in options:
                stays = option is options[0]
                points = (
                    rebalancing.stay_cost(problem, work)
                    if stays
                    else rebalancing.move_cost(problem, work, option)
                )
                column = self._column(points, 1)
                row.append((column, option.owner))
                if option.owner in given:
                    given[option.owner].append((place, column))
            self._at.append(row)
            self._row(1, 1, [(column, 1) for column, _ in row])
        self._fullest = self._column(problem.weights.fullest, highspy.kHighsInf)
        for person in problem.people:
            self._person(person, given[person.staff])

    def owners(self) -> tuple[str, ...] | None:
        """Return the owner of each task; None while no answer was found."""
        status = self.highs.getInfo().primal_solution_status
        if status != highspy.SolutionStatus.kSolutionStatusFeasible.value:
            return None
        values = self.highs.getSolution().col_value
        return tuple(max(row, key=lambda each: values[each[0]])[1] for row in self._at)

    def _person(self, person: Person, given: list[tuple[int, int]]) -> None:
        problem = self._problem
        staying = [(p, c) for p, c in given if problem.work[p].owner == person.staff]
        coming = [(p, c) for p, c in given if problem.work[p].owner != person.staff]
        counts = [(p, c) for p, c in staying if problem.work[p].counted] + coming
        minutes = [(c, problem.work[p].minutes) for p, c in counts]
        points = [(c, problem.work[p].points) for p, c in counts]
        routine = [(p, c) for p, c in coming if not problem.work[p].urgent]
        # Who was over before is given nothing: their row only counts what is left over.
        was_over = person.staff in problem.over
        gate = self._column(0, 1) if routine and not was_over else None
        if gate is not None:
            # 1 once any routine work is given: then the day ends at its room. By minutes, not by
            # heads: the bound is far tighter. Work of no minutes counts one, and has room for it.
            weights = [(c, problem.work[p].minutes or 1) for p, c in routine]
            free = max(person.room_minutes - person.fixed_minutes, 0)
            free += sum(problem.work[p].minutes == 0 for p, _ in routine)
            self._row(-highspy.kHighsInf, 0, [*weights, (gate, -free)])
        self._room(
            minutes, person.room_minutes - person.fixed_minutes,
            problem.weights.over_minute, None if was_over else problem.urgent_minutes, gate,
        )  # fmt: skip
        if person.room_points is not None:
            self._room(
                points, person.room_points - person.fixed_points,
                problem.weights.over_point, None if was_over else problem.urgent_points, gate,
            )  # fmt: skip
        clocks = [(c, 1) for p, c in coming if problem.work[p].by_clock]
        if len(clocks) > 1:
            self._row(-highspy.kHighsInf, 1, clocks)
        if person.at_work:
            # 100 * minutes <= percent * room
            room = max(person.room_minutes, 1)
            self._row(
                -highspy.kHighsInf,
                -100 * person.fixed_minutes,
                [*((c, 100 * m) for c, m in minutes), (self._fullest, -room)],
            )

    def _room(
        self,
        used: list[tuple[int, int]],
        room: int,
        price: int,
        most: int | None,
        gate: int | None,
    ) -> None:
        """Add the row ``used <= room + over``, where ``over`` has a price and may have a limit."""
        over = self._column(price, highspy.kHighsInf if most is None else most, whole=False)
        self._row(-highspy.kHighsInf, room, [*used, (over, -1)])
        if most and gate is not None:
            self._row(-highspy.kHighsInf, most, [(over, 1), (gate, most)])

    def _column(self, price: float, upper: float, *, whole: bool = True) -> int:
        self.highs.addCol(price, 0, upper, 0, [], [])
        column = self._columns
        self._columns += 1
        if whole:
            self.highs.changeColIntegrality(column, highspy.HighsVarType.kInteger)
        return column

    def _row(self, lower: float, upper: float, entries: list[tuple[int, int]]) -> None:
        self.highs.addRow(
            lower, upper, len(entries), [c for c, _ in entries], [v for _, v in entries]
        )
