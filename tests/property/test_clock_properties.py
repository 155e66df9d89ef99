"""Calendars and clocks for any instant, any week, any holidays: no hour is gained or lost."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from hub.domain import calendars, clocks
from hub.domain.calendars import AROUND_THE_CLOCK, BankHolidayRule, Calendar, Opening
from hub.domain.clocks import ClockKind, ClockRule, Pause

LONDON = ZoneInfo("Europe/London")
# Around both clock changes of 2026, where mistakes live, and anywhere else.
NEAR_CHANGES = [datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)]
instants = st.one_of(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 1), timezones=st.just(UTC)),
    st.builds(
        lambda base, minutes: base + timedelta(minutes=minutes),
        st.sampled_from(NEAR_CHANGES),
        st.integers(0, 3 * 24 * 60),
    ),
)
amounts = st.integers(0, 10 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))


@st.composite
def openings(draw: st.DrawFn) -> tuple[Opening, ...]:
    marks = draw(st.lists(st.integers(0, 47), min_size=0, max_size=4, unique=True).map(sorted))
    pairs = zip(marks[::2], marks[1::2], strict=False)
    return tuple(
        Opening(time(start // 2, start % 2 * 30), time(end // 2, end % 2 * 30))
        for start, end in pairs
    )


@st.composite
def weeks(draw: st.DrawFn) -> Calendar:
    always = (Opening(time(9), time(17)),)
    week = [draw(openings()) for _ in range(6)] + [always]
    return Calendar(
        code="any",
        title="Any",
        weekly=tuple(week),
        on_bank_holiday=draw(st.sampled_from(BankHolidayRule)),
        bank_holidays=frozenset(
            draw(st.lists(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=5))
        ),
    )


@given(instants, st.integers(1, 100_000))
def test_elapsed_time_is_elapsed_time(started: datetime, minutes: int) -> None:
    rule = ClockRule("x", "x", ClockKind.ELAPSED, minutes=minutes)

    due = clocks.due_at(rule, started.astimezone(LONDON))

    assert due - started == timedelta(minutes=minutes)


@given(instants, amounts)
def test_around_the_clock_open_time_is_elapsed_time(start: datetime, amount: timedelta) -> None:
    assert calendars.add_open_time(AROUND_THE_CLOCK, start, amount) - start == amount


@given(weeks(), instants, amounts)
def test_what_is_added_is_what_passes(
    calendar: Calendar, start: datetime, amount: timedelta
) -> None:
    due = calendars.add_open_time(calendar, start, amount)

    assert due >= start
    assert calendars.open_time_between(calendar, start, due) == amount


@given(weeks(), instants, amounts, amounts)
def test_adding_twice_is_adding_once(
    calendar: Calendar, start: datetime, first: timedelta, second: timedelta
) -> None:
    step = calendars.add_open_time(calendar, start, first)

    assert calendars.add_open_time(calendar, step, second) == calendars.add_open_time(
        calendar, start, first + second
    )


@given(weeks(), instants)
def test_next_open_is_open_and_nothing_before_it_is(calendar: Calendar, start: datetime) -> None:
    opens = calendars.next_open(calendar, start)

    assert calendars.is_open(calendar, opens)
    assert calendars.open_time_between(calendar, start, opens) == timedelta(0)


@given(weeks(), instants, st.integers(1, 6000), st.lists(st.tuples(amounts, amounts), max_size=3))
def test_a_pause_never_makes_work_due_earlier(
    calendar: Calendar,
    started: datetime,
    minutes: int,
    spans: list[tuple[timedelta, timedelta]],
) -> None:
    rule = ClockRule("x", "x", ClockKind.CALENDAR, minutes=minutes, pause_reasons=frozenset({"r"}))
    pauses = [Pause(started + after, started + after + lasts, "r") for after, lasts in spans]

    without = clocks.due_at(rule, started, calendar)

    assert clocks.due_at(rule, started, calendar, pauses) >= without
    assert clocks.due_at(rule, started, calendar, reversed(pauses)) == clocks.due_at(
        rule, started, calendar, pauses
    )


@given(weeks(), instants, st.integers(1, 6000))
def test_thresholds_come_in_order_and_the_last_is_the_due_instant(
    calendar: Calendar, started: datetime, minutes: int
) -> None:
    rule = ClockRule("x", "x", ClockKind.CALENDAR, minutes=minutes)

    moments = [
        clocks.instant_of(rule, started, percent, calendar=calendar)
        for percent in clocks.THRESHOLDS
    ]

    assert moments == sorted(moments)
    assert moments[-1] == clocks.due_at(rule, started, calendar)
