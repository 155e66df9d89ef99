"""Who is entitled to patient transport: one clear criterion is enough, a vague one is decided."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.errors import RuleError
from hub.domain.transport import Criterion, Result, TransportPolicy, decide

POLICY = TransportPolicy(
    rule_version=7,
    criteria=(
        Criterion("mobility", "Mobility", ("cannot-travel", "lies-down")),
        Criterion("dialysis", "Dialysis", ("dialysis",)),
        Criterion("wider", "Missed before", ("missed",), Result.DISCRETION.value),
    ),
)
ALL = ("cannot-travel", "lies-down", "dialysis", "missed", "none-of-them")


@pytest.mark.parametrize(
    ("needs", "result", "criteria"),
    [
        ((), Result.NOT_ELIGIBLE, ()),
        (("none-of-them",), Result.NOT_ELIGIBLE, ()),
        (("lies-down",), Result.ELIGIBLE, ("Mobility",)),
        (("dialysis", "cannot-travel"), Result.ELIGIBLE, ("Mobility", "Dialysis")),
        (("missed",), Result.DISCRETION, ("Missed before",)),
        (("missed", "dialysis"), Result.ELIGIBLE, ("Dialysis",)),
    ],
)
def test_the_result_names_what_led_to_it(
    needs: tuple[str, ...], result: Result, criteria: tuple[str, ...]
) -> None:
    found = decide(POLICY, needs)

    assert (found.result, found.criteria, found.rule_version) == (result, criteria, 7)
    assert all(name in found.sentence for name in criteria)
    assert "rules 7" in found.sentence


@given(st.sets(st.sampled_from(ALL)), st.sampled_from(ALL))
def test_one_more_need_never_takes_an_entitlement_away(needs: set[str], more: str) -> None:
    order = [Result.NOT_ELIGIBLE, Result.DISCRETION, Result.ELIGIBLE]
    before, after = decide(POLICY, needs), decide(POLICY, needs | {more})
    assert order.index(after.result) >= order.index(before.result)


def test_a_criterion_never_refuses() -> None:
    with pytest.raises(RuleError, match="eligible or discretion"):
        Criterion("x", "X", ("dialysis",), Result.NOT_ELIGIBLE.value)
