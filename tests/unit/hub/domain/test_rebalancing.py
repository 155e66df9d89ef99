"""What an answer to "who should have what?" may be, what it costs, and how it is told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import rebalancing, rebalancing_plan
from hub.domain.rebalancing import Option, Person, Problem, Weights, Work

ANNE, BOB, CARA = "Practitioner/anne", "Practitioner/bob", "Practitioner/cara"
POOL = "CareTeam/pool"


def person(staff: str, **more: object) -> Person:
    return replace(Person(staff, staff.rpartition("/")[2].title(), room_minutes=120), **more)  # type: ignore[arg-type]


def work(task: str, *owners: str, **more: object) -> Work:
    plain = Work(task, 1, tuple(Option(each) for each in owners), minutes=60, points=2)
    return replace(plain, **more)  # type: ignore[arg-type]


def problem(*works: Work, people: tuple[Person, ...] = (), **more: object) -> Problem:
    everybody = people or (person(ANNE), person(BOB), person(CARA))
    return replace(Problem(everybody, works), **more)  # type: ignore[arg-type]


def test_staying_is_always_allowed_and_moving_to_somebody_with_room_is() -> None:
    asked = problem(work("1", ANNE, BOB), work("2", POOL, BOB))
    assert rebalancing.faults(asked, (ANNE, POOL)) == []
    assert rebalancing.faults(asked, (BOB, BOB)) == []


@pytest.mark.parametrize(
    ("people", "works", "owners", "words"),
    [
        ((), [work("1", ANNE, BOB)], (CARA,), "a filter bars Practitioner/cara"),
        ((), [work("1", ANNE, "Practitioner/x")], ("Practitioner/x",), "is not of the team"),
        ((), [work("1", ANNE, BOB, begun=True)], (BOB,), "begun, and Practitioner/anne can"),
        ((person(ANNE), person(BOB, at_work=False)), [work("1", ANNE, BOB)], (BOB,), "not at work"),
        ((person(ANNE), person(BOB, fixed_minutes=61)), [work("1", ANNE, BOB)], (BOB,), "minutes"),
        (
            (person(ANNE), person(BOB, room_points=3, fixed_points=2)),
            [work("1", ANNE, BOB)],
            (BOB,),
            "points",
        ),
        (
            (person(ANNE), person(BOB, fixed_minutes=121)),
            [work("1", ANNE, BOB, minutes=0)],
            (BOB,),
            "was over their room before",
        ),
        (
            (),
            [work(n, ANNE, BOB, urgent=True, by_clock=True, minutes=10) for n in "12"],
            (BOB, BOB),
            "two tasks by their clocks",
        ),
    ],
)
def test_what_is_not_allowed_is_named(
    people: tuple[Person, ...], works: list[Work], owners: tuple[str, ...], words: str
) -> None:
    found = rebalancing.faults(problem(*works, people=people), owners)
    assert any(words in each for each in found), found


def test_who_gets_urgent_work_only_may_go_past_their_room() -> None:
    bob = person(BOB, fixed_minutes=90)
    urgent, routine = work("1", ANNE, BOB, urgent=True), work("2", ANNE, BOB, minutes=0)
    allowed = problem(urgent, routine, people=(person(ANNE), bob), urgent_minutes=30)
    assert rebalancing.faults(allowed, (BOB, ANNE)) == []
    assert "no minutes left" in rebalancing.faults(allowed, (BOB, BOB))[0]
    assert (
        "no minutes left" in rebalancing.faults(replace(allowed, urgent_minutes=29), (BOB, ANNE))[0]
    )


@pytest.mark.parametrize(
    "excused",
    [
        {"waiting": True},
        {"options": (Option(ANNE, late=True), Option(BOB))},
        {"minutes": 121},
    ],
)
def test_what_is_begun_moves_only_where_its_owner_cannot_do_it(excused: dict[str, object]) -> None:
    begun = work("1", ANNE, BOB, begun=True)
    assert not rebalancing.may_move(problem(begun), begun)
    other = replace(begun, **excused)  # type: ignore[arg-type]
    assert rebalancing.may_move(problem(other), other)


def test_a_new_owner_has_the_work_today_though_the_old_one_had_it_for_later() -> None:
    asked = problem(work("1", ANNE, BOB, counted=False))
    assert rebalancing.loads(asked, (ANNE,)).minutes[ANNE] == 0
    assert rebalancing.loads(asked, (BOB,)).minutes[BOB] == 60


def test_each_thing_that_counts_against_an_answer_counts_as_much_as_its_weight() -> None:
    weights = Weights(fullest=0)
    people = (person(ANNE, room_minutes=50, room_points=1), person(BOB))
    plain = work("1", ANNE, BOB)

    def cost(of: Work, owner: str, who: tuple[Person, ...] = (person(ANNE), person(BOB))) -> int:
        return rebalancing.cost(problem(of, people=who, weights=weights), (owner,))

    assert cost(plain, ANNE) == 0
    assert cost(plain, BOB) == weights.move
    assert cost(replace(plain, begun=True), BOB) == weights.move + weights.move_begun
    assert cost(replace(plain, waiting=True), ANNE) == weights.waiting
    late = replace(plain, options=(Option(ANNE, 30, late=True), Option(BOB)))
    assert cost(late, ANNE) == weights.late - 30
    assert cost(replace(late, urgent=True), ANNE) == weights.late_urgent - 30
    assert cost(plain, ANNE, people) == 10 * weights.over_minute + weights.over_point
    fair = problem(plain, people=(person(ANNE, room_minutes=90), person(BOB)))
    assert rebalancing.cost(fair, (ANNE,)) == 67 * Weights().fullest, "60 of 90, rounded up"


@given(st.data())
def test_the_options_that_are_left_are_those_of_which_no_rule_bars_one_alone(
    data: st.DataObject,
) -> None:
    people = tuple(
        person(
            staff,
            fixed_minutes=data.draw(st.sampled_from([0, 60, 130])),
            at_work=data.draw(st.booleans()),
        )
        for staff in (ANNE, BOB, CARA)
    )
    asked = problem(
        *(
            work(
                str(number),
                data.draw(st.sampled_from([ANNE, POOL])),
                BOB,
                CARA,
                begun=data.draw(st.booleans()),
                waiting=data.draw(st.booleans()),
                minutes=0,
            )
            for number in range(3)
        ),
        people=people,
    )
    stays = tuple(each.owner for each in asked.work)
    for place, (each, left) in enumerate(zip(asked.work, asked.allowed, strict=True)):
        alone = {
            option.owner
            for option in each.options
            if not rebalancing.faults(asked, (*stays[:place], option.owner, *stays[place + 1 :]))
        }
        assert {option.owner for option in left} == alone


def test_a_plan_is_told_by_its_moves_the_one_that_is_worth_most_first() -> None:
    asked = problem(
        work("1", ANNE, BOB),
        work("2", POOL, CARA, waiting=True),
        replace(
            work("3", ANNE, BOB),
            options=(Option(ANNE), Option(BOB, 400, (("same_worker", 400),))),
        ),
        people=(person(ANNE, room_minutes=100), person(BOB), person(CARA)),
    )
    owners = (ANNE, CARA, BOB)

    first, second = rebalancing_plan.moves(asked, owners)

    assert (first.work.task_id, first.to) == ("3", BOB)
    assert first.why == (
        "Anne has 20 minutes more than their day has room for; Bob has 60 of 120 minutes when the"
        " whole plan is accepted; what counts for them: saw this person before"
    )
    assert (second.work.task_id, second.to) == ("2", CARA)
    assert second.why.startswith("Nobody has it yet; Cara has 60 of 120 minutes")
    without = rebalancing.cost(asked, (ANNE, CARA, ANNE))
    assert first.gain == without - rebalancing.cost(asked, owners) > second.gain > 0


def test_the_day_is_counted_as_it_was_and_as_it_will_be() -> None:
    asked = problem(
        work("1", ANNE, BOB),
        work("2", POOL, BOB, waiting=True),
        replace(
            work("3", ANNE, CARA),
            options=(Option(ANNE, late=True), Option(CARA, 1, (("same_worker", 1),))),
        ),
        people=(person(ANNE, room_minutes=100), person(BOB), person(CARA, at_work=False)),
    )
    before = rebalancing_plan.totals(asked, (ANNE, POOL, ANNE))
    after = rebalancing_plan.totals(asked, (ANNE, BOB, CARA))

    assert (before.over_minutes, before.late, before.waiting, before.seen) == (20, 1, 1, 0)
    assert (before.fullest, before.emptiest) == (120, 0)
    assert (after.over_minutes, after.late, after.waiting, after.seen) == (0, 0, 0, 1)
    assert (after.fullest, after.emptiest) == (60, 50)
