"""Demand has the numbers of the care model, by weekday and hour, and a day has its own length."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.domain.definition import HubDefinition
from hub.samples import SOUTHEND
from hub.samples.simulation.demand import Span, arrivals, expected
from hub.samples.simulation.world import World, southend
from hub.services import definitions

LONDON = ZoneInfo("Europe/London")
AUTUMN = Span(date(2026, 10, 12), 28)


@pytest.fixture(scope="module")
def hub() -> HubDefinition:
    return definitions.check(SOUTHEND)


@pytest.fixture(scope="module")
def world() -> World:
    return southend()


def test_a_working_day_has_sixty_seven_referrals_on_average(
    world: World, hub: HubDefinition
) -> None:
    quiet = Span(date(2027, 2, 1), 5)
    quiet_week = [date(2027, 2, 1) + timedelta(days=n) for n in range(5)]
    far = Span(date(2030, 1, 1), 1)

    means = [sum(expected(world, hub, far, day).values()) for day in quiet_week]

    assert sum(means) / 5 == pytest.approx(67, rel=0.001)
    assert means[0] > means[4]
    assert len(list(quiet)) == 5


def test_a_weekend_day_has_its_share(world: World, hub: HubDefinition) -> None:
    far = Span(date(2030, 1, 1), 1)

    saturday, sunday = (
        sum(expected(world, hub, far, date(2027, 2, day)).values()) for day in (6, 7)
    )

    assert saturday == pytest.approx(67 * 0.42)
    assert sunday == pytest.approx(67 * 0.36)


def test_a_bank_holiday_is_like_a_sunday(world: World, hub: HubDefinition) -> None:
    far = Span(date(2030, 1, 1), 1)

    assert expected(world, hub, far, date(2026, 12, 25)) == expected(
        world, hub, far, date(2026, 12, 27)
    )


def test_a_surge_is_three_times_and_the_stress_hour_ten_times(
    world: World, hub: HubDefinition
) -> None:
    far = Span(date(2030, 1, 1), 1)
    surge, stress = min(AUTUMN.surge_days), AUTUMN.stress_day

    usual, more = expected(world, hub, far, surge), expected(world, hub, AUTUMN, surge)
    assert {hour: 3 * mean for hour, mean in usual.items()} == pytest.approx(more)
    hours = expected(world, hub, AUTUMN, stress)
    share = world.hours[10] / sum(world.hours.values())
    assert hours[10] == pytest.approx(10 * 67 * share)
    assert hours[11] == expected(world, hub, far, stress)[11]


def test_arrivals_have_the_shape_that_is_expected(world: World, hub: HubDefinition) -> None:
    wanted = sum(sum(expected(world, hub, AUTUMN, day).values()) for day in AUTUMN)

    came = [each for seed in range(5) for each in arrivals(world, hub, AUTUMN, seed)]

    # The sum of Poisson draws: five standard deviations.
    assert abs(len(came) - 5 * wanted) < 5 * (5 * wanted) ** 0.5
    hours = Counter(each.at.astimezone(LONDON).hour for each in came)
    assert hours[11] > 3 * hours[18] > 3 * hours[3]
    returning = 1 - len({(id(each.person)) for each in came}) / len(came)
    assert 0.3 < returning < 0.5


def test_a_seed_sends_the_same_people_at_the_same_times(world: World, hub: HubDefinition) -> None:
    assert arrivals(world, hub, AUTUMN, 3) == arrivals(world, hub, AUTUMN, 3)
    assert arrivals(world, hub, AUTUMN, 3) != arrivals(world, hub, AUTUMN, 4)


def test_by_night_only_what_cannot_wait_comes(world: World, hub: HubDefinition) -> None:
    for each in arrivals(world, hub, AUTUMN, 3):
        if not 8 <= each.at.astimezone(LONDON).hour < 20:
            assert each.urgent
            assert each.service == "urgent-response"


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 10, 25), 25), (date(2027, 3, 28), 23), (date(2026, 11, 3), 24)]
)
def test_every_arrival_lies_in_its_own_local_day(
    world: World, hub: HubDefinition, day: date, hours: int
) -> None:
    starts = datetime.combine(day, datetime.min.time(), LONDON).astimezone(UTC)
    ends = datetime.combine(day + timedelta(days=1), datetime.min.time(), LONDON).astimezone(UTC)

    came = [each for seed in range(20) for each in arrivals(world, hub, Span(day, 1), seed)]

    assert ends - starts == timedelta(hours=hours)
    assert all(starts <= each.at < ends and each.day == day for each in came)
