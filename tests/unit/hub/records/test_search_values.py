"""Values of a search, kind by kind, where R4 says something particular about them."""

from typing import Any

import pytest
from flask import Flask

from fhir.outcomes import BadRequestError
from hub import records
from hub.domain.actor import Actor

_LOINC = "http://loinc.org"
_TRUTH = "http://terminology.hl7.org/CodeSystem/special-values"
_TYPED = "urn:t|MR|77"

RECORDS: dict[str, dict[str, Any]] = {
    "ada": {
        "resourceType": "Patient",
        "active": True,
        "birthDate": "1950-03-01",
        "name": [{"family": "Ångström, O\u2019Neill|$\\ & co", "given": ["Ada", "Mary"]}],
        "telecom": [
            {"system": "phone", "value": "01632 960 001"},
            {"system": "email", "value": "Ada@example.org"},
        ],
        "identifier": [
            {"system": "https://example.org/ids", "value": "A,1|2$3\\4"},
            {
                "type": {"coding": [{"system": "urn:t", "code": "MR"}], "text": "Númber of Mercy"},
                "value": "77",
            },
        ],
    },
    "bo": {
        "resourceType": "Patient",
        "active": False,
        "birthDate": "1950-03-01",
        "identifier": [{"system": "https://example.org/ids", "value": "77"}],
    },
    "visit": {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"code": "HH"},
        "account": [{"reference": "Account/a1"}],
    },
    "slot": {
        "resourceType": "Slot",
        "status": "free",
        "schedule": {"reference": "Schedule/s"},
        "start": "2026-01-01T10:00:00+00:00",
        "end": "2026-01-01T10:30:00+00:00",
    },
    "names": {
        "resourceType": "ValueSet",
        "status": "active",
        "url": "https://example.org/fhir/ValueSet/names",
    },
    "pulse": {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": _LOINC, "code": "8867-4"}], "text": "Pulse ràte at rest"},
        "subject": {"reference": "Patient/ada"},
        "valueQuantity": {"value": 80, "code": "/min", "system": "http://unitsofmeasure.org"},
        "component": [
            {
                "code": {"coding": [{"system": _LOINC, "code": "c1"}]},
                "valueQuantity": {"value": 1, "unit": "mg"},
            },
            {
                "code": {"coding": [{"system": _LOINC, "code": "c2"}]},
                "valueCodeableConcept": {"coding": [{"system": "urn:v", "code": "high"}]},
            },
        ],
    },
    "report": {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": "Patient/ada"},
        "result": [{"reference": "Observation/pulse"}],
    },
}


@pytest.fixture
def stored(app: Flask, system_actor: Actor) -> Actor:
    for record_id, resource in RECORDS.items():
        records.create(system_actor, resource, id=record_id)
    return system_actor


def _ids(actor: Actor, kind: str, name: str, value: str) -> list[str]:
    return [record.id for record in records.search(actor, kind, [(name, value)]).records]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ([("family", "angs"), ("given", "ada")], ["ada"]),
        ([("family", "angs"), ("given", "ada"), ("given", "mar")], ["ada"]),
        ([("family", "angs"), ("given", "bo")], []),
        # A parameter that several hold, and one with alternatives, beside another.
        ([("name", "mary"), ("family", "angs")], ["ada"]),
        ([("given", "bo,ada"), ("family", "angs"), ("given", "mary")], ["ada"]),
        ([("family", "angs"), ("given:exact", "ada")], []),
        ([("family", "angs"), ("given", "ada"), ("active", "false")], []),
        # A day of birth, which two have, and dates that are no such day.
        ([("family", "angs"), ("birthdate", "1950-03-01")], ["ada"]),
        ([("family", "angs"), ("given", "ada"), ("birthdate", "eq1950-03-01")], ["ada"]),
        ([("family", "angs"), ("birthdate", "1950-03-02")], []),
        ([("family", "angs"), ("birthdate", "1950-03-01"), ("birthdate", "1950-03-02")], []),
        ([("family", "angs"), ("birthdate", "1950-03-02,1950-03-01")], ["ada"]),
        ([("family", "angs"), ("birthdate", "1950-03")], ["ada"]),
        ([("family", "angs"), ("birthdate", "ne1950-03-01")], []),
        ([("birthdate", "1950-03-01")], ["ada", "bo"]),
    ],
)
def test_names_and_days_together_find_who_has_them_all(
    stored: Actor, asked: list[tuple[str, str]], found: list[str]
) -> None:
    page = records.search(stored, "Patient", asked)

    assert [record.id for record in page.records] == found


@pytest.mark.parametrize(
    ("kind", "name", "value", "found"),
    [
        # Tokens: with, without and of a system; contact points have none, booleans an implicit one.
        ("Patient", "identifier", "77", ["ada", "bo"]),
        ("Patient", "identifier", "|77", ["ada"]),
        ("Patient", "identifier", "https://example.org/ids|77", ["bo"]),
        ("Patient", "identifier", "https://example.org/ids|", ["ada", "bo"]),
        ("Patient", "identifier", "https://example.org/ids|A\\,1\\|2\\$3\\\\4", ["ada"]),
        ("Patient", "identifier:of-type", _TYPED, ["ada"]),
        ("Patient", "identifier:of-type", "urn:t|XX|77", []),
        ("Patient", "identifier:not", "77", []),
        ("Patient", "identifier:not", "A\\,1\\|2\\$3\\\\4,1", ["bo"]),
        ("Patient", "identifier:text", "number of", ["ada"]),
        ("Patient", "telecom", "|01632960001", ["ada"]),
        ("Patient", "telecom", "phone|01632960001", ["ada"]),
        ("Patient", "telecom", "email|01632960001", []),
        ("Patient", "telecom", "email|", ["ada"]),
        ("Patient", "telecom", "fax|", []),
        ("Patient", "telecom", "fax|,ada@EXAMPLE.org", ["ada"]),
        ("Patient", "phone", "|01632 960 001", ["ada"]),
        ("Patient", "active", f"{_TRUTH}|true", ["ada"]),
        ("Patient", "active", "urn:other|true", []),
        ("Observation", "code:text", "PULSE RATE", ["pulse"]),
        ("Observation", "code:text", "rate", []),
        # Strings: case, accents, typographic quotes, escapes.
        ("Patient", "family", "angstrom\\, o'neill\\|\\$\\\\", ["ada"]),
        ("Patient", "family", "angstrom, nobody", ["ada"]),
        ("Patient", "family:contains", "\\|\\$\\\\ & C", ["ada"]),
        ("Patient", "family:exact", "Ångström\\, O\u2019Neill\\|\\$\\\\ & co", ["ada"]),
        ("Patient", "family:exact", "angström\\, O\u2019Neill\\|\\$\\\\ & co", []),
        # References: also to types that the hub does not hold.
        ("Encounter", "account", "a1", ["visit"]),
        ("Encounter", "account:Account", "a1", ["visit"]),
        ("Encounter", "account", "Account/a1", ["visit"]),
        ("Encounter", "account:missing", "false", ["visit"]),
        # An instant is a point: it does not reach into the second.
        ("Slot", "start", "2026-01-01T10:00:00Z", ["slot"]),
        ("Slot", "start", "2026-01-01T12:00+02:00", ["slot"]),
        ("Slot", "start", "gt2026-01-01T10:00:00.5Z", []),
        ("Slot", "start", "eb2026-01-01T10:00:00.5Z", ["slot"]),
        # Uris: below is what begins with the value, above what the value begins with.
        ("ValueSet", "url:below", "https://example.org/fhir/", ["names"]),
        ("ValueSet", "url:below", "https://example.org/f", ["names"]),
        ("ValueSet", "url:below", "example.org", []),
        ("ValueSet", "url:above", "https://example.org/fhir/ValueSet/names/2", ["names"]),
        ("ValueSet", "url:above", "https://example.org/fhir/ValueSet", []),
        # Numbers: the precision they are written in.
        ("Observation", "value-quantity", "80", ["pulse"]),
        ("Observation", "value-quantity", "80.4", []),
        ("Observation", "value-quantity", "8e1", ["pulse"]),
        ("Observation", "value-quantity", "80.0||/min", ["pulse"]),
        ("Observation", "value-quantity", "gt79.9|http://unitsofmeasure.org|/min", ["pulse"]),
        ("Observation", "value-quantity", "gt80", []),
        # Composites: halves of one element, alternatives, and at the end of a chain.
        ("Observation", "code-value-quantity", f"{_LOINC}|8867-4$ge80", ["pulse"]),
        ("Observation", "code-value-quantity", "x$1,8867-4$80", ["pulse"]),
        ("Observation", "component-code-value-quantity", "c1$1||mg", ["pulse"]),
        ("Observation", "component-code-value-quantity", "c2$1||mg", []),
        ("Observation", "component-code-value-concept", "c2$urn:v|high", ["pulse"]),
        ("Observation", "component-code-value-concept", "c1$high", []),
        ("Observation", "combo-code-value-quantity", "c1$lt2", ["pulse"]),
        ("DiagnosticReport", "result.code-value-quantity", "8867-4$gt79", ["report"]),
        ("DiagnosticReport", "result.code-value-quantity", "8867-4$gt81", []),
        # Chains and reverse chains take modifiers.
        ("DiagnosticReport", "result.code:text", "pulse", ["report"]),
        (
            "DiagnosticReport",
            "result.subject:Patient.identifier:of-type",
            "urn:t|MR|77",
            ["report"],
        ),
        ("DiagnosticReport", "subject:Patient.telecom:missing", "true", []),
        ("Patient", "_has:Observation:subject:code:not", "8867-4", []),
        (
            "Patient",
            "_has:Observation:patient:_has:DiagnosticReport:result:status",
            "final",
            ["ada"],
        ),
        # Words.
        ("Observation", "_content", "rest RATE", ["pulse"]),
        ("Observation", "_content", "valueQuantity", []),
    ],
)
def test_a_value_means_what_r4_says(
    stored: Actor, kind: str, name: str, value: str, found: list[str]
) -> None:
    assert _ids(stored, kind, name, value) == found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("family", ""),
        ("family", "a,,b"),
        ("identifier", "|"),
        ("identifier", "a|b|c"),
        ("identifier:of-type", "MR|77"),
        ("birthdate", "2020-13"),
        ("birthdate", "2020-1"),
        ("birthdate", "T10:00"),
        ("birthdate", "xx2020"),
        ("active:missing", "maybe"),
        ("family:exakt", "a"),
        ("general-practitioner:Task", "1"),
        ("general-practitioner:identifier.name", "a"),
        ("_sort", ""),
        ("_sort", "shoe-size"),
        ("_sort", "_score"),
        ("_count", ""),
        ("_count", "-1"),
        ("_total", "some"),
        ("_summary", "all"),
        ("_elements", "name,"),
        ("_contained", "true"),
        ("_containedType", "container"),
        ("_score", "1"),
        ("_query", "x"),
        ("_type", "Patient"),
        ("_list", "$current-problems"),
        ("_maxresults", "3"),
        ("_has:Observation:subject", "x"),
        ("_has:Observation:code:status", "x"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(stored: Actor, name: str, value: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        records.search(stored, "Patient", [(name, value)])

    assert name.partition(":")[0] in refused.value.issues[0].text


def test_nothing_is_asked_twice_of_what_counts_once(stored: Actor) -> None:
    for name, values in {
        "_count": "12",
        "_sort": ("family", "_id"),
        "_total": ("none",) * 2,
    }.items():
        with pytest.raises(BadRequestError, match=f"{name} is given more than once"):
            records.search(stored, "Patient", [(name, value) for value in values])


def test_lenient_handling_leaves_out_prefixes_and_modifiers_too(stored: Actor) -> None:
    page = records.search(
        stored,
        "Patient",
        [("birthdate", "xx2020"), ("family:exakt", "a"), ("_sort", "_score"), ("active", "true")],
        lenient=True,
    )

    assert page.self_params == (("active", "true"),)
    assert [record.id for record in page.records] == ["ada"]
