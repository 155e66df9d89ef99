"""Red flags raise the urgency of a referral, and never lower it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import red_flags
from hub.domain.red_flags import PRIORITIES, RedFlag

CHEST = RedFlag(
    code="chest-pain",
    name="Chest pain",
    raises_to="stat",
    sentence="The referral speaks of chest pain.",
    rule_version=3,
    words=("chest pain",),
    unless=("no chest pain",),
    codes=("29857009",),
)
FALL = RedFlag(
    code="fall",
    name="Fall",
    raises_to="urgent",
    sentence="Fell today.",
    words=("fell today",),
    from_age=65,
)
RULES = (FALL, CHEST)
flags = st.builds(
    RedFlag,
    code=st.just("x"),
    name=st.just("X"),
    raises_to=st.sampled_from(PRIORITIES[1:]),
    sentence=st.just("X."),
)


def met(reason: str, *codes: str, age: int | None = 80) -> list[str]:
    return [rule.code for rule in red_flags.found(reason, frozenset(codes), age, RULES)]


@given(st.sampled_from(PRIORITIES), st.lists(flags))
def test_whatever_is_found_the_urgency_is_never_less_than_what_came_in(
    priority: str, found: list[RedFlag]
) -> None:
    raised = red_flags.raised(priority, found)

    assert not red_flags.is_more_urgent(priority, raised)
    for flag in found:
        assert not red_flags.is_more_urgent(flag.raises_to, raised)
    assert raised in {priority, *(flag.raises_to for flag in found)}


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("Central CHEST  pain since noon", ["chest-pain"]),
        ("chest-pain at rest", ["chest-pain"]),
        ("No chest pain. Needs help to wash", []),
        ("No chest pain yesterday, chest pain now", ["chest-pain"]),
        ("chest painting class", []),
        ("needs help to wash", []),
        ("", []),
    ],
)
def test_words_are_whole_and_what_is_denied_is_not_meant(reason: str, found: list[str]) -> None:
    assert met(reason) == found


def test_a_code_counts_whatever_the_words_say() -> None:
    assert met("unwell", "29857009") == ["chest-pain"]


@pytest.mark.parametrize(("age", "found"), [(64, []), (65, ["fall"]), (None, ["fall"])])
def test_an_age_that_is_not_known_spares_nobody(age: int | None, found: list[str]) -> None:
    assert met("fell today", age=age) == found
    young = replace(FALL, from_age=None, below_age=18)
    assert bool(red_flags.found("fell today", frozenset(), age, [young])) is (age is None)


def test_the_most_urgent_stands_first_with_rule_and_version() -> None:
    assert met("fell today, chest pain") == ["chest-pain", "fall"]
    assert CHEST.shown == "The referral speaks of chest pain. (rule chest-pain, version 3)"
