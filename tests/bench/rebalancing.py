"""``python -m tests.bench.rebalancing``: how long the exact solver takes for a whole service.

60 people and 400 tasks with skills, areas, shifts, points, people seen before and clocks, made from
a seed: usual days, and short-handed ones on which the work does not fit into the day (there the
last points are hard to prove). Prints the seconds of the search, what moves and the proven gap.
"""

import argparse
import random
import time

from hub.adapters import solver
from hub.domain import rebalancing
from hub.domain.rebalancing import Option, Person, Problem, Work

_SKILLS = ("wound-care", "catheter", "insulin", "syringe-driver", "chest", "stroke")
_AREAS = ("westcliff", "leigh", "central", "shoebury", "castle-point", "rochford")


def world(people: int, tasks: int, seed: int, *, present: float = 0.9) -> Problem:
    """Return a service whose work lies where it fell: some days full, some empty, some away."""
    chance = random.Random(seed)
    staff = [f"Practitioner/n{n:03d}" for n in range(people)]
    skills = {each: frozenset(chance.sample(_SKILLS, 3)) for each in staff}
    areas = {each: frozenset(chance.sample(_AREAS, 2)) for each in staff}
    at_work = {each: chance.random() < present for each in staff}
    busy = chance.sample(staff, max(people // 4, 1))
    work = []
    for number in range(tasks):
        skill, area = chance.choice(_SKILLS), chance.choice(_AREAS)
        urgent = chance.random() < 0.15
        pooled = chance.random() < 0.08
        owner = chance.choice(busy if chance.random() < 0.6 else staff)
        seen = set(chance.sample(staff, 2))

        def option(
            who: str, area: str = area, seen: set[str] = seen, *, late: bool = False
        ) -> Option:
            parts = {
                "same_worker": 400 * (who in seen),
                "place": 120 * (area in areas[who]),
                "urgency": chance.randrange(90),
            }
            return Option(
                who, sum(parts.values()), tuple((n, p) for n, p in parts.items() if p), late=late
            )

        stays = Option("CareTeam/pool") if pooled else option(owner, late=chance.random() < 0.05)
        others = tuple(
            option(who) for who in staff if skill in skills[who] and who != owner and at_work[who]
        )
        work.append(
            Work(
                task_id=f"t{number:03d}",
                version=1,
                options=(stays, *others),
                minutes=chance.choice((20, 30, 45, 45, 60)),
                points=chance.choice((2, 4, 4, 6)),
                urgent=urgent,
                by_clock=urgent,
                begun=not pooled and chance.random() < 0.3,
                counted=chance.random() < 0.9,
                waiting=pooled or (not at_work[owner] and chance.random() < 0.5),
            )
        )
    return Problem(
        people=tuple(
            Person(each, f"Nurse {each[-3:]}", 360, chance.randrange(60), 40,
                   chance.randrange(6), at_work[each])
            for each in staff
        ),
        work=tuple(work),
        urgent_minutes=60,
        urgent_points=8,
    )  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.rebalancing")
    arguments.add_argument("--people", type=int, default=60)
    arguments.add_argument("--tasks", type=int, default=400)
    arguments.add_argument("--worlds", type=int, default=5)
    given = arguments.parse_args()
    for day, present in (("usual", 0.9), ("short-handed", 0.7)):
        for seed in range(given.worlds):
            _measure(f"{day} day {seed}", world(given.people, given.tasks, seed, present=present))


def _measure(day: str, problem: Problem) -> None:
    began, processor = time.monotonic(), time.process_time()
    answer = solver.solve(problem)
    took, busy = time.monotonic() - began, time.process_time() - processor
    moved = sum(a != b.owner for a, b in zip(answer.owners, problem.work, strict=True))
    stays = rebalancing.cost(problem, [each.owner for each in problem.work])
    assert rebalancing.faults(problem, answer.owners) == []
    share = 100 * answer.gap / max(stays - answer.bound, 1)
    print(
        f"{day}: {took:.2f} s ({busy:.2f} s of processor time), {moved} of {len(problem.work)}"
        f" move, cost {stays} -> {answer.cost}, gap {answer.gap} points, {share:.2f} % of what"
        f" could be saved ({'proven' if answer.proven else 'time was up'})"
    )


if __name__ == "__main__":
    main()
