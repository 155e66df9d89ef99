"""$match over HTTP: certain on proof alone, everything else graded for a person to look at."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir.systems import (
    NHS_NUMBER,
    NHS_NUMBER_VERIFICATION,
    NHS_NUMBER_VERIFICATION_EXTENSION,
)
from fhir.validation import validate
from hub.auth import issue_person_token, issue_token
from hub.auth.accounts import register_client
from hub.services.identification import with_verified
from hub.transaction import transaction
from tests.factories.account import account
from tests.factories.patient import patient
from tests.factories.sharing_agreement import sharing_agreement

NUMBER, OTHER = "9990000018", "9990000026"
ADA = {
    "resourceType": "Patient",
    "identifier": with_verified([], NUMBER),
    "name": [{"family": "Test", "given": ["Ada"]}],
    "birthDate": "1960-05-04",
}


@pytest.fixture
def trusted(token: str) -> dict[str, str]:
    with transaction():
        register_client("spine", name="S", scopes=["system/*.rs"], trusted_nhs_numbers=True)
    return _headers(issue_token("spine", "system/*.rs"))


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return _headers(token)


def _headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


def ask(
    client: FlaskClient, headers: dict[str, str], resource: dict[str, Any], **more: Any
) -> list[tuple[str, str, float]]:
    listed = [{"name": "resource", "resource": resource}] + [
        {"name": name, ("valueBoolean" if isinstance(value, bool) else "valueInteger"): value}
        for name, value in more.items()
    ]
    body = {"resourceType": "Parameters", "parameter": listed}
    response = client.post("/fhir/Patient/$match", data=json.dumps(body), headers=headers)
    assert response.status_code == 200, response.text
    bundle = response.get_json()
    assert validate(bundle) == []
    assert bundle["total"] == len(bundle.get("entry", ()))
    return [
        (
            entry["resource"]["id"],
            entry["search"]["extension"][0]["valueCode"],
            entry["search"]["score"],
        )
        for entry in bundle.get("entry", ())
    ]


def test_a_verified_number_and_an_equal_birthday_are_certain_from_a_trusted_system_only(
    client: FlaskClient, trusted: dict[str, str], headers: dict[str, str]
) -> None:
    known = patient(identifier=with_verified([], NUMBER))
    assert ask(client, trusted, ADA) == [(known.id, "certain", 1.0)]
    assert ask(client, headers, ADA) == [(known.id, "probable", 1.0)]
    assert ask(client, headers, ADA, onlyCertainMatches=True) == []
    assert ask(client, trusted, ADA, onlyCertainMatches=True) == [(known.id, "certain", 1.0)]


def test_a_number_marked_as_not_yet_traced_is_not_certain(
    client: FlaskClient, trusted: dict[str, str]
) -> None:
    patient(identifier=with_verified([], NUMBER))
    untraced = {
        "url": NHS_NUMBER_VERIFICATION_EXTENSION,
        "valueCodeableConcept": {"coding": [{"system": NHS_NUMBER_VERIFICATION, "code": "03"}]},
    }
    number = {"system": NHS_NUMBER, "value": NUMBER, "extension": [untraced]}
    found = ask(client, trusted, ADA | {"identifier": [number]})
    assert [grade for _, grade, _ in found] == ["probable"]


def test_two_proven_records_are_no_certain_match(
    client: FlaskClient, trusted: dict[str, str]
) -> None:
    for _ in range(2):
        patient(identifier=with_verified([], NUMBER))
    assert ask(client, trusted, ADA, onlyCertainMatches=True) == []
    assert len(ask(client, trusted, ADA)) == 2
    assert len(ask(client, trusted, ADA, count=1)) == 1


def test_another_number_on_the_same_birthday_scores_low_or_not_at_all(
    client: FlaskClient, trusted: dict[str, str]
) -> None:
    alike = patient(identifier=with_verified([], OTHER))
    patient(identifier=with_verified([], OTHER), name=[{"family": "Unlike", "given": ["Bo"]}])
    assert ask(client, trusted, ADA) == [(alike.id, "possible", 0.48)]


def test_a_record_that_was_merged_into_another_is_not_found(
    client: FlaskClient, trusted: dict[str, str]
) -> None:
    kept = patient(identifier=with_verified([], NUMBER))
    link = {"other": {"reference": kept.reference}, "type": "replaced-by"}
    patient(identifier=with_verified([], NUMBER), active=False, link=[link])
    assert ask(client, trusted, ADA) == [(kept.id, "certain", 1.0)]


def test_a_person_is_found_by_those_who_may_see_them(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    mine = patient(identifier=with_verified([], NUMBER), practice="Organization/gp")
    patient(identifier=with_verified([], NUMBER), practice="Organization/other")
    with transaction():
        sharing_agreement("Organization/gp")
        account("sam", organization="Organization/gp")
    sam = _headers(issue_person_token("sam"))
    assert [found for found, *_ in ask(client, sam, ADA)] == [mine.id]
    writer = _headers(issue_token("test-system", "system/Patient.c"))
    refused = client.post("/fhir/Patient/$match", data=json.dumps(ADA), headers=writer)
    assert refused.status_code == 403


def test_a_patient_may_be_the_whole_body(client: FlaskClient, headers: dict[str, str]) -> None:
    known = patient()
    response = client.post("/fhir/Patient/$match?count=3", data=json.dumps(ADA), headers=headers)
    assert [entry["resource"]["id"] for entry in response.get_json()["entry"]] == [known.id]


@pytest.mark.parametrize(
    ("resource", "status", "expression"),
    [
        ({"resourceType": "Parameters"}, 400, "resource"),
        ({"resourceType": "Person"}, 400, "resource"),
        ({"resourceType": "Patient", "name": "Ada"}, 400, "Patient.name"),
        ({"resourceType": "Patient", "gender": "female"}, 422, "resource"),
    ],
)
def test_what_nobody_can_be_found_by_is_refused(
    client: FlaskClient,
    headers: dict[str, str],
    resource: dict[str, Any],
    status: int,
    expression: str,
) -> None:
    response = client.post("/fhir/Patient/$match", data=json.dumps(resource), headers=headers)
    assert response.status_code == status
    assert response.get_json()["issue"][0]["expression"] == [expression]
