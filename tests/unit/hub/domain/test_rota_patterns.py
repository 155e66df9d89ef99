"""The sample rota: every seven-day team is there every day, holidays and clock changes included."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import pytest

from hub.domain.definition import HubDefinition
from hub.domain.rota import overlapping
from hub.domain.rota_patterns import planned
from hub.samples import SOUTHEND
from hub.services import definitions


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
