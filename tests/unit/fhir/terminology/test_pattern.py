"""Regular expressions of value sets: what they match, and that none takes long."""

import re
import time

import pytest

from fhir.outcomes import UnprocessableError
from fhir.terminology.pattern import Pattern


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("abc", ["abc"], ["ab", "abcd", "xabc"]),
        ("^abc$", ["abc"], ["abcd"]),
        ("a.c", ["abc", "a.c"], ["ac", "a\nc"]),
        ("a*", ["", "aaa"], ["b"]),
        ("a+b?", ["a", "aab"], ["", "b", "abb"]),
        ("a|bc|", ["a", "bc", ""], ["ab"]),
        ("(ab)+", ["ab", "abab"], ["aba"]),
        ("(?:ab|cd){2}", ["abcd", "cdcd"], ["ab", "ababab"]),
        ("x{2,3}", ["xx", "xxx"], ["x", "xxxx"]),
        ("x{2,}", ["xx", "xxxxx"], ["x"]),
        ("x{0}", [""], ["x"]),
        ("x{0,1}y", ["y", "xy"], ["xxy"]),
        ("[A-C_-]+", ["AB", "C_-"], ["D", ""]),
        ("[^0-9]", ["a"], ["5"]),
        ("[]a]", ["]", "a"], ["b"]),
        (r"[\d.]+\-\d", ["5932-9", "1.2-3"], ["5932-", "a-1"]),
        (r"\w\W\s\S\D", ["a! ab"], ["a!aab"]),
        (r"\.\*\t", [".*\t"], ["..\t"]),
        (r"a\$", ["a$"], ["a"]),
    ],
)
def test_the_whole_value_matches(pattern: str, good: list[str], bad: list[str]) -> None:
    compiled = Pattern(pattern)

    assert [value for value in good if not compiled.matches(value)] == []
    assert [value for value in bad if compiled.matches(value)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "(a",
        "a)",
        "[a",
        "*a",
        "a**",
        "a{2}{3}",
        "a{2",
        "a{x}",
        "a{3,2}",
        "a{201}",
        "\\",
        r"(a)\1",
        r"\b",
        "(?=a)",
        "(?<n>a)",
        "[[a]]",
        "a^b",
        "a" * 401,
        "((a{200}){200}){200}",
        "(" * 100 + "a" + ")" * 100,
    ],
)
def test_what_is_not_known_is_refused(pattern: str) -> None:
    with pytest.raises(UnprocessableError) as refused:
        Pattern(pattern)
    assert refused.value.issues[0].code == "not-supported"


def test_a_pattern_that_kills_backtracking_is_quick() -> None:
    value = "a" * 3_000 + "!"
    started = time.perf_counter()

    for pattern in ("(a+)+$", "(a|a)*", "(a*)*b", "(.*a){20}", "a?" * 100 + "a" * 100):
        assert not Pattern(pattern).matches(value)

    # What is merely slow ends as well.
    slow = Pattern("(.?.?.?.?.?.?.?.?.?.?){20}")
    with pytest.raises(UnprocessableError) as refused:
        all(slow.matches("a" * 150) for _ in range(1_000))
    assert refused.value.issues[0].code == "too-costly"

    # A backtracking engine would take longer than the universe has been there.
    assert time.perf_counter() - started < 30
    assert re.fullmatch("a+!", value)
