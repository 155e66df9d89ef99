"""What a profile asks beyond R4, each rule kept and broken once with a profile of UK Core."""

import copy
from collections.abc import Collection
from typing import Any

import pytest

from fhir import registry
from fhir.registry.profiles import Node, Profile, profile, profile_urls
from fhir.validation import validate
from fhir.validation.items import root
from fhir.validation.membership import Membership, Pair
from fhir.validation.profiles import check
from fhir.validation.review import review

UKCORE = "https://fhir.hl7.org.uk/StructureDefinition/"
NHS = "https://fhir.nhs.uk/Id/nhs-number"
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"


def pressure(systolic: str = "8480-6") -> dict[str, Any]:
    def component(code: str, text: str, value: int) -> dict[str, Any]:
        return {
            "code": {
                "coding": [
                    {"system": LOINC, "code": code, "display": text},
                    {"system": SNOMED, "code": "1"},
                ],
                "text": text,
            },
            "valueQuantity": {
                "value": value,
                "unit": "millimeter of mercury",
                "system": "http://unitsofmeasure.org",
                "code": "mm[Hg]",
            },
        }

    category = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [{"system": category, "code": "vital-signs"}]}],
        "code": {
            "coding": [
                {"system": LOINC, "code": "85354-9"},
                {"system": SNOMED, "code": "75367002"},
            ]
        },
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2026-05-01",
        "component": [
            component(systolic, "Systolic blood pressure", 120),
            component("8462-4", "Diastolic blood pressure", 80),
        ],
    }


def found(
    resource: dict[str, Any], name: str, severity: str = "error"
) -> set[tuple[str, str | None]]:
    assert validate(resource) == []
    return {
        (issue.code, issue.expression)
        for issue in review(resource, profiles=[UKCORE + name])
        if issue.severity == severity
    }


def patient(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "name": [{"family": "Price"}], **elements}


PRESSURE = "UKCore-Observation-VitalSigns-BloodPressure"


def test_a_resource_that_keeps_every_rule_has_no_fault() -> None:
    assert found(pressure(), PRESSURE) == set()
    assert found(
        patient(identifier=[{"system": NHS, "value": "9990000018"}]), "UKCore-Patient"
    ) == (set())


def changed(path: str, value: Any) -> dict[str, Any]:
    resource = pressure()
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    here: Any = resource
    for step in steps:
        here = here[step]
    if value is None:
        del here[last]
    else:
        here[last] = value
    return resource


@pytest.mark.parametrize(
    ("path", "value", "code", "expression"),
    [
        # Rules of the profile itself, of the one it is made from, and of the one before that.
        ("component", None, "required", "Observation.component"),
        ("component.0", None, "required", "Observation.component"),
        ("valueString", "high", "structure", "Observation.value"),
        ("status", "amended", "value", "Observation.status"),
        ("category", None, "required", "Observation.category"),
        ("subject", None, "required", "Observation.subject"),
        ("effectiveDateTime", None, "required", "Observation.effective"),
        ("code.coding.1", None, "required", "Observation.code.coding"),
        ("code.coding.0.code", "85354-8", "value", "Observation.code.coding[0].code"),
        ("code.coding.0", None, "invariant", "Observation"),
        (
            "component.0.code.coding.0.code",
            "8462-4",
            "value",
            "Observation.component[0].code.coding[0].code",
        ),
        ("component.0.code.text", "Something else", "structure", "Observation.component[0]"),
        (
            "component.0.valueQuantity.code",
            "kPa",
            "value",
            "Observation.component[0].value.code",
        ),
        ("device", {"reference": "Device/d"}, None, None),
        ("device", {"reference": "DeviceMetric/d"}, None, None),
    ],
)
def test_each_rule_of_a_chain_of_profiles(
    path: str, value: Any, code: str | None, expression: str | None
) -> None:
    wrong = found(changed(path, value), PRESSURE)
    assert (wrong == set()) if code is None else ((code, expression) in wrong)


def test_a_type_that_the_profile_leaves_out_is_refused() -> None:
    resource = pressure()
    resource["component"][0]["valueString"] = "120"
    del resource["component"][0]["valueQuantity"]
    assert ("structure", "Observation.component[0].value") in found(resource, PRESSURE)


def test_too_many_in_one_slice_are_refused_and_others_are_free() -> None:
    mine = {"system": NHS, "value": "9990000018"}
    other = {"system": "https://example.org/id", "value": "9990000018"}
    assert found(patient(identifier=[mine, other, other]), "UKCore-Patient") == set()
    assert found(patient(identifier=[mine, other, mine]), "UKCore-Patient") == {
        ("structure", "Patient.identifier")
    }
    assert found(patient(identifier=[{"system": NHS, "use": "official"}]), "UKCore-Patient") == {
        ("required", "Patient.identifier[0].value")
    }


def verified(system: str, code: str) -> dict[str, Any]:
    status = {
        "url": f"{UKCORE}Extension-UKCore-NHSNumberVerificationStatus",
        "valueCodeableConcept": {"coding": [{"system": system, "code": code}]},
    }
    return patient(identifier=[{"system": NHS, "value": "9990000018", "extension": [status]}])


CODES = "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland"


def test_extensions_are_checked_wherever_they_stand_without_any_profile() -> None:
    at = "Patient.identifier[0].extension[0].value"
    for resource, wrong in [
        (verified(CODES, "01"), set()),
        (verified(CODES, "99"), {("code-invalid", at)}),
        (verified("https://example.org/codes", "01"), {("code-invalid", at)}),
    ]:
        assert {(i.code, i.expression) for i in review(resource) if i.severity == "error"} == wrong


def test_an_extension_has_the_type_number_and_place_that_its_definition_says() -> None:
    url = f"{UKCORE}Extension-UKCore-EthnicCategory"
    good = {"url": url, "valueCodeableConcept": {"text": "not said"}}
    assert found(patient(extension=[good]), "UKCore-Patient") == set()
    assert found(patient(extension=[good, good]), "UKCore-Patient") == {
        ("structure", "Patient.extension")
    }
    assert found(patient(extension=[{"url": url, "valueString": "A"}]), "UKCore-Patient") == {
        ("structure", "Patient.extension[0].value")
    }
    misplaced = patient(contact=[{"name": {"family": "P"}, "extension": [good]}])
    assert found(misplaced, "UKCore-Patient") == {("structure", "Patient.contact[0].extension[0]")}


def test_parts_of_an_extension_are_slices_of_it() -> None:
    url = f"{UKCORE}Extension-UKCore-NHSCommunication"
    language = {"url": "language", "valueCodeableConcept": {"text": "Welsh"}}
    preferred = {"url": "preferred", "valueBoolean": True}
    good = patient(extension=[{"url": url, "extension": [language, preferred]}])
    without = patient(extension=[{"url": url, "extension": [preferred]}])
    doubled = patient(extension=[{"url": url, "extension": [language, language]}])
    assert found(good, "UKCore-Patient") == set()
    assert found(without, "UKCore-Patient") == {("required", "Patient.extension[0].extension")}
    assert found(doubled, "UKCore-Patient") == {("structure", "Patient.extension[0].extension")}


def test_a_code_outside_of_an_extensible_value_set_is_a_warning() -> None:
    url = f"{UKCORE}Extension-UKCore-EthnicCategory"
    concept = {"coding": [{"system": "https://example.org/ethnic", "code": "A"}]}
    resource = patient(extension=[{"url": url, "valueCodeableConcept": concept}])
    assert found(resource, "UKCore-Patient") == set()
    assert ("code-invalid", "Patient.extension[0].value") in found(
        resource, "UKCore-Patient", "warning"
    )


def test_codes_that_nobody_knows_are_not_judged_and_a_terminology_may_know_more() -> None:
    religion = {
        "url": f"{UKCORE}Extension-UKCore-ReligiousAffiliation",
        "valueCodeableConcept": {"coding": [{"system": SNOMED, "code": "1"}]},
    }
    resource = patient(extension=[religion])
    canonical = "https://fhir.hl7.org.uk/ValueSet/UKCore-ReligiousAffiliation"

    def told(url: str, pairs: Collection[Pair]) -> bool | None:
        return (SNOMED, "160549004") in pairs if url == canonical else None

    assert Membership()(canonical, [(SNOMED, "1")]) is None
    assert not any(i.code == "code-invalid" for i in review(resource))
    advice = [i for i in review(resource, members=told) if i.code == "code-invalid"]
    assert [(i.severity, i.expression) for i in advice] == [
        ("warning", "Patient.extension[0].value")
    ]


def test_what_must_be_supported_and_was_not_sent_is_information() -> None:
    said = found(patient(), "UKCore-Patient", "information")
    assert ("informational", "Patient.birthDate") in said
    assert ("informational", "Patient.identifier") in said
    assert ("informational", "Patient.name") not in said
    assert ("informational", "Patient.photo") not in said


def test_constraints_are_evaluated_with_their_severity() -> None:
    resource = {
        "resourceType": "Immunization",
        "status": "not-done",
        "vaccineCode": {"text": "vaccine"},
        "patient": {"reference": "Patient/p"},
        "occurrenceDateTime": "2026",
    }
    given = {**resource, "statusReason": {"text": "declined"}}
    assert ("invariant", "Immunization") in found(resource, "UKCore-Immunization")
    assert ("invariant", "Immunization") not in found(given, "UKCore-Immunization")
    group = {**pressure(), "valueString": "x"}
    assert ("invariant", "Observation") in found(group, "UKCore-Observation-Group-Lab", "warning")


def test_references_point_at_the_types_of_the_profiles_targets() -> None:
    # Nothing in UK Core narrows a target to fewer types than R4 does without a profile's name.
    device = Node(
        "device", types=({"code": "Reference", "targetProfile": [f"{UKCORE}UKCore-Device"]},)
    )
    only = Profile("x", "x", "Observation", "1", Node("", children=[device]), ())

    def wrong(reference: str) -> list[str | None]:
        resource = {**pressure(), "device": {"reference": reference}}
        return [issue.expression for issue in check(root(resource), only, Membership())]

    assert wrong("Device/d") == []
    assert wrong("DeviceMetric/d") == ["Observation.device"]


def test_a_pattern_is_a_part_that_must_be_there() -> None:
    pattern = {"coding": [{"system": LOINC, "code": "85354-9"}]}
    whole = Profile(
        "x", "x", "Observation", "1", Node("", children=[Node("code", pattern=pattern)]), ()
    )

    def wrong(resource: dict[str, Any]) -> list[str | None]:
        return [issue.expression for issue in check(root(resource), whole, Membership())]

    assert wrong(pressure()) == []
    assert wrong(changed("code.coding.0.code", "1")) == ["Observation.code"]
    assert wrong(changed("code.coding.0", None)) == ["Observation.code"]


def test_every_profile_is_of_a_type_that_r4_has_and_every_path_leads_to_an_element() -> None:
    def below(node: Node, owner: str, path: str) -> list[str]:
        lost = []
        for child in node.children:
            element = registry.elements(owner).get(child.name)
            if element is None:
                lost.append(f"{path}.{child.name}")
                continue
            kinds = [each["code"] for each in child.types] or list(element.types)
            kind = element.owner or (kinds[0] if len(kinds) == 1 else None)
            if kind in registry.PRIMITIVES:
                kind = "Element"
            if kind is not None and kind != "BackboneElement":
                lost += below(child, kind, f"{path}.{child.name}")
        return lost

    urls = profile_urls()
    assert len(urls) == 153
    for url in urls:
        known = profile(url)
        assert known is not None
        assert below(known.root, known.type, known.name) == []


def test_whatever_is_malformed_is_left_to_the_rules_of_r4() -> None:
    good = pressure()
    anything: tuple[Any, ...] = (
        *(None, [], {}, [None], [[]], "x", 1),
        *([{"coding": "x"}], {"coding": [None]}),
    )
    for name in good:
        for wrong in anything:
            resource = {**copy.deepcopy(good), name: wrong}
            issues = review(resource, profiles=[UKCORE + PRESSURE])
            assert all(issue.expression for issue in issues)
