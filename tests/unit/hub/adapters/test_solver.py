"""The solver against every answer there is: nothing cheaper exists, and its bound holds."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.adapters import solver
from hub.domain import rebalancing
from hub.domain.rebalancing import Option, Person, Problem, Work
from tests.bench.rebalancing import world

STAFF = ("Practitioner/a", "Practitioner/b", "Practitioner/c")


@st.composite
def small_worlds(draw: st.DrawFn) -> Problem:
    people = tuple(
        Person(
            staff=who,
            name=who[-1],
            room_minutes=draw(st.sampled_from([60, 90, 120])),
            fixed_minutes=draw(st.sampled_from([0, 30, 80])),
            room_points=draw(st.sampled_from([None, 4, 8])),
            fixed_points=draw(st.sampled_from([0, 3])),
            at_work=draw(st.sampled_from([True, True, False])),
        )
        for who in STAFF
    )
    option = st.builds(
        Option,
        owner=st.just(""),
        points=st.sampled_from([0, 120, 400, 410]),
        late=st.sampled_from([False, False, True]),
    )
    work = []
    for number in range(draw(st.integers(1, 5))):
        owner = draw(st.sampled_from([*STAFF, STAFF[0], "CareTeam/pool"]))
        others = draw(st.lists(st.sampled_from(STAFF), unique=True))
        urgent = draw(st.booleans())
        work.append(
            Work(
                task_id=str(number),
                version=1,
                options=tuple(
                    Option(who, made.points, (), late=made.late)
                    for who in (owner, *(each for each in others if each != owner))
                    for made in [draw(option)]
                ),
                minutes=draw(st.sampled_from([0, 20, 45, 60])),
                points=draw(st.sampled_from([0, 2, 4])),
                urgent=urgent,
                by_clock=urgent and draw(st.booleans()),
                begun=draw(st.booleans()),
                counted=draw(st.booleans()),
                waiting=owner.startswith("CareTeam/") or draw(st.booleans()),
            )
        )
    return Problem(people, tuple(work), urgent_minutes=draw(st.sampled_from([0, 30])))


@settings(max_examples=150, deadline=None)
@given(small_worlds())
def test_no_allowed_answer_costs_less_than_the_one_that_is_offered(problem: Problem) -> None:
    answer = solver.solve(problem)

    every = itertools.product(*({o.owner: o for o in each.options} for each in problem.work))
    cheapest = min(
        rebalancing.cost(problem, owners)
        for owners in every
        if not rebalancing.faults(problem, owners)
    )
    assert rebalancing.faults(problem, answer.owners) == []
    assert rebalancing.cost(problem, answer.owners) == answer.cost == cheapest
    assert answer.proven
    assert answer.bound == cheapest


def test_a_plan_for_sixty_people_and_four_hundred_tasks_is_found_and_valid() -> None:
    problem = world(60, 400, seed=0)
    answer = solver.solve(problem)

    assert rebalancing.faults(problem, answer.owners) == []
    assert answer.cost < rebalancing.cost(problem, [each.owner for each in problem.work])
    assert answer.bound <= answer.cost


def test_the_same_problem_gives_the_same_answer() -> None:
    problem = world(12, 40, seed=4)
    first, second = solver.solve(problem), solver.solve(problem)

    assert first.proven
    assert (first.owners, first.cost) == (second.owners, second.cost)


def test_without_time_everything_stays_and_the_bound_is_true() -> None:
    problem = world(20, 100, seed=1)
    cut, best = solver.solve(problem, seconds=0.0), solver.solve(world(20, 100, seed=1))

    assert rebalancing.faults(problem, cut.owners) == []
    assert not cut.proven
    assert cut.bound <= best.cost <= cut.cost
    assert cut.owners == tuple(each.owner for each in problem.work)


def test_nothing_to_share_out_is_an_answer() -> None:
    answer = solver.solve(Problem((), ()))

    assert (answer.owners, answer.cost, answer.proven) == ((), 0, True)
