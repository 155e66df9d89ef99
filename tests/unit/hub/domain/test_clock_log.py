"""Any moment's reading is computed from the log again, against a counter of minutes."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain import clock_log, clock_spans
from hub.domain.calendars import AROUND_THE_CLOCK, BankHolidayRule, Calendar, Opening, every_day
from hub.domain.clock_log import ClockEvent, ClockEventKind, ClockState
from hub.domain.clock_spans import Cause, Spell
from hub.domain.clocks import ClockKind, ClockRule
from hub.domain.errors import RuleError

LONDON = ZoneInfo("Europe/London")
MINUTE = timedelta(minutes=1)
HOLIDAYS = frozenset({date(2026, 4, 3), date(2026, 4, 6), date(2026, 12, 25), date(2026, 12, 28)})
CALENDARS = (
    AROUND_THE_CLOCK,
    every_day("7-day", "Every day 8 to 8", Opening(time(8), time(20))),
    every_day("nights", "The hours of the clock change", Opening(time(0), time(3))),
    Calendar(
        "6-day",
        "Monday to Saturday",
        ((Opening(time(8), time(18)),),) * 6 + ((),),
        BankHolidayRule.AS_SUNDAY,
        HOLIDAYS,
    ),
    Calendar(
        "weekdays",
        "Monday to Friday",
        ((Opening(time(9), time(12)), Opening(time(13), time(17))),) * 5 + ((), ()),
        BankHolidayRule.CLOSED,
        HOLIDAYS,
    ),
)
RULE = ClockRule(
    "x", "X", ClockKind.CALENDAR, minutes=240, pause_reasons=frozenset({"person-away"})
)
STARTS = [
    datetime(2026, 3, 28, 17, 0, tzinfo=UTC),
    datetime(2026, 10, 24, 18, 30, tzinfo=UTC),
    datetime(2026, 4, 2, 15, 0, tzinfo=UTC),
    datetime(2026, 12, 24, 16, 0, tzinfo=UTC),
]


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Judge one minute by the wall clock alone, with no help from the rules."""
    there = at.astimezone(LONDON)
    if there.date() in calendar.bank_holidays:
        if calendar.on_bank_holiday is BankHolidayRule.CLOSED:
            return False
        if calendar.on_bank_holiday is BankHolidayRule.AS_SUNDAY:
            return bool(calendar.weekly[6])
    return any(
        each.opens <= there.time() and (each.closes == time(0) or there.time() < each.closes)
        for each in calendar.weekly[there.weekday()]
    )


def counted(log: list[ClockEvent], calendar: Calendar, now: datetime) -> tuple[int, datetime]:
    """Count minutes one by one: those used at ``now``, and the instant that uses the last."""
    known = [event for event in log if event.at <= now]
    minute, used, used_now = log[0].at, 0, 0
    due = None
    while due is None or minute < now:
        if minute == now:
            used_now = used
        standing = False
        for event in known:
            if event.at <= minute:
                standing = event.kind is ClockEventKind.PAUSE and event.reason == "person-away"
        # A pause that is open stands until now: beyond it nobody knows.
        if is_open(calendar, minute) and not (standing and minute < now):
            used += 1
        minute += MINUTE
        if used == RULE.minutes and due is None:
            due = minute
    return (used if minute == now else used_now), due


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[ClockEvent], datetime]:
    at = draw(st.sampled_from(STARTS)) + MINUTE * draw(st.integers(0, 900))
    events = [ClockEvent(ClockEventKind.START, at)]
    for _ in range(draw(st.integers(0, 3))):
        at += MINUTE * draw(st.integers(1, 700))
        reason = draw(st.sampled_from(["person-away", "too-busy"]))
        events.append(ClockEvent(ClockEventKind.PAUSE, at, reason))
        at += MINUTE * draw(st.integers(1, 900))
        events.append(ClockEvent(ClockEventKind.RESUME, at))
    return events, events[0].at + MINUTE * draw(st.integers(0, 6000))


@settings(max_examples=150, deadline=None)
@given(logs(), st.sampled_from(CALENDARS))
def test_a_reading_of_any_moment_is_what_counting_minutes_gives(
    made: tuple[list[ClockEvent], datetime], calendar: Calendar
) -> None:
    log, now = made
    used, due = counted(log, calendar, now)

    status = clock_log.recompute(log, RULE, now, calendar)

    assert status.reading.due_at == due
    assert round(status.reading.share * RULE.minutes) == used
    # What was shown then knew nothing of what came after.
    assert status == clock_log.recompute(clock_log.as_of(log, now), RULE, now, calendar)


@settings(max_examples=100, deadline=None)
@given(logs(), st.sampled_from(CALENDARS), st.integers(0, 3000))
def test_every_minute_has_one_cause_and_those_that_run_are_those_used(
    made: tuple[list[ClockEvent], datetime], calendar: Calendar, claimed: int
) -> None:
    log, now = made
    start = log[0].at
    spells = [
        Spell("CareTeam/west", start, start + MINUTE * claimed),
        Spell("Practitioner/asha", start + MINUTE * claimed, None),
    ]

    found = clock_spans.spans(log, RULE, now, calendar, spells)

    assert sum((span.length for span in found), timedelta(0)) == now - start
    assert all(a.ends_at == b.starts_at for a, b in pairwise(found))
    ran = sum((span.length for span in found if span.cause not in clock_spans.STANDS), timedelta(0))
    assert ran == MINUTE * counted(log, calendar, now)[0]
    assert not any(span.cause is Cause.RUNNING for span in found)


def test_a_log_begins_with_its_start() -> None:
    with pytest.raises(RuleError, match="begins with its start"):
        clock_log.started_at([ClockEvent(ClockEventKind.STOP, STARTS[0])])


def test_a_stop_ends_the_pause_and_reopening_lets_the_time_run_through() -> None:
    start = datetime(2026, 7, 6, 9, tzinfo=UTC)

    def after(minutes: int) -> datetime:
        return start + MINUTE * minutes

    log = [
        ClockEvent(ClockEventKind.START, start),
        ClockEvent(ClockEventKind.PAUSE, after(10), "person-away"),
        ClockEvent(ClockEventKind.STOP, after(30), "cancelled"),
        ClockEvent(ClockEventKind.REOPEN, after(33)),
    ]

    stopped = clock_log.recompute(log, RULE, after(32))
    reopened = clock_log.recompute(log, RULE, after(60))

    assert (stopped.state, stopped.at) == (ClockState.STOPPED, after(30))
    assert reopened.state is ClockState.RUNNING
    assert reopened.reading.due_at == after(260)
    assert reopened.without_pauses.due_at == after(240)


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (160, "breaches in 1 h 20 min"),
        (180, "breaches in 1 h"),
        (260, "breached 20 min ago"),
        (240 + 1500, "breached 1 d 1 h ago"),
    ],
)
def test_one_phrase_says_how_it_stands(minutes: int, words: str) -> None:
    log = [ClockEvent(ClockEventKind.START, STARTS[0])]
    now = STARTS[0] + MINUTE * minutes

    assert clock_log.breach_words(clock_log.recompute(log, RULE, now), now) == words
