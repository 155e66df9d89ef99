"""Clocks of the care model, section 4, over nights, weekends, holidays and clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.domain import clocks
from hub.domain.calendars import BankHolidayRule, Calendar, Opening, every_day
from hub.domain.clocks import ClockKind, ClockRule, Pause
from hub.domain.errors import RuleError

LONDON = ZoneInfo("Europe/London")
EIGHT_TO_EIGHT = every_day("7-day", "Every day 8 to 8", Opening(time(8), time(20)))
WEEKDAYS = Calendar(
    code="weekdays",
    title="Monday to Friday",
    weekly=((Opening(time(8), time(18, 30)),),) * 5 + ((), ()),
    on_bank_holiday=BankHolidayRule.CLOSED,
    bank_holidays=frozenset({date(2026, 12, 25), date(2026, 12, 28)}),
)
CRISIS = ClockRule("ucr", "Urgent community response", ClockKind.ELAPSED, minutes=120)
TRIAGE = ClockRule(
    "triage",
    "Routine triage",
    ClockKind.CALENDAR,
    minutes=240,
    pause_reasons=frozenset({"awaiting-information"}),
)
PRIMARY_CARE = ClockRule(
    "routine",
    "Routine primary care",
    ClockKind.CALENDAR,
    days=5,
    pause_reasons=frozenset({"person-away"}),
)
CHC = ClockRule("chc", "Continuing health care decision", ClockKind.CALENDAR_DAYS, days=28)


def at(month: int, day: int, hour: int = 0, minute: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=LONDON)


@pytest.mark.parametrize("started", [at(3, 29, 0, 30), at(10, 25, 0, 30), at(7, 5, 23, 30)])
def test_two_hours_are_two_hours_whatever_the_wall_clock_does(started: datetime) -> None:
    due = clocks.due_at(CRISIS, started, EIGHT_TO_EIGHT)

    assert due - started.astimezone(UTC) == timedelta(hours=2)


def test_an_elapsed_clock_runs_while_the_service_is_closed() -> None:
    assert clocks.due_at(CRISIS, at(7, 5, 21), EIGHT_TO_EIGHT) == at(7, 5, 23)


def test_a_calendar_clock_runs_in_open_hours_only() -> None:
    assert clocks.due_at(TRIAGE, at(7, 5, 18), EIGHT_TO_EIGHT) == at(7, 6, 10)


def test_working_days_skip_weekend_and_bank_holidays() -> None:
    # Thursday 24 December: Tuesday 29 is the first working day after it.
    due = clocks.due_at(PRIMARY_CARE, at(12, 24, 10), WEEKDAYS)

    assert due == at(1, 4, 18, 30, year=2027)


def test_calendar_days_end_with_the_day() -> None:
    # Twenty-eight days from 1 March cross the clock change; due when the local day ends.
    assert clocks.due_at(CHC, at(3, 1, 15)) == at(3, 30)


def test_day_91_or_the_next_open_day() -> None:
    rule = ClockRule("day-91", "Follow-up", ClockKind.CALENDAR_DAYS, days=91, roll_to_open_day=True)
    # Ninety-one days after 26 September is Saturday 26 December; Tuesday 29 is open.
    assert clocks.due_at(rule, at(9, 26, 9), WEEKDAYS) == at(12, 30)


def test_days_of_an_elapsed_clock_are_24_hours() -> None:
    rule = ClockRule("edd", "Expected date of discharge", ClockKind.ELAPSED, days=1)

    assert clocks.due_at(rule, at(3, 28, 12)) == at(3, 29, 13)


def test_a_pause_stops_the_clock_for_open_time_only() -> None:
    pause = Pause(at(7, 5, 19), at(7, 6, 9), "awaiting-information")

    # 18:00 + 1 h, stands to 09:00, 3 h left.
    assert clocks.due_at(TRIAGE, at(7, 5, 18), EIGHT_TO_EIGHT, [pause]) == at(7, 6, 12)


def test_overlapping_pauses_count_once() -> None:
    pauses = [
        Pause(at(7, 5, 9), at(7, 5, 11), "awaiting-information"),
        Pause(at(7, 5, 10), at(7, 5, 12), "awaiting-information"),
    ]

    assert clocks.due_at(TRIAGE, at(7, 5, 8), EIGHT_TO_EIGHT, pauses) == at(7, 5, 15)
    reading = clocks.read(TRIAGE, at(7, 5, 8), at(7, 5, 13), EIGHT_TO_EIGHT, pauses)
    assert reading.share == 0.5


def test_a_pause_with_a_reason_the_clock_does_not_know_hides_nothing() -> None:
    pause = Pause(at(7, 5, 9), at(7, 5, 11), "too-busy")

    assert clocks.due_at(TRIAGE, at(7, 5, 8), EIGHT_TO_EIGHT, [pause]) == at(7, 5, 12)
    with pytest.raises(RuleError, match="awaiting-information"):
        clocks.check_pause(TRIAGE, "too-busy")
    clocks.check_pause(TRIAGE, "awaiting-information")


def test_a_safety_clock_cannot_be_paused() -> None:
    with pytest.raises(RuleError, match="cannot be paused"):
        clocks.check_pause(CRISIS, "awaiting-information")
    with pytest.raises(RuleError, match="elapsed"):
        ClockRule("x", "x", ClockKind.ELAPSED, minutes=5, pause_reasons=frozenset({"any"}))


def test_an_open_pause_moves_the_due_instant_with_now() -> None:
    pause = Pause(at(7, 5, 9), None, "awaiting-information")

    def due(now: datetime) -> datetime:
        return clocks.due_at(TRIAGE, at(7, 5, 8), EIGHT_TO_EIGHT, [pause], now)

    assert due(at(7, 5, 10)) == at(7, 5, 13)
    assert due(at(7, 5, 11)) == at(7, 5, 14)
    with pytest.raises(RuleError, match="open pause"):
        clocks.due_at(TRIAGE, at(7, 5, 8), EIGHT_TO_EIGHT, [pause])


def test_a_pause_of_a_day_moves_a_clock_of_days_by_a_working_day() -> None:
    pause = Pause(at(7, 7, 9), at(7, 8, 9), "person-away")

    without = clocks.due_at(PRIMARY_CARE, at(7, 6, 9), WEEKDAYS)

    assert without == at(7, 13, 18, 30)
    assert clocks.due_at(PRIMARY_CARE, at(7, 6, 9), WEEKDAYS, [pause]) == at(7, 14, 18, 30)


def test_reading_half_way() -> None:
    reading = clocks.read(CRISIS, at(7, 5, 12), at(7, 5, 13), EIGHT_TO_EIGHT)

    assert reading.share == 0.5
    assert reading.due_at == at(7, 5, 14)
    assert not reading.breached
    # Half time is now, not ahead.
    assert (reading.next_threshold, reading.next_at) == (75, at(7, 5, 13, 30))


def test_a_clock_is_breached_at_its_due_instant() -> None:
    reading = clocks.read(CRISIS, at(7, 5, 12), at(7, 5, 14), EIGHT_TO_EIGHT)

    assert reading.breached
    assert reading.share == 1
    assert reading.next_threshold is None


def test_a_paused_clock_says_so_and_does_not_breach() -> None:
    pause = Pause(at(7, 5, 9), None, "awaiting-information")

    reading = clocks.read(TRIAGE, at(7, 5, 8), at(7, 5, 19), EIGHT_TO_EIGHT, [pause])

    assert reading.paused
    assert not reading.breached
    assert reading.share == 0.25


def test_a_pause_that_has_ended_is_over() -> None:
    pause = Pause(at(7, 5, 9), at(7, 5, 10), "awaiting-information")

    assert not clocks.read(TRIAGE, at(7, 5, 8), at(7, 5, 10), EIGHT_TO_EIGHT, [pause]).paused


def test_thresholds_of_a_calendar_clock_lie_in_open_hours() -> None:
    half = clocks.instant_of(TRIAGE, at(7, 5, 19), 50, calendar=EIGHT_TO_EIGHT)

    assert half == at(7, 6, 9)


def test_half_time_of_working_days_is_counted_in_open_hours() -> None:
    # From Monday 08:00 to the close of the next Monday: six days of 10.5 hours, half is 31.5.
    half = clocks.instant_of(PRIMARY_CARE, at(7, 6, 8), 50, calendar=WEEKDAYS)

    assert half == at(7, 8, 18, 30)


@pytest.mark.parametrize("amounts", [{}, {"minutes": 5, "days": 1}])
def test_a_clock_has_minutes_or_days(amounts: dict[str, int]) -> None:
    with pytest.raises(RuleError, match="minutes or days"):
        ClockRule("x", "x", ClockKind.CALENDAR, **amounts)  # type: ignore[arg-type]


def test_calendar_days_are_days() -> None:
    with pytest.raises(RuleError, match="counts days"):
        ClockRule("x", "x", ClockKind.CALENDAR_DAYS, minutes=5)
