"""SNOMED CT identifiers and their check digits."""

import pytest

from fhir.terminology import sctid


@pytest.mark.parametrize(
    "concept",
    ["138875005", "116680003", "900000000000207008", "999000011000000103", "526631000000108"],
)
def test_published_concept_ids_are_valid(concept: str) -> None:
    assert sctid.is_valid(concept)
    assert sctid.check_digit(concept[:-1]) == concept[-1]


@pytest.mark.parametrize(
    "wrong",
    [
        "138875004",
        "138857005",
        "0138875005",
        "13887",
        "1388750050000000000",
        "13887500x",
        "",
        "١٣٨٨٧٥٠٠٥",
    ],
)
def test_others_are_not(wrong: str) -> None:
    assert not sctid.is_valid(wrong)


def test_the_partition_says_what_is_named() -> None:
    description = "12345601"
    description += sctid.check_digit(description)

    assert sctid.is_valid(description, sctid.DESCRIPTION)
    assert not sctid.is_valid(description)
