"""The sample rota: every seven-day team is there every day, holidays and clock changes included."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from hub.domain.definition import HubDefinition
from hub.domain.rota import overlapping
from hub.domain.rota_patterns import planned, weekly_hours
from hub.domain.staffing import RotaPattern, ShiftTime
from hub.samples import SOUTHEND
from hub.services import definitions
from hub.services.definition_references import dangling


@pytest.fixture(scope="module")
def southend() -> HubDefinition:
    return definitions.check(SOUTHEND)


def test_every_seven_day_team_works_every_day_of_a_year(southend: HubDefinition) -> None:
    first = date(2026, 11, 1)
    on_duty = defaultdict(set)
    for shift in planned(southend, first, first + timedelta(days=364)):
        on_duty[shift.starts_at.astimezone(UTC).date()].add(shift.team)

    seven_day = {
        f"CareTeam/{team.code}"
        for team in southend.teams.values()
        if team.calendar in {"seven-day", "spor-hours", "24x7"}
    }
    for number in range(365):
        day = first + timedelta(days=number)
        assert seven_day <= on_duty[day], day


def test_weekday_staff_rest_on_bank_holidays(southend: HubDefinition) -> None:
    christmas = date(2026, 12, 25)

    teams = {shift.team for shift in planned(southend, christmas, christmas)}

    assert "CareTeam/general-practice" not in teams
    assert "CareTeam/rapid-response" in teams


def test_nobody_works_two_shifts_at_once(southend: HubDefinition) -> None:
    assert overlapping(planned(southend, date(2026, 10, 1), date(2027, 4, 30))) == ()


def test_a_night_shift_spans_the_clock_change(southend: HubDefinition) -> None:
    night = next(
        shift
        for shift in planned(southend, date(2026, 10, 24), date(2026, 10, 24))
        if shift.team == "CareTeam/duty-desk" and shift.starts_at.hour == 19
    )

    assert night.starts_at == datetime(2026, 10, 24, 19, tzinfo=UTC)
    assert night.ends_at - night.starts_at == timedelta(hours=13)


def test_a_night_shift_is_short_when_the_clocks_go_forward(southend: HubDefinition) -> None:
    night = next(
        shift
        for shift in planned(southend, date(2027, 3, 27), date(2027, 3, 27))
        if shift.team == "CareTeam/duty-desk" and shift.starts_at.hour == 20
    )
    assert night.ends_at - night.starts_at == timedelta(hours=11)


def part_timer(hub: HubDefinition, **said: object) -> HubDefinition:
    changed = replace(hub.staff["asha-nurse"], **said)  # type: ignore[arg-type]
    return replace(hub, staff=dict(hub.staff) | {"asha-nurse": changed})


def test_somebody_part_time_works_their_days_of_the_pattern(southend: HubDefinition) -> None:
    hub = part_timer(southend, working_days=("mon", "tue"))
    days = {
        shift.starts_at.weekday()
        for shift in planned(hub, date(2026, 11, 2), date(2026, 11, 29))
        if shift.staff == "Practitioner/asha-nurse"
    }
    assert days == {0, 1}


def test_the_hours_of_a_pattern_leave_breaks_and_on_call_out(southend: HubDefinition) -> None:
    asha = southend.staff["asha-nurse"]
    times = {
        "E": ShiftTime("E", "Early", time(7, 30), time(15, 30), break_minutes=30),
        "N": ShiftTime("N", "Night", time(20), time(8)),
        "C": ShiftTime("C", "Call", time(20), time(8), kind="on-call"),
    }
    week = RotaPattern("p", "P", (("E", "N", "C", None, None, None, None),))
    assert weekly_hours(asha, week, times) == 19.5
    monday = replace(asha, working_days=("mon",))
    assert weekly_hours(monday, week, times) == 7.5


def test_a_pattern_that_plans_more_than_the_contract_is_refused(southend: HubDefinition) -> None:
    assert list(dangling(part_timer(southend, contracted_hours=40))) == []
    ((section, problem),) = dangling(part_timer(southend, contracted_hours=20))
    assert section == "staff"
    assert "staff.asha-nurse.contracted_hours: round-the-week plans" in problem
    fewer = part_timer(southend, contracted_hours=20, working_days=("mon", "tue"))
    assert list(dangling(fewer)) == []


def test_an_on_call_time_of_a_pattern_is_an_on_call_shift(southend: HubDefinition) -> None:
    early = replace(southend.shift_times["E"], kind="on-call")
    hub = replace(southend, shift_times=dict(southend.shift_times) | {"E": early})
    day = date(2026, 11, 2)
    kinds = {(s.starts_at.hour, s.kind) for s in planned(hub, day, day) if "nursing" in s.team}
    assert (7, "on-call") in kinds
    assert (12, "work") in kinds
