"""$evaluate-measure over HTTP: a measure is counted over the records that the caller may see."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fhir.validation import validate
from hub import records
from hub.auth import issue_person_token, issue_token
from hub.domain.actor import hub_actor
from hub.records import Record
from hub.transaction import transaction
from tests.factories.account import account
from tests.factories.patient import patient
from tests.factories.sharing_agreement import sharing_agreement

HUB = hub_actor("test")
PERIOD = "periodStart=2026-01-01&periodEnd=2026-12-31"
PATH, QUERY = "text/fhirpath", "application/x-fhir-query"
Ask = Callable[..., Any]


def population(code: str, language: str, expression: str) -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/measure-population"
    return {
        "code": {"coding": [{"system": system, "code": code}]},
        "criteria": {"language": language, "expression": expression},
    }


WEIGHED = {
    "resourceType": "Measure",
    "url": "https://example.org/Measure/weighed",
    "version": "1",
    "status": "active",
    "scoring": {
        "coding": [
            {
                "system": "http://terminology.hl7.org/CodeSystem/measure-scoring",
                "code": "proportion",
            }
        ]
    },
    "group": [
        {
            "population": [
                population("initial-population", QUERY, "Patient?birthdate=lt1970-01-01"),
                population("denominator", PATH, "deceased.exists().not()"),
                population(
                    "numerator",
                    QUERY,
                    "Observation?date=ge{{%periodStart}}&date=le{{%periodEnd}}",
                ),
                population("denominator-exclusion", PATH, "%records.ofType(Flag).exists()"),
            ],
            "stratifier": [
                {
                    "code": {"text": "Sex"},
                    "criteria": {"language": PATH, "expression": "gender"},
                }
            ],
        }
    ],
}


@pytest.fixture
def ask(client: FlaskClient, token: str) -> Ask:
    def asked(query: str, measure: str = "", token: str = token) -> Any:
        address = f"/fhir/Measure{measure}/$evaluate-measure?{query}"
        return client.get(address, headers={"Authorization": f"Bearer {token}"})

    return asked


@pytest.fixture
def people(app: Flask) -> list[Record]:
    """Four old people: weighed, weighed too early, excluded, dead; and one too young."""
    records.create(HUB, WEIGHED)
    found = [
        patient(gender="female", practice="Organization/gp"),
        patient(gender="male"),
        patient(gender="male"),
        patient(deceasedBoolean=True),
        patient(birthDate="1990-01-01"),
    ]
    for each, day in ((0, "2026-03-03"), (1, "2025-12-31"), (2, "2026-03-03"), (4, "2026-03-03")):
        records.create(
            HUB,
            {
                "resourceType": "Observation",
                "status": "final",
                "code": {"text": "Weight"},
                "subject": {"reference": found[each].reference},
                "effectiveDateTime": day,
            },
        )
    records.create(
        HUB,
        {
            "resourceType": "Flag",
            "status": "active",
            "code": {"text": "x"},
            "subject": {"reference": found[2].reference},
        },
    )
    return found


def counts(group: dict[str, Any]) -> list[int]:
    return [each["count"] for each in group["population"]]


def measure_of() -> Record:
    (found,) = records.search(HUB, "Measure", [("url", str(WEIGHED["url"]))]).records
    return found


def test_everybody_is_counted_in_a_period(ask: Ask, people: list[Record]) -> None:
    response = ask(f"{PERIOD}&measure={WEIGHED['url']}")
    assert response.status_code == 200, response.text
    found = response.get_json()
    assert validate(found) == []
    assert (found["type"], found["measure"]) == ("summary", f"{WEIGHED['url']}|1")
    assert found["period"] == {"start": "2026-01-01", "end": "2026-12-31"}
    (group,) = found["group"]
    assert counts(group) == [4, 3, 1, 1]
    assert group["measureScore"] == {"value": 0.5}
    (stratifier,) = group["stratifier"]
    assert {each["value"]["text"]: counts(each) for each in stratifier["stratum"]} == {
        "female": [1, 1, 1, 0],
        "male": [2, 2, 0, 1],
        "none": [1, 0, 0, 0],
    }
    assert records.search(HUB, "MeasureReport", []).total == 0


def test_one_subject_a_group_and_a_practitioner_narrow_whom_it_is_about(
    ask: Ask, people: list[Record]
) -> None:
    address = f"/{measure_of().id}"
    one = ask(f"{PERIOD}&subject={people[0].reference}", address).get_json()
    assert (one["type"], one["subject"]) == ("individual", {"reference": people[0].reference})
    assert counts(one["group"][0]) == [1, 1, 1, 0]
    young = ask(f"{PERIOD}&subject={people[4].reference}", address).get_json()
    assert counts(young["group"][0]) == [0, 0, 0, 0]
    choir = records.create(
        HUB,
        {
            "resourceType": "Group",
            "type": "person",
            "actual": True,
            "member": [{"entity": {"reference": each.reference}} for each in people[:2]],
        },
    )
    group = ask(f"{PERIOD}&subject={choir.reference}", address).get_json()
    assert (group["type"], counts(group["group"][0])) == ("summary", [2, 2, 1, 0])
    kim = patient(generalPractitioner=[{"reference": "Practitioner/kim"}])
    theirs = ask(f"{PERIOD}&practitioner=Practitioner/kim&reportType=subject-list", address)
    listed = theirs.get_json()
    assert validate(listed) == []
    assert counts(listed["group"][0]) == [1, 1, 0, 0]
    assert listed["contained"][0]["entry"] == [{"item": {"reference": kim.reference}}]
    assert listed["group"][0]["population"][0]["subjectResults"] == {"reference": "#subjects-1"}


def test_a_record_that_was_merged_into_another_counts_for_nobody(
    ask: Ask, people: list[Record]
) -> None:
    patient(link=[{"other": {"reference": people[0].reference}, "type": "replaced-by"}])
    (group,) = ask(PERIOD, f"/{measure_of().id}").get_json()["group"]
    assert counts(group) == [4, 3, 1, 1]


def test_a_person_counts_those_whom_they_may_see(ask: Ask, people: list[Record]) -> None:
    with transaction():
        sharing_agreement("Organization/gp")
        account("sam", organization="Organization/gp")
    sam = issue_person_token("sam")
    (group,) = ask(PERIOD, f"/{measure_of().id}", sam).get_json()["group"]
    assert counts(group) == [1, 1, 1, 0]
    narrow = issue_token("test-system", "system/Measure.r system/Patient.rs")
    refused = ask(PERIOD, f"/{measure_of().id}", narrow)
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("query", "status", "expression"),
    [
        ("periodEnd=2026", 400, "periodStart"),
        ("periodStart=2026&periodEnd=2025", 400, "periodEnd"),
        ("periodStart=soon&periodEnd=2026", 400, "periodStart"),
        (f"{PERIOD}&reportType=table", 400, "reportType"),
        (f"{PERIOD}&reportType=subject", 400, "subject"),
        (f"{PERIOD}&subject=Location/x", 400, "subject"),
        (f"{PERIOD}&practitioner=kim", 400, "practitioner"),
        (f"{PERIOD}&lastReceivedOn=2026-01-01", 400, "lastReceivedOn"),
        (f"{PERIOD}&subject=Patient/nobody", 404, None),
    ],
)
@pytest.mark.usefixtures("people")
def test_what_is_missing_or_wrong_is_named(
    ask: Ask, query: str, status: int, expression: str | None
) -> None:
    response = ask(query, f"/{measure_of().id}")
    assert response.status_code == status
    assert response.get_json()["issue"][0].get("expression", [None]) == [expression]


@pytest.mark.usefixtures("people")
def test_a_measure_is_named_on_the_type_and_must_be_here(ask: Ask) -> None:
    missing = ask(PERIOD)
    assert (missing.status_code, missing.get_json()["issue"][0]["expression"]) == (400, ["measure"])
    assert ask(f"{PERIOD}&measure=https://example.org/none").status_code == 404
    assert ask(f"{PERIOD}&measure={WEIGHED['url']}|2").status_code == 404
    assert ask(f"{PERIOD}&measure=Measure/{measure_of().id}").status_code == 200


@pytest.mark.parametrize(
    ("language", "expression"),
    [
        ("text/cql", "Patient"),
        (QUERY, "Organization?name=x"),
        (QUERY, "Patient?{{%nope}}=1"),
        (PATH, "name.nope("),
    ],
)
def test_criteria_that_cannot_be_evaluated_are_422_by_their_place(
    ask: Ask, app: Flask, language: str, expression: str
) -> None:
    patient()
    kept = records.create(
        HUB,
        {
            "resourceType": "Measure",
            "status": "active",
            "group": [{"population": [population("initial-population", language, expression)]}],
        },
    )
    response = ask(PERIOD, f"/{kept.id}")
    assert response.status_code == 422
    assert response.get_json()["issue"][0]["expression"] == [
        "Measure.group[0].population[0].criteria"
    ]
