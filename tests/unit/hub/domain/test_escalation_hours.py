"""Hours of a step: local times, days, holidays, service hours, and the nights of clock changes."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from hub.domain import escalation_hours
from hub.domain.calendars import AROUND_THE_CLOCK, Calendar, Opening
from hub.domain.errors import RuleError
from hub.domain.escalation_hours import Service, When

CHRISTMAS = date(2026, 12, 25)
DAY_SERVICE = Calendar(
    code="day",
    title="Every day",
    weekly=((Opening(time(8), time(20)),),) * 7,
    bank_holidays=frozenset({CHRISTMAS}),
)


def at(day: int, hour: int, minute: int = 0, month: int = 12) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "instant", "first"),
    [
        (When(starts=time(8), ends=time(20)), at(23, 21), at(24, 8)),
        (When(starts=time(20), ends=time(8)), at(23, 9), at(23, 20)),
        (When(starts=time(20), ends=time(8)), at(23, 3), at(23, 3)),
        # 23 December 2026 is a Wednesday.
        (When(weekend=True), at(23, 9), at(26, 0)),
        (When(weekend=False), at(26, 9), at(28, 0)),
        (When(days=("mon",)), at(23, 9), at(28, 0)),
        (When(bank_holiday=True), at(23, 9), at(25, 0)),
        (When(bank_holiday=False, starts=time(9), ends=time(17)), at(25, 1), at(26, 9)),
        (When(service=Service.CLOSED), at(23, 9, 30), at(23, 20)),
        (When(service=Service.OPEN), at(23, 20), at(24, 8)),
        # A holiday further off than a week is not waited for.
        (When(bank_holiday=True), at(1, 9), None),
    ],
)
def test_the_first_instant_in_the_hours(
    when: When, instant: datetime, first: datetime | None
) -> None:
    assert escalation_hours.first(when, DAY_SERVICE, instant) == first


def test_hours_are_local_in_summer() -> None:
    found = escalation_hours.first(
        When(starts=time(8), ends=time(20)), DAY_SERVICE, at(1, 3, month=7)
    )

    assert found == at(1, 7, month=7)


def test_hours_that_spring_leaves_out_begin_when_the_clock_jumps() -> None:
    """On 29 March 01:00 becomes 02:00: what starts at 01:30 starts then."""
    when = When(starts=time(1, 30), ends=time(4))

    assert escalation_hours.first(when, AROUND_THE_CLOCK, at(29, 0, month=3)) == at(29, 1, month=3)


def test_hours_that_autumn_has_twice_hold_twice() -> None:
    """On 25 October 01:30 comes at 00:30 and at 01:30 UTC."""
    when = When(starts=time(1, 30), ends=time(1, 45))

    first = escalation_hours.first(when, AROUND_THE_CLOCK, at(25, 0, month=10))
    assert first == at(25, 0, 30, month=10)
    again = escalation_hours.first(when, AROUND_THE_CLOCK, first + timedelta(minutes=15))
    assert again == at(25, 1, 30, month=10)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"starts": time(8)}, "when"),
        ({"starts": time(8), "ends": time(8)}, "when"),
        ({"days": ("monday",)}, "when.days"),
        ({"days": ("mon",), "weekend": True}, "when.weekend"),
        ({"days": ("sat",), "weekend": False}, "when.weekend"),
    ],
)
def test_hours_that_never_come_are_refused(fields: dict[str, object], field: str) -> None:
    with pytest.raises(RuleError) as refusal:
        When(**fields)  # type: ignore[arg-type]

    assert refusal.value.field == field


def test_hours_are_said_in_words() -> None:
    when = When(starts=time(8), ends=time(20), days=("mon", "tue"), bank_holiday=False)

    assert escalation_hours.said(when) == "08:00 to 20:00, Mon Tue, not on bank holidays"
    assert escalation_hours.said(When()) == "at any time"
