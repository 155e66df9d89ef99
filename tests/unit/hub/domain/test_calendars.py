"""When a service is open: the clock changes, bank holidays and the edges of a day."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.domain import calendars
from hub.domain.calendars import (
    ALL_DAY,
    AROUND_THE_CLOCK,
    BankHolidayRule,
    Calendar,
    Opening,
    every_day,
)
from hub.domain.errors import RuleError

LONDON = ZoneInfo("Europe/London")
EIGHT_TO_EIGHT = every_day("7-day", "Every day 8 to 8", Opening(time(8), time(20)))
_WORKING = (Opening(time(8), time(18, 30)),)
HOLIDAYS = frozenset({date(2026, 12, 25), date(2026, 12, 28)})
WEEKDAYS = Calendar(
    code="weekdays",
    title="Monday to Friday",
    weekly=(_WORKING,) * 5 + ((), ()),
    on_bank_holiday=BankHolidayRule.CLOSED,
    bank_holidays=HOLIDAYS,
)


def at(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=LONDON)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (at(2026, 7, 5, 8), True),
        (at(2026, 7, 5, 7, 59), False),
        (at(2026, 7, 5, 19, 59), True),
        (at(2026, 7, 5, 20), False),
        # 08:00 by the wall is 08:00 UTC in winter, 07:00 UTC in summer.
        (datetime(2026, 1, 5, 7, 30, tzinfo=UTC), False),
        (datetime(2026, 7, 5, 7, 30, tzinfo=UTC), True),
    ],
)
def test_open_from_the_opening_until_before_the_close(moment: datetime, expected: bool) -> None:
    assert calendars.is_open(EIGHT_TO_EIGHT, moment) is expected


def test_a_bank_holiday_is_a_day_like_any_other_for_a_seven_day_service() -> None:
    christmas = at(2026, 12, 25, 12)
    seven_day = Calendar("x", "x", EIGHT_TO_EIGHT.weekly, bank_holidays=HOLIDAYS)

    assert calendars.is_open(seven_day, christmas)
    assert not calendars.is_open(WEEKDAYS, christmas)


def test_a_bank_holiday_can_be_like_a_sunday() -> None:
    sunday = (Opening(time(10), time(12)),)
    calendar = Calendar(
        code="sunday",
        title="As a Sunday",
        weekly=(_WORKING,) * 6 + (sunday,),
        on_bank_holiday=BankHolidayRule.AS_SUNDAY,
        bank_holidays=HOLIDAYS,
    )

    assert calendars.openings_on(calendar, date(2026, 12, 28)) == sunday


def test_next_open_skips_the_weekend_and_the_substitute_holiday() -> None:
    # 25 December 2026 is a Friday, Monday 28 is the substitute of Boxing Day.
    assert calendars.next_open(WEEKDAYS, at(2026, 12, 24, 19)) == at(2026, 12, 29, 8)
    assert calendars.next_open(WEEKDAYS, at(2026, 12, 24, 9, 5)) == at(2026, 12, 24, 9, 5)
    assert calendars.open_until(WEEKDAYS, at(2026, 12, 24, 9)) == at(2026, 12, 24, 18, 30)
    assert calendars.open_until(WEEKDAYS, at(2026, 12, 25, 9)) is None


def test_open_time_jumps_over_the_night() -> None:
    due = calendars.add_open_time(EIGHT_TO_EIGHT, at(2026, 7, 5, 19), timedelta(hours=4))

    assert due == at(2026, 7, 6, 11)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 5), 24)]
)
def test_a_whole_day_has_the_hours_that_pass_in_it(day: date, hours: int) -> None:
    start = datetime.combine(day, time(0), LONDON)

    passed = calendars.open_time_between(
        AROUND_THE_CLOCK, start, calendars.end_of_day(AROUND_THE_CLOCK, day)
    )

    assert passed == timedelta(hours=hours)


def test_an_opening_across_the_clock_change_counts_what_really_passes() -> None:
    night = every_day("night", "Nights", Opening(time(0), time(6)))

    # The clock goes from 02:00 back to 01:00: midnight to six is seven hours.
    due = calendars.add_open_time(night, at(2026, 10, 25), timedelta(hours=7))

    assert due == at(2026, 10, 25, 6)


def test_the_nth_open_day_counts_open_days_only() -> None:
    thursday = date(2026, 12, 24)

    assert calendars.open_day_after(WEEKDAYS, thursday, 1) == date(2026, 12, 29)
    assert calendars.open_day_after(WEEKDAYS, thursday, 5) == date(2027, 1, 4)
    assert calendars.open_day_after(WEEKDAYS, date(2026, 12, 26), 0) == date(2026, 12, 29)


def test_a_calendar_that_never_opens_is_refused_not_waited_for() -> None:
    never = Calendar("never", "Never", ((),) * 7)

    with pytest.raises(RuleError, match="never opens"):
        calendars.next_open(never, at(2026, 7, 5))
    with pytest.raises(RuleError, match="never opens"):
        calendars.open_day_after(never, date(2026, 7, 5), 1)
    with pytest.raises(RuleError, match="never opens"):
        calendars.add_open_time(never, at(2026, 7, 5), timedelta(minutes=1))


@pytest.mark.parametrize(
    "weekly",
    [
        ((ALL_DAY,),) * 6,
        ((Opening(time(9), time(8)),),) + ((),) * 6,
        ((Opening(time(8), time(12)), Opening(time(11), time(13))),) + ((),) * 6,
        ((ALL_DAY, Opening(time(9), time(10))),) + ((),) * 6,
    ],
)
def test_an_impossible_week_is_refused(weekly: tuple[tuple[Opening, ...], ...]) -> None:
    with pytest.raises(RuleError):
        Calendar("wrong", "Wrong", weekly)


def test_an_instant_without_its_time_zone_is_refused() -> None:
    with pytest.raises(RuleError, match="time zone"):
        calendars.is_open(EIGHT_TO_EIGHT, datetime(2026, 7, 5, 9))


def test_a_clock_never_runs_backwards() -> None:
    with pytest.raises(RuleError, match="forward"):
        calendars.add_open_time(EIGHT_TO_EIGHT, at(2026, 7, 5), timedelta(minutes=-1))


def test_no_open_time_between_an_instant_and_an_earlier_one() -> None:
    later, earlier = at(2026, 7, 5, 12), at(2026, 7, 5, 9)

    assert calendars.open_time_between(EIGHT_TO_EIGHT, later, earlier) == timedelta(0)
    assert calendars.add_open_time(EIGHT_TO_EIGHT, later, timedelta(0)) == later


def test_when_a_day_closes() -> None:
    assert calendars.close_of_day(WEEKDAYS, date(2026, 12, 24)) == at(2026, 12, 24, 18, 30)
    assert calendars.close_of_day(WEEKDAYS, date(2026, 12, 25)) is None
