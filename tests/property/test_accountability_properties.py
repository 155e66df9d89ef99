"""Exactly one accountable person at every instant, over any transfers and leavers."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hub.domain import accountability
from hub.domain.accountability import AccountableRole, Holding
from hub.domain.errors import RuleError

START = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE = [f"Practitioner/{letter}" for letter in "abc"]
moves = st.lists(
    st.tuples(
        st.sampled_from(["name", "end"]),
        st.sampled_from(AccountableRole),
        st.sampled_from(PEOPLE),
        st.integers(0, 60),
    ),
    max_size=25,
)


def play(
    steps: list[tuple[str, AccountableRole, str, int]],
) -> tuple[tuple[Holding, ...], list[tuple[Holding, ...]]]:
    """Make the moves that the rules allow; return the last history and all of them."""
    history: tuple[Holding, ...] = ()
    seen = [history]
    for verb, role, who, day in steps:
        at = START + timedelta(days=day)
        try:
            if verb == "name":
                history = accountability.name(history, role, who, at)
            else:
                history = accountability.end(history, role, at)
        except RuleError:
            continue
        seen.append(history)
    return history, seen


@given(moves, st.integers(-1, 61))
def test_never_two_at_once(steps: list[tuple[str, AccountableRole, str, int]], day: int) -> None:
    history, _ = play(steps)
    instant = START + timedelta(days=day)

    accountability.check(history)
    for role in AccountableRole:
        assert sum(each.role is role and each.holds_at(instant) for each in history) <= 1


@given(moves)
def test_without_leavers_there_is_somebody_from_the_first_naming_on(
    steps: list[tuple[str, AccountableRole, str, int]],
) -> None:
    history, _ = play([step for step in steps if step[0] == "name"])

    for role in AccountableRole:
        first = min((each.start for each in history if each.role is role), default=None)
        if first is None:
            continue
        for day in range(62):
            instant = max(first, START + timedelta(days=day))
            assert sum(e.role is role and e.holds_at(instant) for e in history) == 1


@given(moves, st.integers(-1, 61))
def test_a_vacancy_is_exactly_the_want_of_a_holder(
    steps: list[tuple[str, AccountableRole, str, int]], day: int
) -> None:
    history, _ = play(steps)
    instant = START + timedelta(days=day)

    vacant = {each.role for each in accountability.vacancies(history, AccountableRole, instant)}
    filled = set(accountability.current(history, instant))

    assert vacant | filled == set(AccountableRole)
    assert not vacant & filled


@given(moves)
def test_the_past_is_never_rewritten(
    steps: list[tuple[str, AccountableRole, str, int]],
) -> None:
    _, seen = play(steps)

    for before, after in pairwise(seen):
        for each in before:
            kept = [
                other
                for other in after
                if (other.role, other.practitioner, other.start)
                == (each.role, each.practitioner, each.start)
            ]
            assert kept
            assert each.end is None or kept[0].end == each.end
