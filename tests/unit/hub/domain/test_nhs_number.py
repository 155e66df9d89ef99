"""Modulus 11, with the numbers of standards section 6."""

import pytest

from hub.domain import nhs_number
from hub.domain.errors import RuleError


@pytest.mark.parametrize("number", ["943 476 5919", "987 654 3210", "999-000-0018", "9434765919"])
def test_valid_numbers(number: str) -> None:
    assert nhs_number.is_valid(number)


@pytest.mark.parametrize(
    "number",
    [
        "9434765918",
        "943476591",
        "94347659190",
        "943476591X",
        "",
        "٩٤٣٤٧٦٥٩١٩",
        # The check would be 10: 999 000 000x has no valid number at all.
        *(f"999000000{digit}" for digit in range(10)),
    ],
)
def test_invalid_numbers(number: str) -> None:
    assert not nhs_number.is_valid(number)


def test_eleven_is_nought() -> None:
    zeros = [f"9990{n:05d}" for n in range(200) if nhs_number.check_digit(f"9990{n:05d}") == 0]

    assert zeros
    assert all(nhs_number.is_valid(nine + "0") for nine in zeros)


def test_parse_returns_the_digits_or_refuses() -> None:
    assert nhs_number.parse("943 476 5919") == "9434765919"
    with pytest.raises(RuleError, match="check the digits"):
        nhs_number.parse("943 476 5918")


def test_spoken() -> None:
    assert nhs_number.spoken("9990000018") == "999 000 0018"
    assert nhs_number.spoken("123") == "123"
