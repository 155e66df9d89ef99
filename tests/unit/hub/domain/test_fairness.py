"""Weekends, nights, bank holidays and hours, compared within team and role."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.domain import fairness
from hub.domain.definition import HubDefinition
from hub.domain.fairness import Group, Tally
from hub.domain.rota import ON_CALL, Absence, Rota, Shift
from hub.samples import SOUTHEND
from hub.services import definitions

HERE = ZoneInfo("Europe/London")
RUTH = "Practitioner/ruth-rapid"


@pytest.fixture(scope="module")
def hub() -> HubDefinition:
    return definitions.check(SOUTHEND)


def at(day: str, hour: int) -> datetime:
    return datetime.combine(
        date.fromisoformat(day), datetime.min.time().replace(hour=hour), HERE
    ).astimezone(UTC)


def shift(day: str, hour: int, hours: float, kind: str = "work") -> Shift:
    start = at(day, hour)
    return Shift(RUTH, "CareTeam/rapid-response", start, start + timedelta(hours=hours), kind=kind)


def ruth(hub: HubDefinition, *shifts: Shift, absences: tuple[Absence, ...] = ()) -> Tally:
    return fairness.tallies(hub, Rota(shifts, absences), at("2026-10-05", 0), at("2026-12-28", 0))[
        RUTH
    ]


def test_a_weekend_shift_is_one_whose_middle_lies_in_it(hub: HubDefinition) -> None:
    found = ruth(
        hub,
        shift("2026-11-27", 20, 12),  # Friday night: its middle is Saturday, 2am
        shift("2026-11-28", 8, 8),
        shift("2026-11-29", 20, 12),  # Sunday night: its middle is Monday
        shift("2026-11-30", 8, 8),
    )

    assert (found.weekends, found.nights, found.hours) == (2, 2, 40)


@pytest.mark.parametrize(
    ("day", "hour", "hours", "night"),
    [
        ("2026-11-24", 20, 6, True),  # to 2am: three hours of the night
        ("2026-11-24", 20, 5.9, False),
        ("2026-11-24", 3, 8, True),
        ("2026-11-24", 4, 8, False),
        ("2026-10-24", 20, 6, True),  # the clocks go back at 2: 1am comes twice
        ("2026-11-24", 8, 12, False),
    ],
)
def test_a_night_is_three_hours_between_eleven_and_six(
    hub: HubDefinition, day: str, hour: int, hours: float, night: bool
) -> None:
    assert ruth(hub, shift(day, hour, hours)).nights == night


def test_a_bank_holiday_counts_with_its_substitute(hub: HubDefinition) -> None:
    assert ruth(hub, shift("2026-12-25", 8, 8)).bank_holidays == 1
    later = fairness.tallies(
        hub, Rota((shift("2026-12-28", 8, 8),)), at("2026-12-01", 0), at("2027-01-01", 0)
    )
    assert later[RUTH].bank_holidays == 1


def test_an_absence_is_not_worked_and_on_call_stands_apart(hub: HubDefinition) -> None:
    sick = Absence(RUTH, at("2026-11-28", 12), at("2026-11-29", 23), "sickness")

    found = ruth(
        hub,
        shift("2026-11-28", 8, 8),
        shift("2026-11-29", 8, 8),  # all of it away
        shift("2026-11-30", 20, 12, ON_CALL),
        absences=(sick,),
    )

    assert (found.weekends, found.hours, found.on_call_hours, found.nights) == (1, 4, 12, 0)


def test_a_shift_belongs_to_the_period_in_which_it_starts(hub: HubDefinition) -> None:
    assert ruth(hub, shift("2026-10-04", 20, 12)).hours == 0
    assert ruth(hub, shift("2026-12-27", 20, 12)).hours == 12


def test_the_contract_comes_from_the_pattern(hub: HubDefinition) -> None:
    # E E E - - L L, L L - E E - -, - - E L L E E, E L L E E - -: 19 shifts of 8 hours in 4 weeks.
    assert fairness.contract_week(hub, hub.staff["ruth-rapid"]) == 19 * 8 / 4
    # Nights run past midnight.
    assert fairness.contract_week(hub, hub.staff["omar-nights"]) == 14 * 12 / 4
    # Twelve weeks, and the hour that comes twice.
    assert ruth(hub).contract == pytest.approx(12 * 38, abs=0.3)


def test_contracted_hours_and_part_time_days_come_before_the_pattern(hub: HubDefinition) -> None:
    ruth = replace(hub.staff["ruth-rapid"], working_days=(), contracted_hours=None)
    broken = replace(
        hub,
        shift_times={
            code: replace(each, break_minutes=30) for code, each in hub.shift_times.items()
        },
    )
    whole = fairness.contract_week(broken, ruth)

    assert whole == 38  # breaks are in the shifts, so they are in the hours
    assert fairness.contract_week(broken, replace(ruth, contracted_hours=40)) == 40 + 19 / 8
    weekdays = replace(ruth, working_days=("mon", "tue", "wed"))
    assert fairness.contract_week(broken, weekdays) < whole / 2 + 1


def group(*members: Tally) -> Group:
    spreads = fairness._spreads(members) if len(members) > 1 else ()
    return Group("a", "b", members, spreads, fairness._sentence(members, spreads))


def tally(
    name: str, weekends: int = 0, nights: int = 0, hours: float = 100, contract: float = 100
) -> Tally:
    return Tally(name, name, weekends, nights, 0, hours, 0, contract)


def test_the_sentence_names_who_has_most_and_who_has_least() -> None:
    found = group(tally("Ann", 9, 4), tally("Ben", 3, 4), tally("Cy", 6, 5))

    assert found.sentence == (
        "Not even: weekends from 3 (Ben) to 9 (Ann). Evenly shared: nights and hours."
    )
    weekends = found.spreads[0]
    assert (weekends.low, weekends.high, weekends.even) == (3, 9, False)
    assert weekends.variation == pytest.approx(0.408, abs=0.001)


def test_half_a_contract_carries_half_the_weekends() -> None:
    fair = group(tally("Ann", 8), tally("Ben", 4, hours=50, contract=50))
    unfair = group(tally("Ann", 8), tally("Ben", 8, hours=50, contract=50))

    assert fair.sentence == "Evenly shared: weekends and hours."
    assert fair.spreads[0].variation == 0
    assert "weekends from 8 (Ann) to 8 (Ben)" in unfair.sentence


def test_hours_are_compared_as_shares_of_the_contract() -> None:
    assert (
        "hours from 80% of contract (Ann) to 115% (Ben)"
        in group(tally("Ann", hours=80), tally("Ben", hours=115)).sentence
    )


def test_one_person_alone_or_nothing_worked_is_said_so() -> None:
    assert "nobody to compare" in group(tally("Ann", 9)).sentence
    none = replace(tally("Ann"), hours=0)
    assert group(none, replace(none, name="Ben")).sentence == "Nothing was worked in this time."


def test_everybody_of_the_hub_is_in_one_group(hub: HubDefinition) -> None:
    tallies = fairness.tallies(hub, Rota(), at("2026-10-05", 0), at("2026-12-28", 0))

    listed = [each.staff for found in fairness.groups(hub, tallies) for each in found.tallies]

    assert sorted(listed) == sorted(f"Practitioner/{username}" for username in hub.staff)
