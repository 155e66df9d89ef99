"""``_filter`` over stored records: each operator of each kind, sets, links and logic."""

from typing import Any

import pytest
from flask import Flask

from hub import records
from hub.domain.actor import Actor

PEOPLE: dict[str, dict[str, Any]] = {
    "ada": {
        "name": [{"family": "Åberg", "given": ["Ada", "Mary"]}],
        "birthDate": "1950-03-02",
        "gender": "female",
        "generalPractitioner": [{"reference": "Practitioner/jo"}],
    },
    "bo": {
        "name": [{"family": "Berg", "given": ["Bo"]}],
        "birthDate": "1950",
        "gender": "male",
        "deceasedBoolean": True,
    },
    "cy": {"name": [{"text": "Cy"}], "birthDate": "1960-01"},
}


@pytest.fixture
def people(app: Flask, system_actor: Actor) -> Actor:
    for record_id, person in PEOPLE.items():
        records.create(system_actor, {"resourceType": "Patient", **person}, id=record_id)
    records.create(
        system_actor, {"resourceType": "Practitioner", "name": [{"family": "Jones"}]}, id="jo"
    )
    return system_actor


def _ids(actor: Actor, kind: str, text: str) -> list[str]:
    return [record.id for record in records.search(actor, kind, [("_filter", text)]).records]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("family eq aberg", ["ada"]),
        ("family eq aber", []),
        ("family ne berg", ["ada"]),
        ("given ne mary", ["ada", "bo"]),
        ("family co berg", ["ada", "bo"]),
        ("family sw b", ["bo"]),
        ("name ew berg", ["ada", "bo"]),
        ("given gt b", ["ada", "bo"]),
        ("family lt b", ["ada"]),
        ("family ge berg", ["bo"]),
        ("family le aberg", ["ada"]),
        ("name pr false", []),
        ("birthdate eq 1950", ["ada", "bo"]),
        ("birthdate ne 1950", ["cy"]),
        ("birthdate eq 1950-03-02", ["ada"]),
        ("birthdate gt 1950-06", ["bo", "cy"]),
        ("birthdate lt 1950-02", ["bo"]),
        ("birthdate ge 1950-03-02", ["ada", "bo", "cy"]),
        ("birthdate sa 1950", ["cy"]),
        ("birthdate eb 1950-04", ["ada"]),
        ("birthdate po 1950-03-01", ["bo"]),
        ("birthdate po 1949-12-31", []),
        ("birthdate co 1950-03-02", ["ada", "bo"]),
        ("birthdate co 1950", ["bo"]),
        ("gender eq FEMALE", ["ada"]),
        ("gender ne female", ["bo"]),
        ("gender pr true", ["ada", "bo"]),
        ("gender pr false", ["cy"]),
        ("deceased eq true", ["bo"]),
        ("deceased ne true", ["ada", "cy"]),
        ("general-practitioner re Practitioner/jo", ["ada"]),
        ("general-practitioner.family sw jon", ["ada"]),
        ("general-practitioner[family sw jon].family ew smith", []),
        ("_id eq bo", ["bo"]),
        ("_id ne bo", ["ada", "cy"]),
        ("gender eq female or gender eq male and birthdate eq 1950-03-02", ["ada"]),
        ("gender eq female or (gender eq male and birthdate eq 1950-03-02)", ["ada"]),
        ("not (gender eq female)", ["bo", "cy"]),
        ("not (gender eq female or birthdate po 1960)", ["bo"]),
        ('name eq "ada" and not (not (gender pr true))', ["ada"]),
    ],
)
def test_a_filter_finds_what_it_says(people: Actor, text: str, found: list[str]) -> None:
    assert _ids(people, "Patient", text) == found


@pytest.fixture
def measured(app: Flask, system_actor: Actor) -> Actor:
    def observation(value: str, *codes: str) -> str:
        codings = ", ".join(f'{{"system": "http://loinc.org", "code": "{code}"}}' for code in codes)
        return (
            '{"resourceType": "Observation", "status": "final",'
            f' "code": {{"coding": [{codings}]}}, "valueQuantity": {{"value": {value},'
            ' "system": "http://unitsofmeasure.org", "code": "mg", "unit": "milligram"}}'
        )

    records.create(system_actor, observation("5.40", "1-1"), id="a")
    records.create(system_actor, observation("6", "1-2", "1-3"), id="b")
    risk = (
        '{"resourceType": "RiskAssessment", "status": "final", "subject": {"reference":'
        ' "Patient/x"}, "prediction": [{"probabilityDecimal": 0.80}]}'
    )
    records.create(system_actor, risk, id="r")
    return system_actor


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("Observation", "value-quantity eq 5.4", ["a"]),
        ("Observation", "value-quantity eq 5.41", []),
        ("Observation", "value-quantity ne 5.4", ["b"]),
        ("Observation", "value-quantity ge 5.4|ucum|mg", ["a", "b"]),
        ("Observation", "value-quantity ge 5.4|ucum|g", []),
        ("Observation", "value-quantity lt 5.40000001||milligram", ["a"]),
        ("Observation", "value-quantity ap 5.9", ["a", "b"]),
        ("Observation", "code eq loinc|1-2", ["b"]),
        ("Observation", "code eq snomed|1-2", []),
        ("Observation", "code ne loinc|1-2", ["a", "b"]),
        ("Observation", "code ne loinc|1-1", ["b"]),
        ("Observation", "code ne |1-1", ["a", "b"]),
        ("RiskAssessment", "probability eq 0.8", ["r"]),
        ("RiskAssessment", "probability co 0.804", ["r"]),
        ("RiskAssessment", "probability co 0.806", []),
        ("RiskAssessment", "probability sa 0.79", ["r"]),
    ],
)
def test_numbers_and_codes_are_compared_in_filters(
    measured: Actor, kind: str, text: str, found: list[str]
) -> None:
    assert _ids(measured, kind, text) == found


def test_a_filter_holds_beside_other_parameters(people: Actor) -> None:
    page = records.search(
        people,
        "Patient",
        [("birthdate", "1950"), ("_filter", "gender eq male"), ("_filter", "family sw b")],
    )

    assert [record.id for record in page.records] == ["bo"]
    assert ("_filter", "gender eq male") in page.self_params
