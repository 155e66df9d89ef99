"""What R4 itself defines, without a database."""

import pytest

from fhir import registry
from fhir.terminology import STANDARD, is_member
from fhir.terminology.standard import codes, resources
from fhir.validation import bindings

VALUE_SET = "http://hl7.org/fhir/ValueSet/"
V3 = "http://terminology.hl7.org/CodeSystem/v3-"


@pytest.mark.parametrize(
    ("value_set", "system", "code", "expected"),
    [
        ("marital-status", f"{V3}MaritalStatus", "M", True),
        ("marital-status", f"{V3}NullFlavor", "UNK", True),
        ("marital-status", f"{V3}NullFlavor", "M", False),
        ("marital-status|4.0.1", f"{V3}MaritalStatus", "M", True),
        ("marital-status|3.0.0", f"{V3}MaritalStatus", "M", None),
        ("no-such-set", "urn:x", "M", None),
        # SNOMED CT stands behind it.
        ("body-site", "http://snomed.info/sct", "1", None),
        # Every code of a code system that only names its value set.
        ("issue-type", "http://hl7.org/fhir/issue-type", "too-costly", True),
    ],
)
def test_whether_a_code_is_in_a_value_set(
    value_set: str, system: str, code: str, expected: bool | None
) -> None:
    assert is_member(VALUE_SET + value_set, system, code) is expected


def test_required_bindings_say_the_same() -> None:
    bound = {
        element.codes
        for kind in registry.resource_types()
        for element in registry.elements(kind).values()
        if element.codes
    }
    compared = 0
    for canonical in bound:
        required = bindings.codes(canonical)
        held = codes(canonical)
        if required is None or held is None:
            continue
        compared += 1
        assert {code for _, code in held} == required, canonical
    assert compared > 100


def test_versions_of_one_code_system_are_kept_apart() -> None:
    url = "http://terminology.hl7.org/CodeSystem/v2-0360"
    old, new = STANDARD.code_system(url, "2.3.1"), STANDARD.code_system(url, None)

    assert old is not None
    assert new is not None
    assert (old.version, new.version) == ("2.3.1", "2.7")
    assert STANDARD.code_system(url, "3") is None


def test_what_is_kept_has_no_narrative_and_says_whose_it_is() -> None:
    kept = [*resources("CodeSystem"), *resources("ValueSet")]

    assert [each["url"] for each in kept if {"text", "contact", "extension"} & each.keys()] == []
    assert sum("copyright" in each for each in kept) > 300
