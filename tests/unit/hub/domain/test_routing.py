"""Routing: filters, score, widening, sentences, replay (care model, section 5)."""

import time
from dataclasses import replace
from datetime import UTC, date, datetime
from datetime import time as day_time

import pytest

from hub.domain import routing, routing_record
from hub.domain.calendars import AROUND_THE_CLOCK, Calendar, Opening
from hub.domain.errors import RuleError
from hub.domain.rota import Absence, Rota, Shift
from hub.domain.routing import (
    Bar,
    Level,
    Priority,
    RoutingTask,
)
from tests.unit.hub.domain.nurses import (
    DAYTIME,
    HOUR,
    NOW,
    TASK,
    decide,
    kept,
    nurse,
    staff,
    working,
)


def test_the_sentence_says_why() -> None:
    asha = replace(nurse("asha", last_saw=date(2026, 3, 3), load_minutes=180), name="Asha Patel")

    decision = decide(asha, rota=working("asha"))

    assert routing.explain(decision) == (
        "Routed to Asha Patel because: on shift until 20:00, saw this person on 3 March, "
        "4 of 8 visits left"
    )


@pytest.mark.parametrize(
    ("change", "bar"),
    [
        ({"role": "physiotherapist"}, Bar.ROLE),
        ({"may_see": False}, Bar.NO_RELATIONSHIP),
        ({"conflict": "sister"}, Bar.CONFLICT),
        ({"load_minutes": 316}, Bar.NO_CAPACITY),
    ],
)
def test_who_does_not_fit_is_left_out_with_the_reason(change: dict[str, object], bar: Bar) -> None:
    # Asha would win by far if she fitted.
    asha = nurse("asha", last_saw=date(2026, 12, 20), **change)

    decision = decide(asha, nurse("ben"))

    assert decision.owner == staff("ben")
    assert [(each.staff, each.bar) for each in decision.exclusions] == [(staff("asha"), bar)]


def test_the_skills_that_are_asked_for_are_all_needed() -> None:
    task = replace(TASK, skills=frozenset({"wound-care", "catheter"}))
    both = nurse("ben", skills=frozenset({"wound-care", "catheter", "insulin"}))

    decision = decide(nurse("asha", skills=frozenset({"catheter"})), both, task=task)

    assert decision.owner == both.staff
    assert routing.why_not(decision, staff("asha")) == (
        "It did not come to you: the task needs wound-care."
    )


def test_only_who_is_on_shift_and_not_away() -> None:
    away = Absence(staff("asha"), NOW - HOUR, None, "sickness")
    rota = replace(working("asha", "ben"), absences=(away,))

    decision = decide(nurse("asha"), nurse("ben"), nurse("cleo"), rota=rota)

    assert decision.owner == staff("ben")
    assert {each.staff: each.bar for each in decision.exclusions} == {
        staff("asha"): Bar.ABSENT,
        staff("cleo"): Bar.OFF_SHIFT,
    }
    assert "away (sickness)" in routing.why_not(decision, staff("asha"))


def test_a_shift_that_is_kept_for_one_service_takes_no_work_of_another() -> None:
    palliative = "HealthcareService/palliative"
    shifts = working("asha", "ben").shifts
    rota = Rota((replace(shifts[0], service=palliative), shifts[1]))
    asha = nurse("asha", last_saw=date(2026, 12, 20))

    other = decide(
        asha, nurse("ben"), rota=rota, task=replace(TASK, service="HealthcareService/wounds")
    )
    assert other.owner == staff("ben")
    assert [each.bar for each in other.exclusions] == [Bar.OTHER_SERVICE]
    assert routing.why_not(other, staff("asha")) == (
        "It did not come to you: on shift for another service."
    )
    stored, pieces = kept(other)
    assert routing_record.unpack(stored, pieces).owner == staff("ben")

    same = decide(asha, nurse("ben"), rota=rota, task=replace(TASK, service=palliative))
    assert same.owner == staff("asha")
    assert decide(asha, nurse("ben"), rota=rota).owner == staff("asha"), "work of no service"


def test_who_may_not_hear_of_it_is_flagged_and_comes_after_their_like_and_the_lead_is_told() -> (
    None
):
    asha = nurse("asha", unreachable="no phone or e-mail, never signed in")

    assert decide(asha, nurse("ben")).owner == staff("ben")
    assert not decide(asha, nurse("ben")).tell_lead

    alone = decide(asha)
    assert alone.owner == staff("asha"), "a flag is no bar"
    assert alone.tell_lead
    assert "may not hear of it (no phone or e-mail, never signed in)" in routing.explain(alone)
    stored, pieces = kept(alone)
    assert routing_record.replay(stored, pieces).reasons == alone.reasons


def test_who_gave_it_back_does_not_get_it_again() -> None:
    task = replace(TASK, refused_by=frozenset({staff("asha")}))

    decision = decide(nurse("asha", last_saw=date(2026, 12, 1)), nurse("ben"), task=task)

    assert decision.owner == staff("ben")


def test_the_same_worker_goes_before_the_same_team_and_that_before_nobody() -> None:
    knows = nurse("zoe", last_saw=date(2026, 12, 1))
    team = nurse("mia", team_saw=date(2026, 12, 1))

    assert decide(nurse("asha"), team, knows).owner == knows.staff
    assert decide(nurse("asha"), team).owner == team.staff
    assert "their team saw this person on 1 December" in routing.explain(
        decide(nurse("asha"), team)
    )


def test_a_contact_of_long_ago_is_not_continuity() -> None:
    decision = decide(nurse("asha"), nurse("zoe", last_saw=date(2025, 12, 26)))

    assert decision.owner == staff("asha")


@pytest.mark.parametrize(
    ("better", "task"),
    [
        ({"areas": frozenset({"westcliff"})}, TASK),
        ({"load_minutes": 0}, TASK),
        ({"languages": frozenset({"pl"})}, replace(TASK, language="pl")),
        ({"gender": "female"}, replace(TASK, gender="female")),
        ({"recent_minutes": 0}, TASK),
        ({"open_urgent": 0}, replace(TASK, priority=Priority.URGENT)),
    ],
)
def test_each_part_of_the_score_decides_between_equals(
    better: dict[str, object], task: RoutingTask
) -> None:
    plain: dict[str, object] = {"load_minutes": 90, "recent_minutes": 3000, "open_urgent": 3}

    decision = decide(nurse("asha", **plain), nurse("zoe", **{**plain, **better}), task=task)

    assert decision.owner == staff("zoe")


def test_a_shift_that_lasts_to_the_deadline_goes_first() -> None:
    task = replace(TASK, due_at=NOW + 3 * HOUR)
    long = Shift(staff("zoe"), "CareTeam/west", NOW - HOUR, NOW + 7 * HOUR)
    rota = Rota((*working("asha", hours=2).shifts, long))

    assert decide(nurse("asha"), nurse("zoe"), task=task, rota=rota).owner == staff("zoe")


def test_ties_go_to_the_smaller_id_whatever_the_order() -> None:
    people = [nurse("cleo"), nurse("asha"), nurse("ben")]

    assert decide(*people).owner == staff("asha")
    assert decide(*people) == decide(*reversed(people))
    assert "equally well" in routing.why_not(decide(*people), staff("ben"))


def test_the_search_widens_to_the_neighbours_in_order_and_tells_the_lead() -> None:
    east = nurse("ella", team="CareTeam/east")
    rapid = nurse("rob", team="CareTeam/rapid", last_saw=date(2026, 12, 20))
    off = nurse("asha")

    decision = decide(off, east, rapid, rota=working("ella", "rob"))

    assert (decision.owner, decision.level, decision.tell_lead) == (
        east.staff,
        Level.NEIGHBOUR,
        True,
    )
    assert "nobody in the first team was free" in routing.explain(decision)


def test_the_team_itself_tells_nobody() -> None:
    decision = decide(nurse("asha"))

    assert (decision.level, decision.tell_lead) == (Level.TEAM, False)


def test_nobody_fits_the_desk_has_it() -> None:
    decision = decide(nurse("asha"), nurse("ben"), rota=Rota())

    assert (decision.owner, decision.level, decision.tell_lead) == (
        "CareTeam/duty-desk",
        Level.DESK,
        True,
    )
    assert routing.explain(decision) == (
        "Routed to the duty desk because: nobody in the team or its neighbours fits (2 off shift)"
    )
    assert decide().owner == "CareTeam/duty-desk"
    assert "nobody works" in routing.explain(decide())


@pytest.mark.parametrize("missing", ["desk", "team"])
def test_a_task_without_a_desk_or_a_team_cannot_be_asked_about(missing: str) -> None:
    with pytest.raises(RuleError, match="desk"):
        replace(TASK, **{missing: ""})  # type: ignore[arg-type]


def test_urgent_work_outside_hours_goes_to_the_out_of_hours_desk_at_once() -> None:
    night = datetime(2026, 12, 27, 22, tzinfo=UTC)
    urgent = replace(TASK, priority=Priority.URGENT)
    tomorrow = working("asha", start=datetime(2026, 12, 28, 8, tzinfo=UTC))

    decision = decide(nurse("asha"), task=urgent, now=night, rota=tomorrow)

    assert decision.owner == "CareTeam/out-of-hours-desk"
    assert decision.level is Level.OUT_OF_HOURS
    assert decision.works_from == night
    assert "urgent while the service is closed" in routing.explain(decision)
    without = replace(urgent, out_of_hours_desk=None)
    assert decide(nurse("asha"), task=without, now=night).owner == "CareTeam/duty-desk"


def test_routine_work_outside_hours_goes_to_who_starts_in_the_morning() -> None:
    night = datetime(2026, 12, 27, 22, tzinfo=UTC)
    rota = working("asha", start=datetime(2026, 12, 28, 8, 30, tzinfo=UTC))

    decision = decide(nurse("asha"), nurse("ben"), now=night, rota=rota)

    assert decision.owner == staff("asha")
    assert decision.works_from == datetime(2026, 12, 28, 8, 30, tzinfo=UTC)
    assert "on shift tomorrow from 08:30" in routing.explain(decision)


def test_who_is_on_shift_now_but_not_at_the_opening_is_not_asked() -> None:
    night = datetime(2026, 12, 27, 22, tzinfo=UTC)
    rota = working("asha", start=night - HOUR, hours=4)

    assert decide(nurse("asha"), now=night, rota=rota).owner == "CareTeam/duty-desk"


def test_urgent_work_may_go_past_the_room_of_a_shift_by_an_hour() -> None:
    full = nurse("asha", load_minutes=360)
    urgent = replace(TASK, priority=Priority.URGENT, minutes=60)

    assert decide(full, task=urgent, calendar=AROUND_THE_CLOCK).owner == full.staff
    assert decide(full, task=replace(urgent, minutes=61)).owner == TASK.desk
    assert decide(full, task=replace(urgent, priority=Priority.ROUTINE)).owner == TASK.desk


def test_a_decision_replays_from_its_json_to_the_same_answer() -> None:
    away = Absence(staff("ben"), NOW - HOUR, NOW + HOUR, "leave")
    rota = replace(working("asha", "ben", "cleo"), absences=(away,))
    holiday = replace(DAYTIME, bank_holidays=frozenset({date(2026, 12, 25), date(2026, 12, 27)}))
    decision = decide(
        nurse("asha", skills=frozenset({"b", "a"})),
        nurse("ben"),
        nurse("cleo", last_saw=date(2026, 3, 3)),
        nurse("dan", team="CareTeam/elsewhere"),
        rota=rota,
        calendar=holiday,
    )

    stored, pieces = kept(decision)

    assert routing_record.replay(stored, pieces) == decision
    assert routing_record.unpack(stored, pieces) == decision


def test_a_changed_input_replays_to_another_answer() -> None:
    stored, pieces = kept(decide(nurse("asha"), nurse("ben")))
    stored["live"]["conflict"] = {"0": "sister"}

    again = routing_record.replay(stored, pieces)
    assert again.owner == staff("ben")
    assert not routing_record.is_kept_whole(stored, again)


def test_what_if_somebody_were_off() -> None:
    decision = decide(nurse("asha"), nurse("ben"))

    assert routing.what_if_off(decision, staff("asha")).owner == staff("ben")
    assert routing.what_if_off(decision, staff("ben")).owner == staff("asha")


def test_why_not_me() -> None:
    decision = decide(
        nurse("asha", areas=frozenset({"westcliff"})), nurse("ben"), nurse("x", team="CareTeam/z")
    )

    assert routing.why_not(decision, staff("asha")) == "It did come to you."
    assert "fitted better" in routing.why_not(decision, staff("ben"))
    assert "place" in routing.why_not(decision, staff("ben"))
    assert "not asked" in routing.why_not(decision, staff("x"))


def test_the_words_for_a_shift() -> None:
    overnight = working("asha", hours=12)
    later = working("asha", start=datetime(2026, 12, 29, 9, tzinfo=UTC))
    closed_till_tuesday = Calendar(
        "tuesday", "Tuesdays", ((), (Opening(day_time(8), day_time(20)),), (), (), (), (), ())
    )

    assert "until 00:00 on 28 December" in routing.explain(
        decide(nurse("asha"), rota=overnight, calendar=AROUND_THE_CLOCK)
    )
    assert "from 09:00 on 29 December" in routing.explain(
        decide(nurse("asha"), rota=later, calendar=closed_till_tuesday)
    )
    early = datetime(2026, 12, 27, 6, tzinfo=UTC)
    today = working("asha", start=datetime(2026, 12, 27, 8, tzinfo=UTC))
    assert "on shift from 08:00" in routing.explain(decide(nurse("asha"), rota=today, now=early))


def test_preferences_and_place_are_said() -> None:
    task = replace(TASK, language="pl", gender="female")
    zoe = nurse("zoe", languages=frozenset({"pl"}), gender="female", areas=frozenset({"westcliff"}))

    sentence = routing.explain(decide(zoe, task=task))

    assert "works in this area, speaks pl, of the gender this person asked for" in sentence


def test_a_last_contact_of_another_year_says_the_year() -> None:
    seen = nurse("asha", last_saw=date(2025, 12, 30))

    assert "on 30 December 2025" in routing.explain(decide(seen))


def test_a_thousand_candidates_take_less_than_fifty_milliseconds() -> None:
    people = [nurse(f"n{number:04d}", load_minutes=number % 300) for number in range(1000)]
    rota = working(*(f"n{number:04d}" for number in range(1000)))

    # Time of this thread only, the best of three: others share the machine.
    times = []
    for _ in range(3):
        began = time.thread_time()
        decide(*people, rota=rota)
        times.append(time.thread_time() - began)

    assert min(times) < 0.05
