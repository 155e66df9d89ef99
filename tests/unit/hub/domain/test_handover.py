"""One line for each thing, the critical first; who hears when nobody reads it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.errors import RuleError
from hub.domain.handover import HandoverPolicy, Line, LineKind, arranged, next_alarm

NOON = datetime(2026, 12, 27, 12, tzinfo=UTC)
lines = st.lists(
    st.builds(
        Line,
        kind=st.sampled_from(LineKind),
        subject=st.sampled_from([f"Task/{n}" for n in range(6)]),
        words=st.just("x"),
        due_at=st.none() | st.integers(0, 99).map(lambda n: NOON + timedelta(minutes=n)),
    )
)


@given(lines)
def test_each_subject_has_one_line_its_most_pressing_and_the_critical_come_first(
    given_: list[Line],
) -> None:
    found = arranged(given_)

    assert {line.subject for line in found} == {line.subject for line in given_}
    assert len({line.subject for line in found}) == len(found)
    order = list(LineKind)
    for line in found:
        same = [order.index(each.kind) for each in given_ if each.subject == line.subject]
        assert order.index(line.kind) == min(same)
    critical = [line.is_critical for line in found]
    assert critical == sorted(critical, reverse=True)


def test_the_lead_hears_first_then_the_duty_manager_then_nobody_more() -> None:
    policy = HandoverPolicy()
    assert next_alarm(policy, NOON, 0) == NOON + timedelta(minutes=30)
    assert next_alarm(policy, NOON, 1) == NOON + timedelta(minutes=60)
    assert next_alarm(policy, NOON, 2) is None


def test_the_duty_manager_never_hears_before_the_lead() -> None:
    with pytest.raises(RuleError, match="the lead hears before"):
        HandoverPolicy(lead_minutes=60, manager_minutes=30)
