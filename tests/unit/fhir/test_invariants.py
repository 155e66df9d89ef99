"""Invariants of R4, each kept once and broken once."""

from typing import Any

import pytest

from fhir import registry
from fhir.validation import validate
from fhir.validation.invariants import RULES, instant_of, not_after
from fhir.validation.primitives import CHECKS

CONCEPT = {"text": "x"}
SUBJECT = {"reference": "Patient/1"}
UCUM = "http://unitsofmeasure.org"
APPOINTMENT = {
    "resourceType": "Appointment",
    "status": "booked",
    "start": "2026-05-01T09:00:00Z",
    "end": "2026-05-01T09:30:00Z",
    "participant": [{"actor": {"reference": "Patient/1"}, "status": "accepted"}],
}
OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "1-8"}]},
}
GOAL = {
    "resourceType": "Goal",
    "lifecycleStatus": "active",
    "description": CONCEPT,
    "subject": SUBJECT,
}
LIST = {"resourceType": "List", "status": "current", "mode": "working"}
ALLERGY = {"resourceType": "AllergyIntolerance", "patient": SUBJECT}
CONDITION = {"resourceType": "Condition", "subject": SUBJECT}


def status(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": code}]}


def question(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Questionnaire", "status": "draft", "item": [{"linkId": "1", **more}]}


def timing(**repeat: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "subject": SUBJECT,
        "occurrenceTiming": {"repeat": repeat},
    }


def extended(**value: Any) -> dict[str, Any]:
    return {
        "resourceType": "Basic",
        "code": CONCEPT,
        "extension": [{"url": "http://e.org", **value}],
    }


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("app-1", APPOINTMENT, {**APPOINTMENT, "participant": [{"status": "accepted"}]}),
        ("app-2", APPOINTMENT, {k: v for k, v in APPOINTMENT.items() if k != "end"}),
        (
            "app-3",
            {**APPOINTMENT, "status": "proposed"},
            {k: v for k, v in APPOINTMENT.items() if k not in {"start", "end"}},
        ),
        (
            "app-4",
            {**APPOINTMENT, "status": "cancelled", "cancelationReason": CONCEPT},
            {**APPOINTMENT, "cancelationReason": CONCEPT},
        ),
        (
            "ait-1",
            {**ALLERGY, "clinicalStatus": status("allergyintolerance-clinical", "active")},
            ALLERGY,
        ),
        (
            "ait-2",
            {
                **ALLERGY,
                "verificationStatus": status("allergyintolerance-verification", "entered-in-error"),
            },
            {
                **ALLERGY,
                "clinicalStatus": status("allergyintolerance-clinical", "active"),
                "verificationStatus": status("allergyintolerance-verification", "entered-in-error"),
            },
        ),
        (
            "con-4",
            {
                **CONDITION,
                "abatementString": "gone",
                "clinicalStatus": status("condition-clinical", "resolved"),
            },
            {**CONDITION, "abatementString": "gone"},
        ),
        (
            "con-5",
            {**CONDITION, "verificationStatus": status("condition-ver-status", "entered-in-error")},
            {
                **CONDITION,
                "verificationStatus": status("condition-ver-status", "entered-in-error"),
                "clinicalStatus": status("condition-clinical", "active"),
            },
        ),
        ("con-1", CONDITION, {**CONDITION, "stage": [{"type": CONCEPT}]}),
        (
            "ctm-1",
            {
                "resourceType": "CareTeam",
                "participant": [
                    {"member": {"reference": "Practitioner/1"}, "onBehalfOf": {"display": "o"}}
                ],
            },
            {
                "resourceType": "CareTeam",
                "participant": [
                    {"member": {"reference": "Organization/1"}, "onBehalfOf": {"display": "o"}}
                ],
            },
        ),
        (
            "gol-1",
            {**GOAL, "target": [{"measure": CONCEPT, "detailString": "x"}]},
            {**GOAL, "target": [{"detailString": "x"}]},
        ),
        (
            "grp-1",
            {
                "resourceType": "Group",
                "type": "person",
                "actual": True,
                "member": [{"entity": {"display": "x"}}],
            },
            {
                "resourceType": "Group",
                "type": "person",
                "actual": False,
                "member": [{"entity": {"display": "x"}}],
            },
        ),
        (
            "lst-2",
            {**LIST, "mode": "changes", "entry": [{"item": SUBJECT, "deleted": True}]},
            {**LIST, "entry": [{"item": SUBJECT, "deleted": True}]},
        ),
        (
            "lst-3",
            {**LIST, "entry": [{"item": SUBJECT, "date": "2026"}]},
            {**LIST, "mode": "snapshot", "entry": [{"item": SUBJECT, "date": "2026"}]},
        ),
        (
            "obs-6",
            {**OBSERVATION, "dataAbsentReason": CONCEPT},
            {**OBSERVATION, "dataAbsentReason": CONCEPT, "valueString": "x"},
        ),
        (
            "obs-7",
            {**OBSERVATION, "component": [{"code": OBSERVATION["code"]}]},
            {**OBSERVATION, "component": [{"code": OBSERVATION["code"]}], "valueString": "x"},
        ),
        (
            "org-3",
            {
                "resourceType": "Organization",
                "name": "n",
                "telecom": [{"system": "phone", "value": "01632 960001", "use": "work"}],
            },
            {
                "resourceType": "Organization",
                "name": "n",
                "telecom": [{"system": "phone", "value": "01632 960001", "use": "home"}],
            },
        ),
        (
            "org-2",
            {"resourceType": "Organization", "name": "n", "address": [{"use": "work"}]},
            {"resourceType": "Organization", "name": "n", "address": [{"use": "home"}]},
        ),
        (
            "inv-1",
            {
                "resourceType": "Task",
                "status": "draft",
                "intent": "order",
                "authoredOn": "2026-05-01",
                "lastModified": "2026-05-01T10:00:00Z",
            },
            {
                "resourceType": "Task",
                "status": "draft",
                "intent": "order",
                "authoredOn": "2026-05-03",
                "lastModified": "2026-05-01",
            },
        ),
        ("que-1", question(type="display"), question(type="group")),
        (
            "que-2",
            question(type="string"),
            {**question(type="string"), "item": [{"linkId": "1", "type": "string"}] * 2},
        ),
        (
            "que-3",
            question(type="string", code=[{"code": "c"}]),
            question(type="display", code=[{"code": "c"}]),
        ),
        (
            "que-5",
            question(type="choice", answerOption=[{"valueString": "a"}]),
            question(type="text", answerOption=[{"valueString": "a"}]),
        ),
        ("que-6", question(type="string", required=True), question(type="display", required=True)),
        (
            "que-7",
            question(
                type="string",
                enableWhen=[{"question": "2", "operator": "exists", "answerBoolean": True}],
            ),
            question(
                type="string",
                enableWhen=[{"question": "2", "operator": "exists", "answerString": "x"}],
            ),
        ),
        (
            "que-8",
            question(type="string", initial=[{"valueString": "a"}]),
            question(type="display", initial=[{"valueString": "a"}]),
        ),
        ("que-9", question(type="string", readOnly=True), question(type="display", readOnly=True)),
        ("que-10", question(type="string", maxLength=5), question(type="date", maxLength=5)),
        (
            "que-13",
            question(type="string", repeats=True, initial=[{"valueString": "a"}] * 2),
            question(type="string", initial=[{"valueString": "a"}] * 2),
        ),
        ("tim-1", timing(duration=1, durationUnit="h"), timing(duration=1)),
        ("tim-4", timing(duration=0, durationUnit="h"), timing(duration=-1, durationUnit="h")),
        ("tim-5", timing(period=1, periodUnit="d"), timing(period=-1, periodUnit="d")),
        ("tim-9", timing(offset=30, when=["AC"]), timing(offset=30, when=["C"])),
        ("tim-10", timing(timeOfDay=["09:00:00"]), timing(timeOfDay=["09:00:00"], when=["AC"])),
        (
            "age-1",
            extended(valueAge={"value": 4, "code": "a", "system": UCUM}),
            extended(valueAge={"value": 0, "code": "a"}),
        ),
        (
            "cnt-3",
            extended(valueCount={"value": 4, "code": "1", "system": UCUM}),
            extended(valueCount={"value": 4, "code": "2"}),
        ),
        (
            "dis-1",
            extended(valueDistance={"value": 4, "code": "m", "system": UCUM}),
            extended(valueDistance={"value": 4}),
        ),
        (
            "drt-1",
            extended(valueDuration={"value": 4, "code": "h", "system": UCUM}),
            extended(valueDuration={"value": 4, "code": "h", "system": "http://e.org"}),
        ),
        (
            "qty-3",
            extended(valueQuantity={"code": "m", "system": UCUM}),
            extended(valueQuantity={"code": "m"}),
        ),
        (
            "qty-3",
            extended(valueAge={"value": 4, "code": "a", "system": UCUM}),
            extended(valueAge={"value": 4, "code": "a"}),
        ),
        (
            "rng-2",
            extended(valueRange={"low": {"value": 1}, "high": {"value": 2}}),
            extended(valueRange={"low": {"value": 3}, "high": {"value": 2}}),
        ),
        (
            "rat-1",
            extended(valueRatio={"numerator": {"value": 1}, "denominator": {"value": 2}}),
            extended(valueRatio={"numerator": {"value": 1}}),
        ),
        (
            "exp-1",
            extended(valueExpression={"language": "text/fhirpath", "expression": "a"}),
            extended(valueExpression={"language": "text/fhirpath"}),
        ),
        (
            "trd-3",
            extended(valueTriggerDefinition={"type": "named-event", "name": "n"}),
            extended(valueTriggerDefinition={"type": "named-event"}),
        ),
        (
            "trd-1",
            extended(valueTriggerDefinition={"type": "periodic", "timingDate": "2026"}),
            extended(
                valueTriggerDefinition={
                    "type": "periodic",
                    "timingDate": "2026",
                    "data": [{"type": "Patient"}],
                }
            ),
        ),
        (
            "ext-1",
            extended(extension=[{"url": "part", "valueCode": "a"}]),
            extended(extension=[{"url": "part", "valueCode": "a"}], valueCode="b"),
        ),
    ],
)
def test_an_invariant_holds_and_breaks(key: str, good: dict[str, Any], bad: dict[str, Any]) -> None:
    assert validate(good) == []
    texts = [issue.text for issue in validate(bad)]
    assert any(text.endswith(f"({key})") for text in texts), texts


@pytest.mark.parametrize(
    ("start", "end", "holds"),
    [
        ("2026", "2026-05-01", True),
        ("2026-06", "2026-05-01", False),
        ("2026-05-01T10:00:00+01:00", "2026-05-01T09:00:00Z", True),
        ("2026-05-01T10:00:01+01:00", "2026-05-01T09:00:00Z", False),
        ("2026-05-02", "2026-05-01T23:30:00-05:00", True),
        ("2026-05-03", "2026-05-01T23:30:00-05:00", False),
        ("2026-05-01T10:00:00Z", "2026", True),
        ("2027-05-01T10:00:00Z", "2026", False),
        ("2026-12-31T23:59:60Z", "2027-01-01T00:00:00Z", True),
    ],
)
def test_partial_dates_are_in_order_if_they_can_be(start: str, end: str, holds: bool) -> None:
    assert not_after(start, end) is holds


def test_a_leap_second_is_read_as_the_one_before() -> None:
    assert instant_of("2026-12-31T23:59:60.5Z") == instant_of("2026-12-31T23:59:59.5Z")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("base64Binary", ["QQ==", "QUJD QUJD\n"], ["Q", "QQ=", "QUJD=", "QU JD", "Ä", "", 1]),
        ("code", ["a", "a b"], [" a", "a  b", "a ", "", 1]),
        (
            "date",
            ["2026", "2026-02", "2024-02-29"],
            ["2026-2-1", "2026-02-29", "0000", "\uff12\uff10\uff12\uff16"],
        ),
        (
            "dateTime",
            ["2026-02-01T10:00:00Z", "2026-02-01T10:00:00.123456789+14:00", "2026"],
            [
                "2026-02-01T10:00Z",
                "2026-02-01T10:00:00",
                "2026-02-01T24:00:00Z",
                "2026-02-30T10:00:00Z",
            ],
        ),
        ("decimal", [1, 1.5], [True, "1", float("inf")]),
        ("id", ["a", "A-1.b", "x" * 64], ["", "a_b", "x" * 65, "a\n"]),
        ("instant", ["2026-02-01T10:00:00Z"], ["2026-02-01", "2026-02-01T10:00:00"]),
        ("integer", [0, -(2**31)], [2**31, 1.0, True, "1"]),
        ("oid", ["urn:oid:1.2.3"], ["1.2.3", "urn:oid:3.1", "urn:oid:1.02"]),
        ("positiveInt", [1], [0, -1, True]),
        ("string", ["a", " "], ["", 1, "x" * (1024 * 1024 + 1)]),
        ("time", ["09:30:00", "09:30:00.5"], ["09:30", "24:00:00", "9:30:00"]),
        ("unsignedInt", [0], [-1, True]),
        ("uri", ["http://a.org", "urn:x"], ["", "a b"]),
        ("uuid", ["urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"], ["61ebe359", "urn:uuid:X"]),
    ],
)
def test_the_form_of_primitives(kind: str, good: list[Any], bad: list[Any]) -> None:
    assert [value for value in good if not CHECKS[kind](value)] == []
    assert [value for value in bad if CHECKS[kind](value)] == []


def test_every_rule_belongs_to_something_that_r4_defines() -> None:
    for owner in RULES:
        assert registry.elements(owner)
