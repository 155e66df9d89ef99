"""A run in process: the same for a seed, nothing lost, nobody in two places, nothing past a bound.

Small worlds of a few days, all the policies.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.domain.definition import HubDefinition
from hub.samples import SOUTHEND
from hub.samples.simulation.bound import Bound
from hub.samples.simulation.cases import Weeks, weeks
from hub.samples.simulation.comparison import compare
from hub.samples.simulation.demand import Span
from hub.samples.simulation.engine import Played, play
from hub.samples.simulation.measures import counted_of, measure
from hub.samples.simulation.policies import POLICIES
from hub.samples.simulation.state import End
from hub.samples.simulation.world import southend
from hub.services import definitions

CHANGES = [date(2026, 10, 24), date(2027, 3, 27), date(2026, 12, 24)]


@pytest.fixture(scope="module")
def hub() -> HubDefinition:
    return definitions.check(SOUTHEND)


def _drawn(hub: HubDefinition, *, seed: int, demand: float = 67, first: date = CHANGES[0]) -> Weeks:
    world = replace(southend(), working_day=demand, drain_days=10)
    return weeks(world, hub, Span(first, 4), seed)


@pytest.fixture(scope="module")
def played(hub: HubDefinition) -> dict[str, Played]:
    drawn = _drawn(hub, seed=7, demand=90)
    return {name: play(drawn, policy) for name, policy in POLICIES.items()}


def test_a_seed_plays_the_same(hub: HubDefinition, played: dict[str, Played]) -> None:
    again = play(_drawn(hub, seed=7, demand=90), POLICIES["carehub"])

    assert measure(again) == measure(played["carehub"])
    assert [each.owners for each in again.progress] == [
        each.owners for each in played["carehub"].progress
    ]
    other = play(_drawn(hub, seed=8, demand=90), POLICIES["carehub"])
    assert measure(other) != measure(again)


def test_every_arrival_ends_in_exactly_one_state(played: dict[str, Played]) -> None:
    for run in played.values():
        ends = Counter(each.end for each in run.progress)
        assert sum(ends.values()) == len(run.drawn.cases)
        for each in run.progress:
            assert (each.end is End.DONE) == (each.done_at is not None) == (each.begun is not None)
            assert (each.owner is None) == (each.end is not End.OPEN)
            assert each.owners, "nothing is ever without an owner"


def test_every_policy_meets_the_same_world(played: dict[str, Played]) -> None:
    cases = [run.drawn.cases for run in played.values()]

    assert cases[0] is cases[1] is cases[2]
    assert len({str([each.owners for each in run.progress]) for run in played.values()}) == 3


def _visits(run: Played) -> Iterator[tuple[str, datetime, datetime]]:
    for each in run.progress:
        if each.done_at is not None and each.begun is not None and each.done_by is not None:
            yield each.done_by, each.begun, each.done_at


def test_nobody_is_in_two_places_and_everybody_travels(played: dict[str, Played]) -> None:
    for run in played.values():
        ended: dict[str, datetime] = {}
        for staff, begun, done in sorted(_visits(run)):
            if staff in ended:
                assert begun >= ended[staff] + timedelta(minutes=run.drawn.world.within)
            ended[staff] = done


def test_visits_are_done_by_people_at_work_who_may_do_them(played: dict[str, Played]) -> None:
    for run in played.values():
        staff = {
            f"Practitioner/{each.username}": each for each in run.drawn.definition.staff.values()
        }
        overrun = timedelta(minutes=run.drawn.definition.routing.urgent_overrun_minutes)
        night = run.drawn.definition.spor.out_of_hours_desk
        for each in run.progress:
            if each.done_by is None or each.done_at is None or each.begun is None:
                continue
            person = staff[each.done_by]
            roles = each.case.service.roles
            assert person.role in roles or night in person.teams
            shift = run.drawn.staffing.shift_of(each.done_by, each.begun - timedelta(minutes=31))
            shift = shift or run.drawn.staffing.shift_of(each.done_by, each.begun)
            assert shift is not None
            assert each.done_at <= shift.ends_at + (overrun if each.case.urgent else timedelta(0))


def test_closed_doors_are_tried_again(played: dict[str, Played]) -> None:
    for run in played.values():
        twice = [each for each in run.progress if len(each.case.visits) > 1]
        assert twice
        assert all(each.attempt == 2 for each in twice if each.end is End.DONE)


def test_who_declined_does_not_do_it(played: dict[str, Played]) -> None:
    for run in played.values():
        assert any(each.case.declined for each in run.progress)
        for each in run.progress:
            assert each.done_by not in each.refused


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10_000),
    demand=st.sampled_from([5.0, 40.0, 150.0]),
    first=st.sampled_from(CHANGES),
)
def test_no_policy_is_better_than_the_bound(seed: int, demand: float, first: date) -> None:
    drawn = _drawn(definitions.check(SOUTHEND), seed=seed, demand=demand, first=first)
    bound = Bound(drawn)
    counted = [case for case in drawn.cases if case.withdrawn_at is None]
    groups = [counted, [case for case in counted if case.urgent]]
    groups += [[case for case in counted if case.day == day] for day in drawn.span]
    most = [bound.most(group) for group in groups]

    for policy in POLICIES.values():
        reached = {each.case.number for each in counted_of(play(drawn, policy)) if each.in_time}
        for group, limit in zip(groups, most, strict=True):
            assert sum(case.number in reached for case in group) <= limit + 1e-6
    for group, limit in zip(groups, most, strict=True):
        assert limit <= len(group) + 1e-6


def test_the_bound_knows_that_hours_are_short(hub: HubDefinition) -> None:
    crowded = _drawn(hub, seed=5, demand=400)
    counted = [case for case in crowded.cases if case.withdrawn_at is None]

    assert Bound(crowded).most(counted) < 0.8 * len(counted)


def test_under_surge_our_decision_leads_round_robin_by_ten_points(hub: HubDefinition) -> None:
    compared = compare(southend(), hub, Span(date(2026, 10, 12), 28), [3])

    assert compared.points("share_surge")[0] >= 10
    assert compared.points("share_surge_urgent")[0] >= 10
    ours, rival = compared.measures["carehub"][0], compared.measures["round-robin"][0]
    assert ours.surge_urgent_wait_p95 < rival.surge_urgent_wait_p95
    assert ours.hand_offs < rival.hand_offs
    assert ours.continuity > rival.continuity
    for day in compared.days:
        assert max(day.in_time.values()) <= day.bound + 1e-6
