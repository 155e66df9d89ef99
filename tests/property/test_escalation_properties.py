"""Escalation for any policy, any hours and any looks: nothing skipped, nothing twice."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hub.domain import calendars, escalation, escalation_hours
from hub.domain.calendars import BankHolidayRule, Calendar, Opening
from hub.domain.escalation import (
    EscalationPolicy,
    EscalationStep,
    NextStep,
    Notified,
    Repeat,
    Taken,
)
from hub.domain.escalation_hours import DAYS, Otherwise, Service, When

# Both clock changes and the Christmas holidays of 2026, where mistakes live.
BASES = [
    datetime(2026, 3, 27, 18, tzinfo=UTC),
    datetime(2026, 10, 23, 18, tzinfo=UTC),
    datetime(2026, 12, 24, 6, tzinfo=UTC),
]
starts = st.builds(
    lambda base, minutes: base + timedelta(minutes=minutes),
    st.sampled_from(BASES),
    st.integers(0, 4 * 24 * 60),
)
OFFICE = Calendar(
    code="office",
    title="Monday to Friday, with a lunch break",
    weekly=((Opening(time(8), time(12)), Opening(time(13), time(18, 30))),) * 5 + ((), ()),
    on_bank_holiday=BankHolidayRule.CLOSED,
    bank_holidays=frozenset({date(2026, 12, 25), date(2026, 12, 28)}),
)
halves = st.integers(0, 47).map(lambda half: time(half // 2, half % 2 * 30))


@st.composite
def whens(draw: st.DrawFn) -> When:
    begins, ends = draw(st.one_of(st.just((None, None)), st.tuples(halves, halves)))
    assume(begins is None or begins != ends)
    days = tuple(draw(st.lists(st.sampled_from(DAYS), unique=True, max_size=4)))
    weekend = draw(st.none() | st.booleans())
    rest = {"sat", "sun"}
    assume(not (days and weekend is True and not rest & set(days)))
    assume(not (days and weekend is False and not set(days) - rest))
    return When(
        starts=begins,
        ends=ends,
        days=days,
        weekend=weekend,
        bank_holiday=draw(st.none() | st.booleans()),
        service=draw(st.none() | st.sampled_from(Service)),
        otherwise=draw(st.sampled_from(Otherwise)),
    )


repeats = st.none() | st.builds(Repeat, minutes=st.integers(1, 90), times=st.integers(1, 4))


@st.composite
def policies(draw: st.DrawFn) -> EscalationPolicy:
    percents = sorted(draw(st.lists(st.integers(1, 150), max_size=4)))
    steps = [
        EscalationStep(
            f"step-{number}",
            percent,
            (draw(st.sampled_from(Notified)),),
            when=draw(st.none() | whens()),
            repeat=draw(repeats),
        )
        for number, percent in enumerate(percents)
    ]
    breach = EscalationStep("breach", 100, (Notified.DUTY_MANAGER,), True, repeat=draw(repeats))
    place = sum(percent <= 100 for percent in percents)
    return EscalationPolicy("any", (*steps[:place], breach, *steps[place:]))


def play(
    policy: EscalationPolicy,
    started: datetime,
    minutes: int,
    looks: list[int],
    *,
    acknowledged: int = 0,
) -> list[tuple[NextStep, datetime]]:
    """Sweep at each look (minutes after the start) and return what was taken, and when."""
    moments = escalation.straight(started, started + timedelta(minutes=minutes))
    log: list[Taken] = []
    taken: list[tuple[NextStep, datetime]] = []
    for look in sorted(looks):
        now = started + timedelta(minutes=look)
        while (
            found := escalation.next_step(
                policy, moments, log, now, acknowledged=acknowledged, calendar=OFFICE
            )
        ) and found.is_due:
            taken.append((found, now))
            log.append(Taken(found.number, found.repeat, now, found.passed))
    return taken


WEEKS_LATER = 3 * 7 * 24 * 60
looks = st.lists(st.integers(0, 12_000), max_size=12)


@settings(deadline=None)
@given(starts, whens())
def test_the_first_instant_of_the_hours_is_found_to_the_minute(at: datetime, when: When) -> None:
    """Told apart by looking at every minute, across both clock changes."""
    found = escalation_hours.first(when, OFFICE, at)

    slow = next(
        (
            instant
            for instant in (at + timedelta(minutes=number) for number in range(7 * 24 * 60))
            if escalation_hours.holds(when, OFFICE, instant)
        ),
        None,
    )
    if slow is not None:
        assert found == slow
    else:
        assert found is None or found >= at + timedelta(days=7)


@settings(deadline=None)
@given(starts, whens())
def test_quiet_hours_end_to_the_minute(at: datetime, when: When) -> None:
    found = escalation_hours.first_outside(when, OFFICE, at)

    slow = next(
        (
            instant
            for instant in (at + timedelta(minutes=number) for number in range(7 * 24 * 60))
            if not escalation_hours.holds(when, OFFICE, instant)
        ),
        None,
    )
    if slow is not None:
        assert found == slow


@given(policies(), starts, st.integers(1, 6000), looks)
def test_no_step_is_skipped_and_none_comes_twice(
    policy: EscalationPolicy, started: datetime, minutes: int, seen: list[int]
) -> None:
    taken = play(policy, started, minutes, [*seen, WEEKS_LATER])

    keys = [(each.number, each.repeat) for each, _ in taken]
    assert len(keys) == len(set(keys))
    # Three weeks later each step has come or has been passed over, whatever its hours.
    assert {number for number, _ in keys} == set(range(len(policy.steps)))


@given(policies(), starts, st.integers(1, 6000), looks)
def test_nothing_comes_before_its_time_or_outside_its_hours(
    policy: EscalationPolicy, started: datetime, minutes: int, seen: list[int]
) -> None:
    moments = escalation.straight(started, started + timedelta(minutes=minutes))
    for found, now in play(policy, started, minutes, seen):
        assert found.at <= now
        assert found.at >= moments(found.step.percent)
        if found.step.when is not None and not found.passed:
            assert escalation_hours.holds(found.step.when, OFFICE, found.at)
            if found.step.when.otherwise is Otherwise.SKIP and not found.repeat:
                assert found.at == moments(found.step.percent)


@given(policies(), starts, st.integers(1, 3000), st.integers(0, 9000))
def test_the_instant_foretold_is_the_instant_it_comes(
    policy: EscalationPolicy, started: datetime, minutes: int, look: int
) -> None:
    """Exact: not due a second before, due then; so a due column can be swept."""
    moments = escalation.straight(started, started + timedelta(minutes=minutes))
    now = started + timedelta(minutes=look)
    log = [
        Taken(found.number, found.repeat, when, found.passed)
        for found, when in play(policy, started, minutes, [look])
    ]

    def ask(at: datetime) -> NextStep | None:
        return escalation.next_step(policy, moments, log, at, calendar=OFFICE)

    found = ask(now)

    if found is not None:
        assert found.at > now
        assert ask(found.at) == replace(found, is_due=True)
        assert ask(found.at - timedelta(seconds=1)) == replace(found, is_due=False)


@given(policies(), starts, st.integers(1, 6000), looks)
def test_steps_are_taken_in_the_order_of_time(
    policy: EscalationPolicy, started: datetime, minutes: int, seen: list[int]
) -> None:
    """However rare the looks: at one look everything due comes, the oldest first."""
    taken = play(policy, started, minutes, seen)

    for now in {when for _, when in taken}:
        firsts = [each.at for each, when in taken if when == now and each.repeat == 0]
        assert firsts == sorted(firsts)


# Machines are busy: what matters is what comes, not how fast.
@settings(deadline=None)
@given(policies(), starts, st.integers(1, 3000))
def test_repeats_are_bounded_and_spaced(
    policy: EscalationPolicy, started: datetime, minutes: int
) -> None:
    taken = play(policy, started, minutes, list(range(0, 8000, 29)))

    for number, step in enumerate(policy.steps):
        came = [(each, now) for each, now in taken if each.number == number]
        times = step.repeat.times if step.repeat else 0
        assert [each.repeat for each, _ in came] == list(range(len(came)))
        assert len(came) <= 1 + times
        for (_, before), (_, after) in pairwise(came):
            assert step.repeat is not None
            assert after - before >= timedelta(minutes=step.repeat.minutes)


@given(policies(), starts, st.integers(1, 3000), st.integers(1, 150))
def test_what_is_acknowledged_stays_quiet_and_the_breach_still_comes(
    policy: EscalationPolicy, started: datetime, minutes: int, level: int
) -> None:
    taken = play(policy, started, minutes, [WEEKS_LATER], acknowledged=level)

    for found, _ in taken:
        assert found.step.percent > level or (found.step.breaks_through and not found.repeat)
    breach = next(n for n, step in enumerate(policy.steps) if step.reroute)
    assert breach in {found.number for found, _ in taken}
    higher = {number for number, step in enumerate(policy.steps) if step.percent > level}
    assert higher <= {found.number for found, _ in taken}


@given(policies())
def test_a_policy_is_frozen_and_read_as_it_was(policy: EscalationPolicy) -> None:
    assert escalation.thaw(escalation.freeze(policy)) == policy


@given(starts, whens())
def test_hours_never_hold_at_two_local_times_that_read_alike_but_differ(
    at: datetime, when: When
) -> None:
    """The hour that autumn has twice is in the hours twice or not at all."""
    if when.service is None:
        here = calendars.local(OFFICE, at)
        other = here.replace(fold=1 - here.fold).astimezone(UTC)
        if calendars.local(OFFICE, other).replace(fold=0) == here.replace(fold=0):
            assert escalation_hours.holds(when, OFFICE, at) == escalation_hours.holds(
                when, OFFICE, other
            )
