"""Whoever is on call is asked only when nobody at work fits, in any of the teams asked."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hub.domain import routing, routing_record
from hub.domain.calendars import AROUND_THE_CLOCK
from hub.domain.rota import Absence, Rota, Shift
from hub.domain.routing import Candidate, Decision, Level, RoutingPolicy, RoutingTask

NOW = datetime(2026, 12, 27, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)
TASK = RoutingTask(
    id="1", team="CareTeam/west", desk="CareTeam/desk", neighbours=("CareTeam/east",)
)
WEST = Candidate(staff="Practitioner/ann", name="Ann", team="CareTeam/west", role="nurse")
EAST = replace(WEST, staff="Practitioner/eve", name="Eve", team="CareTeam/east")


def shift(of: Candidate, kind: str = "work", start: datetime = NOW - HOUR) -> Shift:
    return Shift(of.staff, of.team, start, start + 8 * HOUR, kind=kind)


def decide(*shifts: Shift, absences: tuple[Absence, ...] = (), **task: object) -> Decision:
    return routing.decide(
        replace(TASK, **task),  # type: ignore[arg-type]
        [WEST, EAST],
        Rota(shifts, absences),
        AROUND_THE_CLOCK,
        RoutingPolicy(),
        NOW,
    )


def test_work_of_a_neighbour_comes_before_the_call_of_the_team() -> None:
    found = decide(shift(WEST, "on-call"), shift(EAST))
    assert (found.owner, found.level) == (EAST.staff, Level.NEIGHBOUR)
    assert routing.why_not(found, WEST.staff) == (
        "It did not come to you: on call, and somebody is at work."
    )


def test_who_is_on_call_is_asked_when_nobody_is_at_work() -> None:
    found = decide(shift(WEST, "on-call"))
    assert found.owner == WEST.staff
    assert "on call until 05:00, nobody at work fits" in routing.explain(found)
    assert WEST.staff not in {each.staff for each in found.exclusions}
    packed = routing_record.pack(found)
    pieces = {digest: json.loads(text) for digest, text in packed.pieces.items()}
    assert routing_record.replay(packed.stored, pieces).owner == WEST.staff


def test_who_is_on_call_is_asked_when_those_at_work_do_not_fit() -> None:
    found = decide(shift(WEST, "on-call"), shift(EAST), refused_by=frozenset({EAST.staff}))
    assert found.owner == WEST.staff


def test_who_is_away_is_not_called() -> None:
    away = Absence(WEST.staff, NOW - HOUR, None, "sickness")
    assert decide(shift(WEST, "on-call"), absences=(away,)).level is Level.DESK


def test_the_areas_of_a_shift_go_before_those_of_its_person() -> None:
    at_home = replace(WEST, areas=frozenset({"leigh"}))
    both = [at_home, replace(at_home, staff="Practitioner/zoe", name="Zoe")]
    shifts = (shift(both[0]), replace(shift(both[1]), areas=("central",)))

    def owner(place: str) -> str:
        task = replace(TASK, place=place)
        plan = Rota(shifts)
        return routing.decide(task, both, plan, AROUND_THE_CLOCK, RoutingPolicy(), NOW).owner

    assert owner("leigh") == "Practitioner/ann"
    assert owner("central") == "Practitioner/zoe"


def test_who_is_at_work_now_and_on_call_later_is_at_work() -> None:
    found = decide(shift(WEST), shift(WEST, "on-call", NOW + 7 * HOUR))
    assert "on shift until" in routing.explain(found)
