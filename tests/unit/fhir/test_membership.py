"""A binding is judged by what is held, and not judged where that is not enough."""

from typing import Any

import pytest

from fhir.terminology import STANDARD, Chain, Listed
from fhir.validation.membership import Membership

SYSTEM, URL = "https://codes.example/animals", "https://codes.example/ValueSet/animals"


def held(content: str, **include: Any) -> Membership:
    system = {
        "resourceType": "CodeSystem",
        "url": SYSTEM,
        "status": "active",
        "content": content,
        "concept": [{"code": "cat"}, {"code": "dog"}],
    }
    value_set = {
        "resourceType": "ValueSet",
        "url": URL,
        "status": "active",
        "compose": {"include": [{"system": SYSTEM, **include}]},
    }
    return Membership(Chain(Listed([system, value_set]), STANDARD))


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(SYSTEM, "cat")], True),
        ([(SYSTEM, "cow"), (SYSTEM, "dog")], True),
        ([(SYSTEM, "cow")], False),
        ([("https://other.example", "cat")], False),
        ([(None, "cat")], True),
        ([(None, "cow")], False),
        ([], False),
    ],
)
def test_one_of_the_codes_is_enough(pairs: list[tuple[str | None, str]], expected: bool) -> None:
    assert held("complete")(URL, pairs) is expected


def test_what_a_part_of_a_code_system_does_not_have_is_not_known() -> None:
    assert held("fragment")(URL, [(SYSTEM, "cat")]) is True
    assert held("fragment")(URL, [(SYSTEM, "cow")]) is None


def test_a_value_set_or_code_system_that_is_not_held_is_not_judged() -> None:
    assert Membership()(URL, [(SYSTEM, "cat")]) is None
    loinc = "http://loinc.org"
    needs = {"resourceType": "ValueSet", "url": URL, "compose": {"include": [{"system": loinc}]}}
    assert Membership(Chain(Listed([needs]), STANDARD))(URL, [(loinc, "8480-6")]) is None


def test_what_the_standard_lists_is_known_without_a_hub() -> None:
    genders = "http://hl7.org/fhir/ValueSet/administrative-gender"
    system = "http://hl7.org/fhir/administrative-gender"
    assert Membership()(genders, [(system, "female")]) is True
    assert Membership()(genders, [(system, "parking")]) is False
