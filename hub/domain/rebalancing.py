"""Sharing a team's open work out afresh: what is asked, what an answer costs, when it is valid.

Source: the care model, section 5; the design, decision 6. The filters and the points are those of
routing (``hub.domain.routing_fit``). Here nothing is searched: a solver proposes, and these rules
say of any answer, whoever found it, whether it is allowed and what it is worth.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Weights:
    """What counts against an answer, in the points of the routing score. Whole numbers only."""

    late: int = 3_000
    """A routine task with somebody who cannot begin it before it is due."""
    late_urgent: int = 9_000
    waiting: int = 1_000
    """A task that stays in a pool, or with somebody who is away."""
    over_minute: int = 25
    """A minute past the room of somebody's day."""
    over_point: int = 100
    """A point past the points of somebody's day."""
    move: int = 150
    """A change of owner: nothing moves for nothing."""
    move_begun: int = 300
    """What it costs beside, where the owner had accepted it already."""
    fullest: int = 20
    """A percent of the fullest day of those at work: fairness."""


@dataclass(frozen=True, slots=True)
class Person:
    """One member of the team, and the part of their day that the plan does not touch."""

    staff: str
    """``Practitioner/<id>``"""
    name: str
    room_minutes: int
    fixed_minutes: int = 0
    """Given for today beside the tasks of the plan."""
    room_points: int | None = None
    """None: points do not bind them."""
    fixed_points: int = 0
    at_work: bool = True
    """On shift now, or when the service opens next; else no work is given to them."""


@dataclass(frozen=True, slots=True)
class Option:
    """One owner that a task may have."""

    owner: str
    """``Practitioner/<id>``, or whoever has it now."""
    points: int = 0
    """The routing score without its part for the load: that changes with the answer."""
    parts: tuple[tuple[str, int], ...] = ()
    """The parts that the points are made of."""
    late: bool = False
    """Cannot begin it before it is due."""


@dataclass(frozen=True, slots=True)
class Work:
    """One open task of the team. The first option is that it stays with whoever has it."""

    task_id: str
    version: int
    """Version of the Task that was seen."""
    options: tuple[Option, ...]
    minutes: int
    points: int = 0
    urgent: bool = False
    by_clock: bool = False
    """Given by its clock: a plan gives nobody two of them, what is before them was counted once."""
    begun: bool = False
    """Accepted or started: moves only where its owner cannot do it."""
    counted: bool = True
    """Whether it counts for today while it stays; to a new owner it is given today."""
    waiting: bool = False
    """A pool has it, or somebody who is away."""
    due_at: datetime | None = None

    @property
    def owner(self) -> str:
        return self.options[0].owner


@dataclass(frozen=True)
class Problem:
    """What is asked: the tasks of a team, who may do each, the room of everybody's day."""

    people: tuple[Person, ...]
    work: tuple[Work, ...]
    urgent_minutes: int = 0
    """How far past the room of a day those may go who are given urgent work only."""
    urgent_points: int = 0
    weights: Weights = Weights()

    @cached_property
    def before(self) -> "Loads":
        return loads(self, tuple(each.owner for each in self.work))

    @cached_property
    def over(self) -> frozenset[str]:
        """Those whose day is over its room before anything moves: nothing is given to them."""
        return frozenset(
            each.staff
            for each in self.people
            if self.before.over_minutes(each) or self.before.over_points(each)
        )

    @cached_property
    def allowed(self) -> tuple[tuple[Option, ...], ...]:
        """The options of each task that the rules leave, the present owner first."""
        takes = {each.staff for each in self.people if each.at_work} - self.over
        return tuple(
            (
                each.options[0],
                *(option for option in each.options[1:] if option.owner in takes),
            )
            if may_move(self, each)
            else each.options[:1]
            for each in self.work
        )


@dataclass(frozen=True, slots=True)
class Loads:
    """Minutes and points of everybody's day under one answer."""

    minutes: Mapping[str, int]
    points: Mapping[str, int]

    def over_minutes(self, person: Person) -> int:
        return max(self.minutes[person.staff] - person.room_minutes, 0)

    def over_points(self, person: Person) -> int:
        if person.room_points is None:
            return 0
        return max(self.points[person.staff] - person.room_points, 0)

    def percent(self, person: Person) -> int:
        """Return how full the day is, rounded up."""
        return -(-100 * self.minutes[person.staff] // max(person.room_minutes, 1))


def may_move(problem: Problem, work: Work) -> bool:
    """Tell whether a task may leave its owner.

    What somebody has begun stays theirs, unless they are away, over their room, or cannot begin it
    before it is due.
    """
    return not work.begun or work.waiting or work.options[0].late or work.owner in problem.over


def loads(problem: Problem, owners: Sequence[str]) -> Loads:
    """Return everybody's day when ``owners`` have the tasks, in the order of ``problem.work``."""
    minutes = Counter({each.staff: each.fixed_minutes for each in problem.people})
    points = Counter({each.staff: each.fixed_points for each in problem.people})
    for work, owner in zip(problem.work, owners, strict=True):
        if work.counted or owner != work.owner:
            minutes[owner] += work.minutes
            points[owner] += work.points
    return Loads(minutes, points)


def faults(problem: Problem, owners: Sequence[str]) -> list[str]:
    """Return what is wrong with an answer, in words; empty: it may be offered to a person."""
    if len(owners) != len(problem.work):
        return [f"{len(owners)} owners for {len(problem.work)} tasks"]
    found = []
    given: dict[str, list[Work]] = {}
    for work, owner in zip(problem.work, owners, strict=True):
        if owner == work.owner:
            continue
        given.setdefault(owner, []).append(work)
        if owner not in {option.owner for option in work.options}:
            found.append(f"Task/{work.task_id}: a filter bars {owner}")
        if not may_move(problem, work):
            found.append(f"Task/{work.task_id}: begun, and {work.owner} can do it")
    people = {each.staff: each for each in problem.people}
    after = loads(problem, owners)
    for staff, works in sorted(given.items()):
        if staff in people:
            found += _of_receiver(problem, people[staff], works, after)
        else:
            found.append(f"{staff} is not of the team")
    return found


def _of_receiver(
    problem: Problem, person: Person, works: Sequence[Work], after: Loads
) -> list[str]:
    found = []
    if not person.at_work:
        found.append(f"{person.staff} is not at work")
    if person.staff in problem.over:
        found.append(f"{person.staff} was over their room before")
    if sum(each.by_clock for each in works) > 1:
        found.append(f"{person.staff} is given two tasks by their clocks")
    urgent_only = all(each.urgent for each in works)
    if after.over_minutes(person) > (problem.urgent_minutes if urgent_only else 0):
        found.append(f"{person.staff} has no minutes left for what is given")
    if after.over_points(person) > (problem.urgent_points if urgent_only else 0):
        found.append(f"{person.staff} has no points left for what is given")
    return found


def stay_cost(problem: Problem, work: Work) -> int:
    """Return what it costs that a task stays."""
    return option_cost(problem, work, work.options[0]) + problem.weights.waiting * work.waiting


def move_cost(problem: Problem, work: Work, option: Option) -> int:
    """Return what it costs that a task goes to another owner."""
    begun = problem.weights.move_begun if work.begun else 0
    return option_cost(problem, work, option) + problem.weights.move + begun


def option_cost(problem: Problem, work: Work, option: Option) -> int:
    weights = problem.weights
    late = weights.late_urgent if work.urgent else weights.late
    return late * option.late - option.points


def cost(problem: Problem, owners: Sequence[str]) -> int:
    """Return what an answer costs; the best one costs least. Counted here for any answer."""
    total = 0
    for work, owner in zip(problem.work, owners, strict=True):
        if owner == work.owner:
            total += stay_cost(problem, work)
        else:
            option = next(each for each in work.options[1:] if each.owner == owner)
            total += move_cost(problem, work, option)
    after, weights = loads(problem, owners), problem.weights
    for person in problem.people:
        total += weights.over_minute * after.over_minutes(person)
        total += weights.over_point * after.over_points(person)
    return total + weights.fullest * fullest(problem, after)


def fullest(problem: Problem, after: Loads) -> int:
    """Return the percent of the fullest day of those at work."""
    return max((after.percent(each) for each in problem.people if each.at_work), default=0)
