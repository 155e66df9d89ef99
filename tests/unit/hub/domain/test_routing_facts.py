"""Routing: points, places, wishes, on-call, the steps of the widening, what if."""

from dataclasses import replace
from datetime import date

import pytest

from hub.domain import routing
from hub.domain.errors import RuleError
from hub.domain.rota import Absence, Rota, Shift
from hub.domain.routing import (
    Bar,
    Level,
    Priority,
    RoutingTask,
)
from tests.unit.hub.domain.nurses import (
    HOUR,
    NOW,
    POLICY,
    TASK,
    decide,
    nurse,
    staff,
    working,
)


def test_points_bind_where_minutes_still_have_room() -> None:
    heavy = replace(TASK, points=5)
    full = nurse("asha", last_saw=date(2026, 12, 20), capacity_points=20, load_points=16)

    decision = decide(full, nurse("ben"), task=heavy)

    assert decision.owner == staff("ben")
    assert "no points left today (16 of 20 taken, this task has 5)" in routing.why_not(
        decision, full.staff
    )
    # Without a weight, or without a limit, points bind nobody; urgent work may go past them.
    assert decide(full, nurse("ben"), task=TASK).owner == full.staff
    assert decide(replace(full, capacity_points=None), task=heavy).owner == full.staff
    overrun = replace(POLICY, urgent_overrun_points=1)
    urgent = replace(heavy, priority=Priority.URGENT)
    assert decide(full, task=urgent, policy=overrun).owner == full.staff
    assert decide(full, task=heavy, policy=overrun).owner == TASK.desk


@pytest.mark.parametrize(
    ("task", "barred", "bar"),
    [
        (replace(TASK, only_in_area=True), {"areas": frozenset({"leigh"})}, Bar.PLACE),
        (
            replace(TASK, gender="female", gender_only=True),
            {"gender": "male"},
            Bar.GENDER,
        ),
        (
            replace(TASK, language="pl", language_only=True),
            {"languages": frozenset({"en"})},
            Bar.LANGUAGE,
        ),
    ],
)
def test_a_firm_wish_and_an_area_bar_whoever_does_not_match(
    task: RoutingTask, barred: dict[str, object], bar: Bar
) -> None:
    matching: dict[str, object] = {
        "areas": frozenset({"westcliff"}),
        "gender": "female",
        "languages": frozenset({"pl"}),
    }
    # Asha would win by far if she were not barred.
    asha = nurse("asha", last_saw=date(2026, 12, 20), **{**matching, **barred})
    ben = nurse("ben", **matching)

    decision = decide(asha, ben, task=task)

    assert decision.owner == ben.staff
    assert [(each.staff, each.bar) for each in decision.exclusions] == [(asha.staff, bar)]
    assert decide(asha, task=task).owner == TASK.desk
    soft = replace(task, only_in_area=False, gender_only=False, language_only=False)
    assert decide(asha, ben, task=soft).owner == asha.staff


def test_who_has_no_areas_of_their_own_goes_everywhere() -> None:
    task = replace(TASK, only_in_area=True)

    assert decide(nurse("asha", areas=frozenset()), task=task).owner == staff("asha")


def test_the_nearer_goes_first_and_the_sentence_says_how_near() -> None:
    task = replace(TASK, place="central", travel=(("leigh", 17), ("shoebury", 13)))
    policy = replace(POLICY, travel=80)
    far = nurse("asha", areas=frozenset({"leigh"}))
    near = nurse("ben", areas=frozenset({"leigh", "shoebury"}))

    decision = decide(far, near, task=task, policy=policy)

    assert decision.owner == near.staff
    assert "13 minutes away" in routing.explain(decision)
    assert decision.scores[0].parts["travel"] == 80 * 27 // 40


def test_the_round_of_a_care_home_goes_to_who_does_it() -> None:
    task = replace(TASK, care_home="vxs01")
    policy = replace(POLICY, care_home_round=90)

    decision = decide(
        nurse("asha"), nurse("zoe", rounds=frozenset({"vxs01"})), task=task, policy=policy
    )

    assert decision.owner == staff("zoe")
    assert "does the round of this care home" in routing.explain(decision)


def on_call(name: str) -> Shift:
    return Shift(staff(name), "CareTeam/west", NOW - HOUR, NOW + 8 * HOUR, kind="on-call")


def test_who_is_on_call_is_asked_only_when_nobody_at_work_fits() -> None:
    asha, east = nurse("asha", last_saw=date(2026, 12, 20)), nurse("ella", team="CareTeam/east")
    rota = Rota((on_call("asha"), *working("ella").shifts))

    assert decide(asha, east, rota=rota).owner == east.staff
    alone = decide(asha, replace(east, conflict="sister"), rota=rota)
    assert (alone.owner, alone.level, alone.tell_lead) == (asha.staff, Level.ON_CALL, True)
    assert "on call until 21:00" in routing.explain(alone)
    assert "nobody at work fits" in routing.explain(alone)
    # Who does not fit at work does not fit on call either.
    barred = decide(replace(asha, conflict="sister"), rota=rota)
    assert (barred.owner, barred.exclusions[0].bar) == (TASK.desk, Bar.CONFLICT)


def test_the_steps_of_the_widening_are_data_and_end_at_the_desk() -> None:
    east = nurse("ella", team="CareTeam/east")
    only_team = replace(POLICY, widening=(routing.WideningStep(routing.Reach.TEAM),))
    urgent_only = replace(
        POLICY,
        widening=(
            routing.WideningStep(routing.Reach.TEAM),
            routing.WideningStep(routing.Reach.NEIGHBOURS, only_urgent=True),
        ),
    )

    assert decide(east, policy=only_team).owner == TASK.desk
    assert decide(east, policy=urgent_only).owner == TASK.desk
    urgent = replace(TASK, priority=Priority.URGENT)
    assert decide(east, policy=urgent_only, task=urgent).owner == east.staff
    assert decide(east, policy=replace(POLICY, widening=())).owner == TASK.desk


def test_what_if_somebody_were_at_work() -> None:
    away = Absence(staff("asha"), NOW - HOUR, None, "sickness")
    asha = nurse("asha", last_saw=date(2026, 12, 20))
    decision = decide(asha, nurse("ben"), rota=replace(working("ben"), absences=(away,)))

    assert decision.owner == staff("ben")
    assert routing.what_if_on(decision, asha.staff).owner == asha.staff
    with pytest.raises(RuleError, match="not among those who were asked"):
        routing.what_if_on(decision, staff("stranger"))
