"""What comes again is worked out once; what is long is never kept."""

import tracemalloc

import pytest

from fhir.recurring import LONGEST, kept
from fhir.search.dates import date_range
from fhir.search.keys import hashed
from fhir.search.text import normalised, sounds


def test_a_short_string_is_worked_out_once_and_a_long_one_each_time() -> None:
    asked: list[str] = []

    @kept(2)
    def doubled(value: str) -> str:
        asked.append(value)
        return value * 2

    long = "x" * (LONGEST + 1)
    assert [doubled(each) for each in ("a", "a", long, long)] == ["aa", "aa", long * 2, long * 2]
    assert asked == ["a", long, long]
    for each in "bca":
        doubled(each)
    assert asked[3:] == ["b", "c", "a"]


def test_a_refusal_is_not_kept() -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="never"):
            date_range("never")


def test_thousands_of_long_strings_leave_nothing_behind() -> None:
    size = 100_000
    tracemalloc.start()
    try:
        for number in range(300):
            digits = f"{number:0{size}d}"
            date_range(f"2026-11-27T10:00:00.{digits}Z")
            normalised(f"name {digits}")
            sounds("b" * size + str(number))
            hashed(f"code\n*\n{digits}")
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < 20 * size
