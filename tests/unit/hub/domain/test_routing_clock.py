"""Urgent work by its clock: who can begin before it is due, whoever has room in the day."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as day_time

from hub.domain import routing, routing_clock, routing_record
from hub.domain.calendars import Opening, every_day
from hub.domain.rota import Rota, Shift
from hub.domain.routing import Bar, Candidate, Decision, Level, Priority, RoutingPolicy, RoutingTask

NOW = datetime(2026, 12, 27, 13, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAYTIME = every_day("day", "8 to 8", Opening(day_time(8), day_time(20)))
POLICY = RoutingPolicy(by_clock=True, road_minutes=10, reserve_minutes=30)
CRISIS = RoutingTask(
    id="1",
    team="CareTeam/rapid",
    desk="CareTeam/duty-desk",
    priority=Priority.URGENT,
    neighbours=("CareTeam/matrons", "CareTeam/nurses"),
    due_at=NOW + 2 * HOUR,
    minutes=60,
)


def person(name: str, team: str = "rapid", ahead: int = 0, load: int = 0) -> Candidate:
    return Candidate(
        staff=f"Practitioner/{name}",
        name=name.title(),
        team=f"CareTeam/{team}",
        role="nurse",
        ahead_minutes=ahead,
        load_minutes=load,
    )


def decide(
    *candidates: Candidate,
    task: RoutingTask = CRISIS,
    policy: RoutingPolicy = POLICY,
    ends: timedelta = 5 * HOUR,
) -> Decision:
    rota = Rota(tuple(Shift(each.staff, each.team, NOW - HOUR, NOW + ends) for each in candidates))
    return routing.decide(task, candidates, rota, DAYTIME, policy, NOW)


def test_who_would_come_too_late_is_passed_over_for_a_neighbour() -> None:
    decision = decide(person("ruth", ahead=91), person("maggie", "matrons", ahead=90))

    assert (decision.owner, decision.level) == ("Practitioner/maggie", Level.NEIGHBOUR)
    assert [(each.staff, each.bar) for each in decision.exclusions] == [
        ("Practitioner/ruth", Bar.TOO_LATE)
    ]
    assert "91 minutes of urgent work before it" in routing.why_not(decision, "Practitioner/ruth")
    assert decision.tell_lead


def test_the_own_team_comes_first_while_it_can_begin_in_time() -> None:
    decision = decide(person("ruth", ahead=90), person("maggie", "matrons"))

    assert (decision.owner, decision.level) == ("Practitioner/ruth", Level.TEAM)


def test_when_nobody_can_begin_in_time_whoever_has_least_before_it_gets_it() -> None:
    decision = decide(
        person("ruth", ahead=300),
        person("maggie", "matrons", ahead=250),
        person("asha", "nurses", ahead=260),
    )

    assert decision.owner == "Practitioner/maggie"
    assert "nobody can begin before it is due" in routing.explain(decision)
    assert decision.tell_lead


def test_who_can_begin_and_not_end_before_going_home_is_too_late() -> None:
    alone = person("ruth")
    # Half an hour in reserve and an hour of work; an hour past the end is allowed.
    assert (
        decide(alone, person("maggie", "matrons"), ends=timedelta(minutes=30)).owner == alone.staff
    )
    short = replace(POLICY, urgent_overrun_minutes=59)
    late = decide(alone, policy=short, ends=timedelta(minutes=30))
    assert "least_late" in late.scores[0].parts


def test_the_room_of_the_day_does_not_keep_urgent_work_away() -> None:
    full = person("ruth", load=900)

    assert decide(full).owner == full.staff
    assert decide(full, policy=RoutingPolicy()).level is Level.DESK
    assert decide(full, task=replace(CRISIS, priority=Priority.ROUTINE)).level is Level.DESK


def test_without_the_rule_other_urgent_work_only_costs_points() -> None:
    decision = decide(
        person("ruth", ahead=500), person("maggie", "matrons"), policy=RoutingPolicy()
    )

    assert decision.owner == "Practitioner/ruth"


def test_what_is_due_later_waits_behind_it() -> None:
    urgent = [(NOW + HOUR, 60), (NOW + 2 * HOUR, 45), (NOW + 3 * HOUR, 30), (None, 20)]

    assert routing_clock.ahead_minutes(POLICY, NOW + 2 * HOUR, urgent) == 60 + 45 + 2 * 10
    assert routing_clock.ahead_minutes(POLICY, None, urgent) == 60 + 45 + 30 + 20 + 4 * 10


def test_a_decision_by_the_clock_is_replayed_to_the_same_answer() -> None:
    decision = decide(person("ruth", ahead=300), person("maggie", "matrons", ahead=250))

    packed = routing_record.pack(decision)
    pieces = {digest: json.loads(text) for digest, text in packed.pieces.items()}

    assert routing_record.replay(packed.stored, pieces) == decision
