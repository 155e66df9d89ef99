"""Coverage: what is needed, who is there, what is missing, over clock changes and absences."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.domain import cover
from hub.domain.calendars import ALL_DAY, BankHolidayRule, Calendar, Opening, every_day
from hub.domain.cover import Hole, Missing, Skills
from hub.domain.cover_needs import CoverNeed, Need, with_skill
from hub.domain.errors import RuleError
from hub.domain.rota import ON_CALL, Absence, Rota, Shift

TEAM = "CareTeam/a"
HERE = ZoneInfo("Europe/London")
MONDAY = datetime(2026, 11, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOBODY: Skills = {}
OFFICE = Opening(time(8), time(20))


def need(*openings: Opening, **more: object) -> Need:
    made = Need("nurses", "Nurses", TEAM, every_day("d", "Daily", *(openings or (OFFICE,))))
    return replace(made, **more)  # type: ignore[arg-type]


def shift(
    staff: str, start: float, end: float, *, kind: str = "work", role: str = "nurse"
) -> Shift:
    return Shift(
        f"Practitioner/{staff}", TEAM, MONDAY + start * HOUR, MONDAY + end * HOUR, role, None, kind
    )


def holes(
    wanted: Need,
    *shifts: Shift,
    absences: tuple[Absence, ...] = (),
    skills: Skills = NOBODY,
    days: int = 1,
) -> list[tuple[float, float, Missing, int]]:
    """Return the holes in hours from Monday midnight."""
    found = cover.all_holes([wanted], Rota(shifts, absences), skills, MONDAY, MONDAY + days * DAY)
    return [
        ((each.starts_at - MONDAY) / HOUR, (each.ends_at - MONDAY) / HOUR, each.missing, each.short)
        for each in found
    ]


def test_a_hole_is_what_the_shifts_leave_of_the_needed_hours() -> None:
    found = holes(need(), shift("asha", 7.5, 12.5), shift("ben", 13, 19.25))

    assert found == [(12.5, 13, Missing.NOBODY, 1), (19.25, 20, Missing.NOBODY, 1)]


def test_a_fortnight_that_is_met_has_no_hole() -> None:
    shifts = [shift("asha", day * 24 + 8, day * 24 + 20) for day in range(14)]

    assert holes(need(), *shifts, days=14) == []
    assert len(holes(need(), *shifts[:-1], days=14)) == 1


def test_fewer_than_needed_is_told_from_nobody() -> None:
    wanted = need(least=3)

    found = holes(wanted, shift("asha", 8, 20), shift("ben", 10, 12))

    assert found == [
        (8, 10, Missing.TOO_FEW, 2),
        (10, 12, Missing.TOO_FEW, 1),
        (12, 20, Missing.TOO_FEW, 2),
    ]


def test_another_role_or_team_does_not_count() -> None:
    other = replace(shift("cy", 8, 20), team="CareTeam/b")

    assert holes(need(roles=frozenset({"nurse"})), shift("bo", 8, 20, role="porter"), other) == [
        (8, 20, Missing.NOBODY, 1)
    ]


def test_a_shift_kept_for_another_service_does_not_count() -> None:
    wanted = need(service="falls")
    falls = replace(shift("asha", 8, 12), service="HealthcareService/falls")
    other = replace(shift("ben", 8, 20), service="HealthcareService/physiotherapy")

    assert holes(wanted, falls, other) == [(12, 20, Missing.NOBODY, 1)]
    assert holes(need(), falls, other) == []  # a team's need takes every shift of the team


def test_people_without_the_skill_are_there_and_the_skill_is_missing() -> None:
    wanted = need(skills=frozenset({"cannulation"}))
    skills = {"Practitioner/ben": frozenset({"cannulation", "catheter"})}

    found = holes(wanted, shift("asha", 8, 20), shift("ben", 14, 20), skills=skills)

    assert found == [(8, 14, Missing.SKILL, 1)]


def test_people_on_call_are_not_at_work() -> None:
    found = holes(need(), shift("asha", 8, 12), shift("ben", 10, 18, kind=ON_CALL))

    assert found == [(12, 18, Missing.ONLY_ON_CALL, 1), (18, 20, Missing.NOBODY, 1)]


def test_an_empty_on_call_shift_is_a_hole_though_somebody_is_at_work() -> None:
    wanted = need(least_on_call=1)

    found = holes(wanted, shift("asha", 8, 20), shift("ben", 8, 13, kind=ON_CALL))

    assert found == [(13, 20, Missing.NO_ON_CALL, 1)]
    assert holes(need(least=0, least_on_call=1), shift("asha", 8, 20)) == [
        (8, 20, Missing.NO_ON_CALL, 1)
    ]


def test_an_absence_takes_its_own_time_out_of_a_shift() -> None:
    dentist = Absence("Practitioner/asha", MONDAY + 10 * HOUR, MONDAY + 11.5 * HOUR, "other")
    sick = Absence("Practitioner/asha", MONDAY + 15 * HOUR, None, "sickness")

    found = holes(need(), shift("asha", 8, 20), absences=(dentist, sick))

    assert found == [(10, 11.5, Missing.NOBODY, 1), (15, 20, Missing.NOBODY, 1)]
    assert cover.lost_to_absence(
        need(), Rota((shift("asha", 8, 20),), (sick,)), NOBODY, MONDAY, MONDAY + DAY
    ) == ["Practitioner/asha"]
    assert (
        cover.lost_to_absence(
            need(), Rota((shift("asha", 8, 12),), (sick,)), NOBODY, MONDAY, MONDAY + DAY
        )
        == []
    )


def test_one_person_with_two_rows_for_one_time_is_one_person() -> None:
    assert holes(need(least=2), shift("asha", 8, 20), shift("asha", 8, 20)) == [
        (8, 20, Missing.TOO_FEW, 1)
    ]


def test_a_change_of_persons_is_no_end_of_a_hole() -> None:
    found = holes(need(least=2), shift("asha", 8, 14), shift("ben", 14, 20))

    assert found == [(8, 20, Missing.TOO_FEW, 1)]


def test_a_night_without_anybody_is_one_hole_over_midnight() -> None:
    wanted = need(ALL_DAY)

    found = holes(wanted, shift("asha", 0, 20), shift("ben", 32, 48), days=2)

    assert found == [(20, 32, Missing.NOBODY, 1)]


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)]
)
def test_a_day_of_a_clock_change_needs_the_hours_that_it_has(day: date, hours: int) -> None:
    start = datetime.combine(day, time(0), HERE).astimezone(UTC)
    end = datetime.combine(day + DAY, time(0), HERE).astimezone(UTC)

    found = cover.stretches(need(ALL_DAY), (), NOBODY, start, end)

    assert sum((each.ends_at - each.starts_at for each in found), timedelta(0)) == hours * HOUR
    assert len(cover.cells(need(ALL_DAY), found, start, end)) == hours


def test_a_night_shift_over_the_clock_change_covers_the_whole_night() -> None:
    """20:00 to 08:00 by the wall is 13 hours in October and 11 in March; neither has a hole."""
    for day in (date(2026, 10, 24), date(2026, 3, 28)):
        start = datetime.combine(day, time(20), HERE).astimezone(UTC)
        end = datetime.combine(day + DAY, time(8), HERE).astimezone(UTC)
        night = Shift("Practitioner/omar", TEAM, start, end, "nurse")

        assert cover.all_holes([need(ALL_DAY)], Rota((night,)), NOBODY, start, end) == ()
        late = replace(night, ends_at=end - HOUR / 2)
        assert cover.all_holes([need(ALL_DAY)], Rota((late,)), NOBODY, start, end) == (
            Hole("nurses", TEAM, end - HOUR / 2, end, Missing.NOBODY, 1),
        )


CHRISTMAS = date(2026, 12, 25)  # a Friday


@pytest.mark.parametrize(
    ("rule", "own", "hours"),
    [
        (BankHolidayRule.AS_ANY_DAY, None, 12),
        (BankHolidayRule.CLOSED, None, 0),
        (BankHolidayRule.AS_SUNDAY, None, 4),
        (BankHolidayRule.AS_ANY_DAY, (Opening(time(9), time(9, 30)),), 0.5),
        (BankHolidayRule.CLOSED, (Opening(time(9), time(10)),), 1),
        (BankHolidayRule.AS_ANY_DAY, (), 0),
    ],
)
def test_a_bank_holiday_needs_what_its_rule_says(
    rule: BankHolidayRule, own: tuple[Opening, ...] | None, hours: float
) -> None:
    calendar = Calendar(
        "x",
        "X",
        (*(((OFFICE,),) * 6), (Opening(time(10), time(14)),)),
        on_bank_holiday=rule,
        bank_holidays=frozenset({CHRISTMAS}),
    )
    wanted = Need("n", "N", TEAM, calendar, bank_holiday=own)
    start = datetime(2026, 12, 25, tzinfo=UTC)

    found = cover.needed_spans(wanted, start, start + DAY)

    assert sum(((end - begin) / HOUR for begin, end in found)) == hours


def test_a_cell_says_the_worst_of_its_hour() -> None:
    wanted = need(least=2)
    rota = Rota((shift("asha", 8, 12), shift("ben", 8, 9.5), shift("cy", 11.75, 20)))
    found = cover.stretches(wanted, cover.presences(rota)[TEAM], NOBODY, MONDAY, MONDAY + DAY)

    cells = cover.cells(wanted, found, MONDAY, MONDAY + DAY)

    assert [each.starts_at.hour for each in cells] == list(range(8, 20))
    assert [(each.fewest, each.missing, each.short_for) for each in cells[:5]] == [
        (2, None, timedelta(0)),
        (1, Missing.TOO_FEW, HOUR / 2),
        (1, Missing.TOO_FEW, HOUR),
        (1, Missing.TOO_FEW, HOUR * 0.75),
        (1, Missing.TOO_FEW, HOUR),
    ]


def test_cells_are_hours_even_where_the_need_begins_at_half_past() -> None:
    wanted = need(Opening(time(8, 30), time(10, 15)))
    found = cover.stretches(wanted, (), NOBODY, MONDAY, MONDAY + DAY)

    cells = cover.cells(wanted, found, MONDAY, MONDAY + DAY)

    assert [(each.starts_at.hour, each.needed_for / HOUR) for each in cells] == [
        (8, 0.5),
        (9, 1),
        (10, 0.25),
    ]


def test_the_share_counts_persons_and_nobody_twice() -> None:
    wanted = need(least=2, least_on_call=1)
    rota = Rota(
        (
            shift("asha", 8, 20),
            shift("ben", 8, 14),
            shift("cy", 8, 11),  # a third: more than is needed is no cover of anything
            shift("di", 8, 20, kind=ON_CALL),
        )
    )
    found = cover.stretches(wanted, cover.presences(rota)[TEAM], NOBODY, MONDAY, MONDAY + DAY)

    share = cover.share(wanted, found)

    assert (share.needed, share.covered) == (36 * HOUR, 30 * HOUR)
    assert share.ratio == pytest.approx(30 / 36)
    assert cover.Share().ratio is None


def test_the_question_for_a_skill_counts_everybody_who_has_it() -> None:
    wanted = with_skill(need(least=3, roles=frozenset({"nurse"})), "syringe-driver")
    skills = {"Practitioner/bo": frozenset({"syringe-driver"})}

    assert holes(wanted, shift("bo", 8, 18, role="medic"), skills=skills) == [
        (18, 20, Missing.NOBODY, 1)
    ]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "team"),
        ({"team": "a", "service": "b"}, "team"),
        ({"team": "a", "calendar": "x", "weekly": ((),) * 7}, "calendar"),
        ({"team": "a", "least": 0}, "least"),
    ],
)
def test_a_need_that_cannot_be_meant_is_refused(said: dict[str, object], field: str) -> None:
    with pytest.raises(RuleError) as refusal:
        CoverNeed("n", "N", **said)  # type: ignore[arg-type]

    assert refusal.value.field == field
