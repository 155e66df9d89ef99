"""Shares in time with and without pauses: of the same cases, and never hiding one."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.domain import performance
from hub.domain.clocks import Pause
from hub.domain.performance import Case

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def case(
    start: int, allowed: int, *, paused: int = 0, stopped: int | None = None, team: str = "t"
) -> Case:
    """A clock that started so many hours ago, was allowed and paused so many, and stopped after."""
    began = NOW - start * HOUR
    return Case(
        team=team,
        rule="visit",
        started_at=began,
        due_at=began + (allowed + paused) * HOUR,
        due_without=began + allowed * HOUR,
        stopped_at=None if stopped is None else began + stopped * HOUR,
        weekday=began.weekday(),
        paused={"in-hospital": paused * HOUR} if paused else {},
    )


def test_a_pause_excuses_and_is_seen_to_excuse() -> None:
    found = performance.figures([case(10, 4, paused=3, stopped=6)], NOW)
    assert (found.cases, found.in_time, found.in_time_without) == (1, 1, 0)
    assert (found.share, found.share_without) == (1.0, 0.0)


def test_what_runs_is_judged_once_it_would_be_over_without_pauses() -> None:
    assert not performance.is_judged(case(3, 4), NOW)
    assert performance.is_judged(case(4, 4), NOW)
    assert performance.is_judged(case(5, 4, paused=3), NOW), "a pause does not keep it out"
    found = performance.figures([case(5, 4, paused=3), case(3, 4), case(8, 4, paused=3)], NOW)
    assert (found.cases, found.in_time, found.in_time_without) == (2, 1, 0)


def test_done_at_the_very_instant_is_in_time() -> None:
    found = performance.figures([case(10, 4, stopped=4)], NOW)
    assert (found.in_time, found.in_time_without) == (1, 1)


def test_waits_are_those_that_half_and_nineteen_of_twenty_do_not_exceed() -> None:
    found = performance.figures([case(30, 4, stopped=hours) for hours in range(1, 21)], NOW)
    assert (found.median, found.p95) == (10 * HOUR, 19 * HOUR)
    one = performance.figures([case(30, 4, stopped=2)], NOW)
    assert (one.median, one.p95) == (2 * HOUR, 2 * HOUR)
    nothing = performance.figures([], NOW)
    assert (nothing.cases, nothing.share, nothing.median, nothing.p95) == (0, None, None, None)


def test_pauses_are_summed_by_team_and_reason() -> None:
    listed = performance.pauses(
        [case(9, 4, paused=1), case(9, 4, paused=3), case(9, 4, paused=2, team="u"), case(9, 4)]
    )
    assert [(e.team, e.cases, e.total, e.longest) for e in listed] == [
        ("t", 2, 4 * HOUR, 3 * HOUR),
        ("u", 1, 2 * HOUR, 2 * HOUR),
    ]


def test_a_pause_that_is_still_open_counts_until_then() -> None:
    stops = [
        Pause(NOW - 5 * HOUR, NOW - 4 * HOUR, "in-hospital"),
        Pause(NOW - 2 * HOUR, None, "in-hospital"),
        Pause(NOW - 3 * HOUR, NOW - 2 * HOUR, "awaiting-equipment"),
    ]
    assert performance.paused_for(stops, NOW) == {
        "in-hospital": 3 * HOUR,
        "awaiting-equipment": HOUR,
    }


@given(
    st.lists(
        st.tuples(
            st.integers(0, 40),
            st.integers(1, 20),
            st.integers(0, 20),
            st.none() | st.integers(0, 40),
        )
    )
)
def test_the_share_with_pauses_is_never_the_smaller_one(
    drawn: list[tuple[int, int, int, int | None]],
) -> None:
    cases = [
        case(start, allowed, paused=paused, stopped=stop if stop is None else min(stop, start))
        for start, allowed, paused, stop in drawn
    ]
    found = performance.figures(cases, NOW)
    assert 0 <= found.in_time_without <= found.in_time <= found.cases <= len(cases)
    assert found.median is None or (found.p95 is not None and found.median <= found.p95)
