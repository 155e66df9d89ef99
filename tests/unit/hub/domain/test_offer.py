"""When an offer ends unanswered, and a hold that nobody looks at."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.offer import WorkPolicy, expires_at, hold_ends_at

NOW = datetime(2026, 12, 27, 10, tzinfo=UTC)
POLICY = WorkPolicy()
MINUTES = st.integers(-600, 10_000)


def ends(*, urgent: bool, due: int | None) -> timedelta:
    at = None if due is None else NOW + timedelta(minutes=due)
    return expires_at(POLICY, urgent=urgent, now=NOW, due_at=at) - NOW


def test_routine_work_waits_to_the_next_shift_and_urgent_work_half_an_hour() -> None:
    assert ends(urgent=False, due=None) == timedelta(hours=12)
    assert ends(urgent=True, due=None) == timedelta(minutes=30)


def test_the_owner_hears_while_there_is_still_time_to_do_it() -> None:
    assert ends(urgent=False, due=120) == timedelta(hours=1)
    assert ends(urgent=True, due=30) == timedelta(minutes=15)
    assert ends(urgent=False, due=-5) == timedelta(minutes=30)


@given(st.booleans(), MINUTES)
def test_an_offer_always_ends_in_time(urgent: bool, due: int) -> None:
    span = ends(urgent=urgent, due=due)

    assert timedelta() < span <= ends(urgent=urgent, due=None)
    if due > 0:
        assert span <= timedelta(minutes=due) / 2


@given(st.booleans())
def test_a_hold_ends_after_its_review(urgent: bool) -> None:
    grace = hold_ends_at(POLICY, urgent=urgent, review_at=NOW) - NOW

    assert grace == timedelta(hours=2 if urgent else 24)
