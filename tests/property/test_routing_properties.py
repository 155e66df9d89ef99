"""Routing for any team, rota and task: always an owner, always a fitting one, always replayable."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import rota as rota_rules
from hub.domain import routing, routing_record, snapshot
from hub.domain.calendars import AROUND_THE_CLOCK, Calendar, Opening, every_day
from hub.domain.errors import RuleError
from hub.domain.rota import Absence, Rota, Shift
from hub.domain.routing import (
    Bar,
    Candidate,
    Level,
    Priority,
    Reach,
    RoutingPolicy,
    RoutingTask,
    WideningStep,
)

TEAMS = ["CareTeam/a", "CareTeam/b", "CareTeam/c"]
STAFF = [f"Practitioner/{letter}" for letter in "abcdefgh"]
BASE = datetime(2026, 10, 24, tzinfo=UTC)
moments = st.integers(0, 72 * 4).map(lambda quarters: BASE + timedelta(minutes=15 * quarters))
words = st.frozensets(st.sampled_from(["x", "y"]), max_size=2)
days = st.one_of(st.none(), st.dates(date(2025, 1, 1), date(2026, 10, 24)))

candidates = st.lists(
    st.builds(
        Candidate,
        staff=st.sampled_from(STAFF),
        name=st.just("Somebody"),
        team=st.sampled_from(TEAMS),
        role=st.sampled_from(["nurse", "therapist"]),
        skills=words,
        areas=words,
        capacity_minutes=st.integers(0, 480),
        load_minutes=st.integers(0, 480),
        capacity_points=st.one_of(st.none(), st.integers(0, 20)),
        load_points=st.integers(0, 20),
        rounds=words,
        languages=words,
        gender=st.sampled_from([None, "female", "male"]),
        recent_minutes=st.integers(0, 9000),
        open_urgent=st.integers(0, 3),
        last_saw=days,
        team_saw=days,
        may_see=st.booleans(),
        conflict=st.one_of(st.none(), st.just("family")),
    ),
    max_size=8,
    unique_by=lambda candidate: (candidate.staff, candidate.team),
)
tasks = st.builds(
    RoutingTask,
    id=st.just("1"),
    team=st.sampled_from(TEAMS),
    desk=st.just("CareTeam/desk"),
    priority=st.sampled_from(Priority),
    roles=st.frozensets(st.sampled_from(["nurse", "therapist"]), max_size=2),
    skills=words,
    neighbours=st.lists(st.sampled_from(TEAMS), max_size=2).map(tuple),
    out_of_hours_desk=st.one_of(st.none(), st.just("CareTeam/night")),
    due_at=st.one_of(st.none(), moments),
    minutes=st.integers(0, 120),
    points=st.integers(0, 8),
    place=st.one_of(st.none(), st.just("x")),
    only_in_area=st.booleans(),
    travel=st.sampled_from([(), (("x", 5), ("y", 30))]),
    care_home=st.one_of(st.none(), st.just("y")),
    language=st.one_of(st.none(), st.just("x")),
    language_only=st.booleans(),
    gender=st.sampled_from([None, "female", "male"]),
    gender_only=st.booleans(),
    refused_by=st.frozensets(st.sampled_from(STAFF), max_size=2),
)
shifts = st.lists(
    st.builds(
        lambda staff, start, hours, kind: Shift(
            staff, TEAMS[0], start, start + timedelta(hours=hours), kind=kind
        ),
        st.sampled_from(STAFF),
        moments,
        st.integers(1, 12),
        st.sampled_from(["work", "work", "on-call"]),
    ),
    max_size=8,
)
absences = st.lists(
    st.builds(
        lambda staff, start, hours: Absence(
            staff, start, None if hours == 0 else start + timedelta(hours=hours), "sickness"
        ),
        st.sampled_from(STAFF),
        moments,
        st.integers(0, 24),
    ),
    max_size=3,
)
rotas = st.builds(lambda s, a: Rota(tuple(s), tuple(a)), shifts, absences)
calendars = st.sampled_from(
    [AROUND_THE_CLOCK, every_day("day", "8 to 8", Opening(time(8), time(20)))]
)
policies = st.builds(
    RoutingPolicy,
    travel=st.sampled_from([0, 80]),
    care_home_round=st.sampled_from([0, 90]),
    urgent_overrun_points=st.integers(0, 4),
    widening=st.one_of(
        st.just(RoutingPolicy().widening),
        st.lists(st.builds(WideningStep, st.sampled_from(Reach), st.booleans()), max_size=5).map(
            tuple
        ),
    ),
)
Scene = tuple[RoutingTask, list[Candidate], Rota, Calendar, RoutingPolicy, datetime]
scenes = st.tuples(tasks, candidates, rotas, calendars, policies, moments)


@given(scenes)
def test_never_without_an_owner_and_only_to_somebody_who_fits(
    scene: Scene,
) -> None:
    task, people, rota, calendar, policy, now = scene
    decision = routing.decide(task, people, rota, calendar, policy, now)

    if decision.level in {Level.DESK, Level.OUT_OF_HOURS}:
        assert decision.owner in {task.desk, task.out_of_hours_desk}
        assert decision.tell_lead
        return
    owner = next(
        each
        for each in people
        if each.staff == decision.owner and each.team in {task.team, *task.neighbours}
    )
    on_call = decision.level is Level.ON_CALL
    assert any(
        shift.staff == owner.staff and (shift.kind == "on-call") is on_call
        for shift in rota_rules.on_shift(rota, decision.works_from)
    )
    assert owner.staff not in task.refused_by
    fitting = [
        each
        for each in people
        if each.staff == decision.owner
        and each.team in {task.team, *task.neighbours}
        and (not task.roles or each.role in task.roles)
        and task.skills <= each.skills
        and each.may_see
        and each.conflict is None
    ]
    assert fitting
    assert decision.tell_lead is (decision.level is not Level.TEAM)


@given(scenes)
def test_replay_gives_the_same_decision(
    scene: Scene,
) -> None:
    task, people, rota, calendar, policy, now = scene
    decision = routing.decide(task, people, rota, calendar, policy, now)
    packed = routing_record.pack(decision)
    stored = json.loads(json.dumps(packed.stored))
    pieces = {digest: json.loads(text) for digest, text in packed.pieces.items()}

    assert set(pieces) == routing_record.needs(stored)
    assert routing_record.unpack(stored, pieces) == decision
    assert routing_record.is_kept_whole(stored, routing_record.replay(stored, pieces))
    # As decisions were kept before there was a format: the whole in one object.
    first = json.loads(json.dumps(snapshot.freeze(decision)))
    assert routing_record.unpack(first, {}) == decision
    assert routing_record.is_kept_whole(first, routing_record.replay(first, {}))
    assert routing.explain(decision).startswith("Routed to ")


@given(scenes, st.randoms(use_true_random=False))
def test_the_order_in_which_people_are_named_does_not_matter(
    scene: Scene,
    random: Random,
) -> None:
    task, people, rota, calendar, policy, now = scene
    mixed = list(people)
    random.shuffle(mixed)
    turned = Rota(tuple(reversed(rota.shifts)), tuple(reversed(rota.absences)))

    assert routing.decide(task, people, rota, calendar, policy, now) == routing.decide(
        task, mixed, turned, calendar, policy, now
    )


@given(scenes, st.sampled_from(STAFF))
def test_who_is_off_never_gets_it(
    scene: Scene,
    off: str,
) -> None:
    task, people, rota, calendar, policy, now = scene
    decision = routing.decide(task, people, rota, calendar, policy, now)

    assert routing.what_if_off(decision, off).owner != off


def fits(task: RoutingTask, person: Candidate, policy: RoutingPolicy) -> bool:
    """Say in other words than the rules whom no filter bars, the rota left aside."""
    spare = policy.urgent_overrun_minutes if task.is_urgent else 0
    extra = policy.urgent_overrun_points if task.is_urgent else 0
    points = person.capacity_points
    return all(
        (
            person.staff not in task.refused_by,
            not task.roles or person.role in task.roles,
            task.skills <= person.skills,
            person.may_see,
            person.conflict is None,
            not (task.only_in_area and task.place and person.areas) or task.place in person.areas,
            not (task.gender_only and task.gender) or task.gender == person.gender,
            not (task.language_only and task.language) or task.language in person.languages,
            task.minutes + person.load_minutes <= person.capacity_minutes + spare,
            points is None
            or task.points == 0
            or task.points + person.load_points <= points + extra,
        )
    )


@given(scenes)
def test_a_filter_never_passes_what_it_bars_however_well_it_scores(scene: Scene) -> None:
    task, people, rota, calendar, policy, now = scene
    decision = routing.decide(task, people, rota, calendar, policy, now)

    for score in decision.scores:
        assert any(
            fits(task, each, policy)
            for each in decision.inputs.candidates
            if each.staff == score.staff
        )
    for excluded in decision.exclusions:
        if excluded.bar in {Bar.OFF_SHIFT, Bar.ABSENT}:
            continue
        assert any(
            not fits(task, each, policy)
            for each in decision.inputs.candidates
            if each.staff == excluded.staff
        )


@given(scenes, candidates)
def test_somebody_who_is_barred_or_not_asked_never_changes_the_winner(
    scene: Scene, others: list[Candidate]
) -> None:
    task, people, rota, calendar, policy, now = scene
    decision = routing.decide(task, people, rota, calendar, policy, now)
    there = {each.staff for each in people}
    irrelevant = [
        replace(each, conflict="family") for each in others if each.staff not in there
    ] + [Candidate("Practitioner/z", "Zoe", "CareTeam/elsewhere", "nurse")]
    more = routing.decide(task, [*people, *irrelevant], rota, calendar, policy, now)

    assert (more.owner, more.level, more.scores) == (
        decision.owner,
        decision.level,
        decision.scores,
    )


@given(scenes, st.sampled_from(STAFF))
def test_whoever_would_get_it_if_at_work_is_somebody_whom_no_other_filter_bars(
    scene: Scene, on: str
) -> None:
    task, people, rota, calendar, policy, now = scene
    decision = routing.decide(task, people, rota, calendar, policy, now)
    if on not in {each.staff for each in decision.inputs.candidates}:
        with pytest.raises(RuleError, match="not among those who were asked"):
            routing.what_if_on(decision, on)
        return
    turned = routing.what_if_on(decision, on)

    assert turned.owner
    assert not any(
        each.staff == on and each.bar in {Bar.OFF_SHIFT, Bar.ABSENT} for each in turned.exclusions
    )
