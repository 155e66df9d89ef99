"""Rules of R4 that a resource must keep, each broken once."""

from decimal import Decimal
from typing import Any

import pytest

from fhir import registry
from fhir.registry import SUPPORTED_TYPES, UNSTORED_TYPES
from fhir.validation import validate
from fhir.validation.accept import accepts
from fhir.validation.invariants import RULES

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"versionId": "3", "lastUpdated": "2026-05-01T09:00:00.5Z"},
    "text": {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>Gwen <b>Price</b></p></div>',
    },
    "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"}],
    "active": True,
    "name": [{"family": "Price", "given": ["Gwen", "Mair"]}],
    "gender": "female",
    "birthDate": "1951-03-02",
    "_birthDate": {
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
                "valueDateTime": "1951-03-02T04:10:00Z",
            }
        ]
    },
    "deceasedBoolean": False,
    "generalPractitioner": [{"reference": "Organization/o1"}],
}
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "subject": {"reference": "Patient/p1"},
    "valueQuantity": {
        "value": Decimal("61.50"),
        "unit": "kg",
        "system": "http://unitsofmeasure.org",
        "code": "kg",
    },
}


def faults(resource: dict[str, Any]) -> set[tuple[str, str | None]]:
    return {(issue.code, issue.expression) for issue in validate(resource)}


@pytest.mark.parametrize("resource", [PATIENT, OBSERVATION])
def test_a_good_resource_is_accepted_by_the_fast_pass(resource: dict[str, Any]) -> None:
    assert validate(resource) == []
    assert accepts(resource)


@pytest.mark.parametrize(
    ("change", "code", "expression"),
    [
        ({"pet": "cat"}, "structure", "Patient.pet"),
        ({"_name": {"id": "x"}}, "structure", "Patient._name"),
        ({"name": {"family": "Price"}}, "structure", "Patient.name"),
        ({"name": []}, "invalid", "Patient.name"),
        ({"name": [None]}, "invalid", "Patient.name[0]"),
        ({"name": [{}]}, "invalid", "Patient.name[0]"),
        ({"name": [{"id": "only"}]}, "invariant", "Patient.name[0]"),
        ({"name": ["Price"]}, "structure", "Patient.name[0]"),
        ({"name": [{"given": ["Gwen", None]}]}, "invalid", "Patient.name[0].given[1]"),
        ({"name": [{"given": ["Gwen", ""]}]}, "invalid", "Patient.name[0].given[1]"),
        ({"active": ["true"]}, "structure", "Patient.active"),
        ({"active": "true"}, "value", "Patient.active"),
        ({"active": None}, "invalid", "Patient.active"),
        ({"active": 1}, "value", "Patient.active"),
        ({"gender": "robot"}, "code-invalid", "Patient.gender"),
        ({"gender": {"code": "female"}}, "structure", "Patient.gender"),
        ({"birthDate": "31/01/1950"}, "value", "Patient.birthDate"),
        ({"birthDate": "1951-02-30"}, "value", "Patient.birthDate"),
        ({"birthDate": "0000"}, "value", "Patient.birthDate"),
        ({"birthDate": ""}, "invalid", "Patient.birthDate"),
        ({"birthDate": 1951}, "value", "Patient.birthDate"),
        ({"id": "with_underscore"}, "value", "Patient.id"),
        ({"id": "x" * 65}, "value", "Patient.id"),
        ({"meta": {"lastUpdated": "2026-05-01"}}, "value", "Patient.meta.lastUpdated"),
        ({"language": " en"}, "value", "Patient.language"),
        ({"implicitRules": "a b"}, "value", "Patient.implicitRules"),
        ({"deceasedDateTime": "2026-01-01"}, "structure", "Patient.deceased[x]"),
        ({"multipleBirthInteger": 2**31}, "value", "Patient.multipleBirth"),
        ({"multipleBirthInteger": Decimal("1.0")}, "value", "Patient.multipleBirth"),
        ({"photo": [{"data": "not base64!"}]}, "value", "Patient.photo[0].data"),
        ({"photo": [{"data": "QQ=="}]}, "invariant", "Patient.photo[0]"),
        (
            {"generalPractitioner": [{"reference": "Medication/1"}]},
            "structure",
            "Patient.generalPractitioner[0]",
        ),
        (
            {"generalPractitioner": [{"reference": "denom-1"}]},
            "value",
            "Patient.generalPractitioner[0]",
        ),
        (
            {"generalPractitioner": [{"reference": "Foo/1"}]},
            "value",
            "Patient.generalPractitioner[0]",
        ),
        (
            {"generalPractitioner": [{"type": "Patient", "display": "x"}]},
            "structure",
            "Patient.generalPractitioner[0]",
        ),
        (
            {"generalPractitioner": [{"reference": "#gp"}]},
            "invariant",
            "Patient.generalPractitioner[0]",
        ),
        ({"extension": [{"url": "http://example.org/x"}]}, "invariant", "Patient.extension[0]"),
        (
            {"extension": [{"url": "relative", "valueCode": "x"}]},
            "invalid",
            "Patient.extension[0].url",
        ),
        ({"extension": [{"valueCode": "x"}]}, "required", "Patient.extension[0].url"),
        ({"contact": [{"gender": "male"}]}, "invariant", "Patient.contact[0]"),
        (
            {"address": [{"period": {"start": "2026-05-02", "end": "2026-05-01"}}]},
            "invariant",
            "Patient.address[0].period",
        ),
        ({"telecom": [{"value": "01632 960001"}]}, "invariant", "Patient.telecom[0]"),
        ({"text": {"status": "generated"}}, "required", "Patient.text.div"),
        ({"contained": {}}, "structure", "Patient.contained"),
        ({"contained": [{"id": "x"}]}, "required", "Patient.contained[0].resourceType"),
        (
            {"contained": [{"resourceType": "Organization", "id": "o", "name": "n"}]},
            "invariant",
            "Patient.contained[0]",
        ),
    ],
)
def test_each_fault_is_named_with_its_place(
    change: dict[str, Any], code: str, expression: str
) -> None:
    broken = {**PATIENT, **change}
    assert (code, expression) in faults(broken)
    assert not accepts(broken)


def test_contained_resources_may_refer_to_one_another_and_to_their_container() -> None:
    resource = {
        **PATIENT,
        "contained": [
            {"resourceType": "Organization", "id": "o", "name": "Practice"},
            {
                "resourceType": "PractitionerRole",
                "id": "r",
                "organization": {"reference": "#o"},
            },
        ],
        "generalPractitioner": [{"reference": "#r"}],
    }
    assert validate(resource) == []
    wrong = {**resource, "managingOrganization": {"reference": "#r"}}
    assert faults(wrong) == {("structure", "Patient.managingOrganization")}
    nested = {**resource, "contained": [{**resource["contained"][0], "meta": {"versionId": "1"}}]}
    nested["generalPractitioner"] = [{"reference": "#o"}]
    assert faults(nested) == {("invariant", "Patient.contained[0]")}


def test_null_stands_in_an_array_where_only_an_extension_is() -> None:
    reason = {
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
                "valueCode": "unknown",
            }
        ]
    }
    name = {"given": ["Gwen", None], "_given": [None, reason]}
    assert validate({**PATIENT, "name": [name]}) == []
    assert validate({**PATIENT, "name": [{"_given": [reason]}]}) == []
    uneven = {"given": ["Gwen"], "_given": [None, reason]}
    assert faults({**PATIENT, "name": [uneven]}) == {("structure", "Patient.name[0].given")}
    both_null = {"given": [None], "_given": [None]}
    assert faults({**PATIENT, "name": [both_null]}) == {("invalid", "Patient.name[0].given[0]")}


def test_a_required_element_may_be_only_an_extension() -> None:
    absent = {
        **OBSERVATION,
        "_status": {"extension": [{"url": "http://e.org/x", "valueCode": "a"}]},
    }
    del absent["status"]
    assert validate(absent) == []


def test_a_required_concept_needs_a_code_of_its_value_set() -> None:
    condition = {"resourceType": "Condition", "subject": {"display": "somebody"}}
    system = "http://terminology.hl7.org/CodeSystem/condition-clinical"

    def with_status(**coding: str) -> dict[str, Any]:
        return {**condition, "clinicalStatus": {"coding": [coding]}}

    assert validate(with_status(system=system, code="active")) == []
    assert validate(with_status(code="active")) == []
    at = {("code-invalid", "Condition.clinicalStatus")}
    assert faults(with_status(system=system, code="busy")) == at
    assert faults(with_status(system="http://example.org/other", code="active")) == at
    assert faults({**condition, "clinicalStatus": {"text": "active"}}) == at


def test_on_create_id_and_server_meta_do_not_matter() -> None:
    sent = {**PATIENT, "id": "not_an_id", "meta": {"versionId": "", "lastUpdated": "yesterday"}}
    assert validate(sent, server_meta=False) == []
    assert len(validate(sent)) == 3
    kept = {**PATIENT, "meta": {"versionId": "", "profile": "not a list"}}
    assert {i.expression for i in validate(kept, server_meta=False)} == {"Patient.meta.profile"}


def test_the_type_of_the_address_must_stand_in_the_resource() -> None:
    assert faults({}) == {("required", "resourceType")}
    assert faults({"resourceType": "Robot"}) == {("structure", "resourceType")}
    assert [i.code for i in validate(PATIENT, resource_type="Person")] == ["invalid"]


@pytest.mark.parametrize(
    ("bundle", "key"),
    [
        ({"type": "message", "entry": [{"resource": PATIENT}]}, "bdl-12"),
        ({"type": "collection", "total": 1}, "bdl-1"),
        (
            {"type": "collection", "entry": [{"resource": PATIENT, "search": {"mode": "match"}}]},
            "bdl-2",
        ),
        ({"type": "batch", "entry": [{"resource": PATIENT}]}, "bdl-3"),
        ({"type": "batch-response", "entry": [{"resource": PATIENT}]}, "bdl-4"),
        ({"type": "collection", "entry": [{"fullUrl": "urn:uuid:x"}]}, "bdl-5"),
        (
            {
                "type": "collection",
                "entry": [{"fullUrl": "http://a.org/Patient/1", "resource": PATIENT}] * 2,
            },
            "bdl-7",
        ),
        (
            {
                "type": "collection",
                "entry": [{"fullUrl": "http://a.org/Patient/1/_history/1", "resource": PATIENT}],
            },
            "bdl-8",
        ),
        ({"type": "document", "entry": [{"resource": PATIENT}]}, "bdl-9"),
        ({"type": "document", "entry": [{"resource": PATIENT}]}, "bdl-10"),
        ({"type": "document", "entry": [{"resource": PATIENT}]}, "bdl-11"),
        (
            {
                "type": "collection",
                "link": [{"relation": "self", "url": "http://a.org"}] * 2,
            },
            "link-once",
        ),
    ],
)
def test_rules_of_bundles(bundle: dict[str, Any], key: str) -> None:
    texts = [issue.text for issue in validate({"resourceType": "Bundle", **bundle})]
    assert any(text.endswith(f"({key})") for text in texts), texts


def test_a_fault_inside_a_bundle_is_found_where_it_is() -> None:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": PATIENT}, {"resource": {**PATIENT, "gender": "x"}}],
    }
    assert faults(bundle) == {("code-invalid", "Bundle.entry[1].resource.gender")}


NOT_HELD = {
    "ele-1": "part of the structure: empty objects and lone ids",
    "txt-1": "fhir.narrative",
    "txt-2": "fhir.narrative",
    "ref-1": "fhir.validation.report and accept",
    **dict.fromkeys(("dom-2", "dom-3", "dom-4", "dom-5"), "fhir.validation.contained"),
    **dict.fromkeys(("ppc-2", "ppc-3", "ppc-4", "ppc-5"), "R4's own expression is always true"),
}
"""Invariants that are held elsewhere, or hold by themselves: key -> where or why."""
_OURS = {"CapabilityStatement", "ElementDefinition"}
"""Types that only the hub writes, or that no held type uses."""


def test_every_invariant_of_the_held_types_is_held() -> None:
    held = {key for rules in RULES.values() for key in rules}
    kinds = {*SUPPORTED_TYPES, *UNSTORED_TYPES}
    open_keys = {
        key
        for path in registry.constrained_paths()
        for key in registry.invariants(path)
        if (root := path.partition(".")[0]) not in _OURS
        and (root in kinds or root not in registry.resource_types())
        and key not in held
        and key not in NOT_HELD
    }
    assert open_keys == set()
