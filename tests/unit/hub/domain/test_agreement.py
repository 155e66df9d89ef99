"""Cohen's kappa and the sample: known values, bounds, and nobody picks what is looked at twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.agreement import FEWEST, Agreement, Decision, agreement, is_sampled, whole

ANSWERS = st.sampled_from(["accepted", "redirected", "declined"])
PAIRS = st.lists(st.tuples(ANSWERS, ANSWERS), max_size=60)


def pairs(both_yes: int, first_yes: int, second_yes: int, both_no: int) -> list[tuple[str, str]]:
    return (
        [("yes", "yes")] * both_yes
        + [("yes", "no")] * first_yes
        + [("no", "yes")] * second_yes
        + [("no", "no")] * both_no
    )


@pytest.mark.parametrize(
    ("table", "observed", "kappa"),
    [
        # 20 and 15 of 50 agree; expected agreement is one half.
        ((20, 5, 10, 15), 0.7, 0.4),
        # The same observed agreement by less, and by more, of chance.
        ((45, 15, 25, 15), 0.6, 0.1304),
        ((25, 35, 5, 35), 0.6, 0.2593),
        ((10, 0, 0, 10), 1.0, 1.0),
        ((0, 10, 10, 0), 0.0, -1.0),
    ],
)
def test_known_tables(table: tuple[int, int, int, int], observed: float, kappa: float) -> None:
    found = agreement(pairs(*table))

    assert found.pairs == sum(table)
    assert found.observed == pytest.approx(observed)
    assert found.kappa == pytest.approx(kappa, abs=1e-4)


def test_without_pairs_there_is_nothing_to_say() -> None:
    assert agreement([]) == Agreement(0, None, None)


def test_few_pairs_and_one_single_answer_have_no_kappa() -> None:
    assert agreement(pairs(2, 1, 0, 1)).kappa is None
    assert agreement([("yes", "yes")] * 20) == Agreement(20, 1.0, None)
    assert FEWEST == 5


@given(PAIRS)
def test_it_is_bounded_and_does_not_care_who_was_first(said: list[tuple[str, str]]) -> None:
    found, turned = agreement(said), agreement([(other, one) for one, other in said])

    assert (found.pairs, found.observed) == (turned.pairs, turned.observed)
    assert (found.kappa is None) is (turned.kappa is None)
    if found.kappa is not None and turned.kappa is not None:
        assert -1 - 1e-9 <= found.kappa <= 1 + 1e-9
        assert found.kappa == pytest.approx(turned.kappa)
        assert (found.kappa == pytest.approx(1)) is all(one == other for one, other in said)


def test_urgency_is_compared_by_itself() -> None:
    one = Decision("accepted", "falls", None, "routine")
    assert whole(one) == whole(Decision("accepted", "falls", None, "urgent"))
    assert whole(one) != whole(Decision("accepted", "matron"))


def test_the_sample_is_of_the_size_and_follows_from_the_id_alone() -> None:
    ids = [f"referral-{number}" for number in range(4000)]
    for percent in (0, 5, 40, 100):
        chosen = [each for each in ids if is_sampled(each, percent)]
        assert len(chosen) == pytest.approx(len(ids) * percent / 100, abs=130)
        assert chosen == [each for each in ids if is_sampled(each, percent)]
    assert not any(is_sampled(each, 0) for each in ids)
    assert all(is_sampled(each, 100) for each in ids)
    # A larger share holds the smaller one.
    assert {e for e in ids if is_sampled(e, 5)} <= {e for e in ids if is_sampled(e, 40)}
