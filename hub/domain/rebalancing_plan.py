"""A plan as people read it: each move with its reason, and the day before and after it."""

from collections.abc import Sequence
from dataclasses import dataclass

from hub.domain import rebalancing
from hub.domain.rebalancing import Loads, Option, Person, Problem, Work
from hub.domain.routing_words import PART_WORDS

_MOST_REASONS = 2
_SEEN = "same_worker"


@dataclass(frozen=True, slots=True)
class Move:
    """One line of a plan."""

    work: Work
    to: str
    """``Practitioner/<id>``"""
    why: str
    """One sentence."""
    gain: int
    """Points that the plan is worth less without this line."""


@dataclass(frozen=True, slots=True)
class Totals:
    """A team's day in numbers."""

    over_minutes: int
    """Minutes past the room of all days together."""
    late: int
    """Tasks whose owner cannot begin before they are due."""
    waiting: int
    """Tasks that a pool has, or somebody who is away."""
    seen: int
    """Tasks with somebody who saw the person before."""
    fullest: int
    """Percent of the fullest day of those at work."""
    emptiest: int
    """Percent of the emptiest one."""


def moves(problem: Problem, owners: Sequence[str]) -> tuple[Move, ...]:
    """Return the lines of a plan, the one that is worth most first."""
    after = rebalancing.loads(problem, owners)
    cost = rebalancing.cost(problem, owners)
    found = []
    for place, (work, owner) in enumerate(zip(problem.work, owners, strict=True)):
        if owner == work.owner:
            continue
        without = (*owners[:place], work.owner, *owners[place + 1 :])
        gain = rebalancing.cost(problem, without) - cost
        found.append(Move(work, owner, _why(problem, work, owner, after), gain))
    return tuple(sorted(found, key=lambda each: (-each.gain, each.work.task_id)))


def totals(problem: Problem, owners: Sequence[str]) -> Totals:
    """Return the day under one answer."""
    after = rebalancing.loads(problem, owners)
    chosen = [_chosen(work, owner) for work, owner in zip(problem.work, owners, strict=True)]
    shares = [after.percent(each) for each in problem.people if each.at_work]
    return Totals(
        over_minutes=sum(after.over_minutes(each) for each in problem.people),
        late=sum(each.late for each in chosen),
        waiting=sum(
            work.waiting and owner == work.owner
            for work, owner in zip(problem.work, owners, strict=True)
        ),
        seen=sum(_SEEN in dict(each.parts) for each in chosen),
        fullest=max(shares, default=0),
        emptiest=min(shares, default=0),
    )


def _chosen(work: Work, owner: str) -> Option:
    return next(each for each in work.options if each.owner == owner)


def _why(problem: Problem, work: Work, owner: str, after: Loads) -> str:
    people = {each.staff: each for each in problem.people}
    to = people[owner]
    stays, goes = work.options[0], _chosen(work, owner)
    better = sorted(
        (
            (points - dict(stays.parts).get(part, 0), part)
            for part, points in goes.parts
            if points > dict(stays.parts).get(part, 0)
        ),
        key=lambda each: (-each[0], each[1]),
    )
    reasons = [PART_WORDS.get(part, part) for _, part in better[:_MOST_REASONS]]
    room = (
        f"{to.name} has {after.minutes[owner]} of {to.room_minutes} minutes when the whole plan is"
        " accepted"
    )
    fits = f"; what counts for them: {', '.join(reasons)}" if reasons else ""
    return f"{_from(problem, work, people.get(work.owner), to, goes)}; {room}{fits}"


def _from(problem: Problem, work: Work, had: Person | None, to: Person, goes: Option) -> str:
    name = had.name if had else "who has it"
    if work.owner.startswith("CareTeam/"):
        return "Nobody has it yet"
    if work.waiting:
        return f"{_capital(name)} is away"
    if work.options[0].late and not goes.late:
        return f"{_capital(name)} cannot begin it before it is due"
    if had is not None and (over := problem.before.over_minutes(had)):
        return f"{name} has {over} minutes more than their day has room for"
    if had is not None and (over := problem.before.over_points(had)):
        return f"{name} has {over} points more than their day has room for"
    if goes.points - work.options[0].points > problem.weights.move:
        return f"It fits {to.name} better than {name}"
    return f"It evens out the day: {name} has more to do"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
