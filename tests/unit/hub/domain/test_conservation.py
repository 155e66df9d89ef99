"""What came in and what became of it are set beside each other, and nothing hides."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import conservation
from hub.domain.conservation import REFERRALS

TEN = datetime(2026, 12, 27, 10, tzinfo=UTC)
arrivals = st.lists(
    st.tuples(st.sampled_from(["bars", "phone"]), st.integers(0, 180), st.sampled_from(REFERRALS))
)


def at(minute: int) -> datetime:
    return TEN + timedelta(minutes=minute)


@given(arrivals)
def test_where_each_has_one_end_everything_adds_up(came: list[tuple[str, int, str]]) -> None:
    counted = conservation.count(
        "referrals",
        [(channel, at(minute)) for channel, minute, _ in came],
        [(channel, at(minute), part) for channel, minute, part in came],
    )

    assert conservation.broken(counted) == []
    assert sum(each.received for each in counted) == len(came)


@given(arrivals.filter(bool), st.data())
def test_one_that_is_lost_or_told_twice_shows_in_its_hour(
    came: list[tuple[str, int, str]], data: st.DataObject
) -> None:
    ends = [(channel, at(minute), part) for channel, minute, part in came]
    one = data.draw(st.sampled_from(ends))
    wrong = (
        [*ends, one]
        if data.draw(st.booleans())
        else [*ends[: ends.index(one)], *ends[ends.index(one) + 1 :]]
    )

    (found,) = conservation.broken(
        conservation.count("referrals", [(c, when) for c, when, _ in ends], wrong)
    )

    assert (found.channel, found.hour) == (one[0], one[1].replace(minute=0))


def test_an_end_of_what_nobody_received_shows() -> None:
    (found,) = conservation.broken(
        conservation.count("referrals", [], [("not said", TEN, "waiting")])
    )
    assert found.received == 0


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 10, 25), 25), (date(2027, 3, 28), 23), (date(2026, 12, 27), 24)],
)
def test_a_day_is_as_long_as_it_is(day: date, hours: int) -> None:
    start, end = conservation.span(day, "Europe/London")
    assert end.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=hours)
