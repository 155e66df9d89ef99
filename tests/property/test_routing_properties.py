"""Routing for any team, rota and task: always an owner, always a fitting one, always replayable."""

import json
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from hub.domain import rota as rota_rules
from hub.domain import routing
from hub.domain.calendars import AROUND_THE_CLOCK, Calendar, Opening, every_day
from hub.domain.rota import Absence, Rota, Shift
from hub.domain.routing import Candidate, Level, Priority, RoutingPolicy, RoutingTask

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
    place=st.one_of(st.none(), st.just("x")),
    refused_by=st.frozensets(st.sampled_from(STAFF), max_size=2),
)
shifts = st.lists(
    st.builds(
        lambda staff, start, hours: Shift(staff, TEAMS[0], start, start + timedelta(hours=hours)),
        st.sampled_from(STAFF),
        moments,
        st.integers(1, 12),
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
POLICY = RoutingPolicy()
Scene = tuple[RoutingTask, list[Candidate], Rota, Calendar, datetime]
scenes = st.tuples(tasks, candidates, rotas, calendars, moments)


@given(scenes)
def test_never_without_an_owner_and_only_to_somebody_who_fits(
    scene: Scene,
) -> None:
    task, people, rota, calendar, now = scene
    decision = routing.decide(task, people, rota, calendar, POLICY, now)

    if decision.level in {Level.DESK, Level.OUT_OF_HOURS}:
        assert decision.owner in {task.desk, task.out_of_hours_desk}
        assert decision.tell_lead
        return
    owner = next(
        each
        for each in people
        if each.staff == decision.owner and each.team in {task.team, *task.neighbours}
    )
    assert any(
        shift.staff == owner.staff for shift in rota_rules.on_shift(rota, decision.works_from)
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
    task, people, rota, calendar, now = scene
    decision = routing.decide(task, people, rota, calendar, POLICY, now)
    stored = json.loads(json.dumps(routing.to_json(decision)))

    assert routing.replay(stored) == decision
    assert routing.from_json(stored) == decision
    assert routing.explain(decision).startswith("Routed to ")


@given(scenes, st.randoms(use_true_random=False))
def test_the_order_in_which_people_are_named_does_not_matter(
    scene: Scene,
    random: Random,
) -> None:
    task, people, rota, calendar, now = scene
    mixed = list(people)
    random.shuffle(mixed)
    turned = Rota(tuple(reversed(rota.shifts)), tuple(reversed(rota.absences)))

    assert routing.decide(task, people, rota, calendar, POLICY, now) == routing.decide(
        task, mixed, turned, calendar, POLICY, now
    )


@given(scenes, st.sampled_from(STAFF))
def test_who_is_off_never_gets_it(
    scene: Scene,
    off: str,
) -> None:
    task, people, rota, calendar, now = scene
    decision = routing.decide(task, people, rota, calendar, POLICY, now)

    assert routing.what_if_off(decision, off).owner != off
