"""Parts of work: minutes add up, and the whole follows its parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import parts
from hub.domain.errors import RuleError
from hub.domain.parts import PartKind, Settled
from hub.domain.task_states import CLOSED, OPEN, TaskStatus

S = TaskStatus
SPLIT, DELEGATED = PartKind.SPLIT, PartKind.DELEGATION
STATUSES = st.sampled_from(sorted(S))
PARTS = st.lists(st.tuples(st.sampled_from(list(PartKind)), STATUSES), max_size=5)


@given(
    st.integers(2, 480), st.lists(st.one_of(st.none(), st.integers(1, 60)), min_size=1, max_size=12)
)
def test_shares_add_up_to_the_whole_or_are_refused(whole: int, wanted: list[int | None]) -> None:
    room = whole - sum(each or 0 for each in wanted)
    if room < wanted.count(None) or (None not in wanted and room):
        with pytest.raises(RuleError, match="add up"):
            parts.shares(whole, wanted)
        return
    found = parts.shares(whole, wanted)
    assert sum(found) == whole
    assert min(found) >= 1
    assert all(want is None or want == got for want, got in zip(wanted, found, strict=True))
    equal = [got for want, got in zip(wanted, found, strict=True) if want is None]
    assert not equal or max(equal) - min(equal) <= 1


def test_a_part_of_no_minutes_is_refused() -> None:
    with pytest.raises(RuleError, match="at least one minute"):
        parts.shares(45, [0, None])


@given(STATUSES, PARTS, st.booleans())
def test_the_whole_follows_its_parts_and_then_rests(
    whole: S, found: list[tuple[PartKind, S]], by_parts: bool
) -> None:
    after = parts.settled(whole, found, closed_by_parts=by_parts)

    if after is Settled.COMPLETES:
        assert whole in OPEN
        assert {status for _, status in found} == {S.COMPLETED}
        assert SPLIT in {kind for kind, _ in found}
        again = parts.settled(S.COMPLETED, found, closed_by_parts=True)
        assert again is Settled.STAYS
    elif after is Settled.REOPENS:
        assert whole is S.COMPLETED
        assert by_parts
        assert parts.settled(S.IN_PROGRESS, found, closed_by_parts=False) is Settled.STAYS
    elif after is Settled.STOPS_PARTS:
        assert whole in {S.CANCELLED, S.ENTERED_IN_ERROR}
        stopped = [(kind, S.CANCELLED if each in OPEN else each) for kind, each in found]
        assert parts.settled(whole, stopped, closed_by_parts=by_parts) is Settled.STAYS


@pytest.mark.parametrize(
    ("whole", "found", "expected"),
    [
        (S.ACCEPTED, [(SPLIT, S.COMPLETED), (SPLIT, S.COMPLETED)], Settled.COMPLETES),
        (S.ACCEPTED, [(SPLIT, S.COMPLETED), (SPLIT, S.ACCEPTED)], Settled.STAYS),
        # What failed or was called off is still to be done: the owner decides.
        (S.ACCEPTED, [(SPLIT, S.COMPLETED), (SPLIT, S.FAILED)], Settled.STAYS),
        (S.ACCEPTED, [(SPLIT, S.COMPLETED), (SPLIT, S.CANCELLED)], Settled.STAYS),
        # A delegated part comes back; who delegated it completes the whole.
        (S.ACCEPTED, [(DELEGATED, S.COMPLETED)], Settled.STAYS),
        (S.ACCEPTED, [], Settled.STAYS),
        (S.CANCELLED, [(DELEGATED, S.IN_PROGRESS)], Settled.STOPS_PARTS),
        (S.COMPLETED, [(SPLIT, S.COMPLETED), (SPLIT, S.IN_PROGRESS)], Settled.REOPENS),
    ],
)
def test_cases(whole: S, found: list[tuple[PartKind, S]], expected: Settled) -> None:
    assert parts.settled(whole, found, closed_by_parts=True) is expected


def test_only_what_was_stopped_comes_back() -> None:
    back = {each for each in S if parts.comes_back(each)}

    assert back == {S.CANCELLED, S.ENTERED_IN_ERROR, S.REJECTED}
    assert back < CLOSED
