"""$apply over HTTP: what a stored or given definition proposes, without keeping it."""

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fhir.validation import validate
from hub import records
from hub.auth import issue_token
from hub.domain.actor import hub_actor
from tests.factories.patient import patient

HUB = hub_actor("test")


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


@pytest.fixture
def definitions(app: Flask) -> dict[str, str]:
    made: list[dict[str, Any]] = [
        {
            "resourceType": "ActivityDefinition",
            "url": "https://example.org/ring",
            "version": version,
            "status": "active",
            "date": f"2026-0{version}-01",
            "kind": "Task",
            "title": f"Ring, version {version}",
        }
        for version in ("1", "2")
    ]
    plan: dict[str, Any] = {
        "resourceType": "PlanDefinition",
        "status": "active",
        "title": "After a fall",
        "action": [
            {"definitionCanonical": "https://example.org/ring"},
            {"definitionCanonical": "https://example.org/ring|1"},
            {
                "title": "Visit",
                "condition": [
                    {
                        "kind": "applicability",
                        "expression": {
                            "language": "text/fhirpath",
                            "expression": "%userType = 'nurse'",
                        },
                    }
                ],
            },
        ],
    }
    kept = [records.create(HUB, each) for each in (*made, plan)]
    return {each.type: each.id for each in kept}


def test_a_plan_becomes_a_care_plan_that_is_not_kept(
    client: FlaskClient, headers: dict[str, str], definitions: dict[str, str]
) -> None:
    ada = patient()
    address = f"/fhir/PlanDefinition/{definitions['PlanDefinition']}/$apply"
    response = client.get(f"{address}?subject={ada.reference}&userType=nurse", headers=headers)

    assert response.status_code == 200, response.text
    plan = response.get_json()
    assert validate(plan) == []
    assert plan["subject"] == {"reference": ada.reference}
    assert [each["description"] for each in plan["contained"]] == [
        "Ring, version 2",
        "Ring, version 1",
    ]
    assert plan["activity"][2]["detail"]["description"] == "Visit"
    assert records.search(HUB, "CarePlan", []).total == 0
    other = client.get(f"{address}?subject={ada.reference}", headers=headers).get_json()
    assert len(other["activity"]) == 2


def test_a_definition_may_be_given(
    client: FlaskClient, headers: dict[str, str], definitions: dict[str, str]
) -> None:
    ada = patient()
    activity = records.read(HUB, "ActivityDefinition", definitions["ActivityDefinition"])
    listed: list[dict[str, Any]] = [
        {"name": "activityDefinition", "resource": json.loads(activity.text)},
        {"name": "subject", "valueString": ada.reference},
    ]
    body = {"resourceType": "Parameters", "parameter": listed}
    response = client.post(
        "/fhir/ActivityDefinition/$apply", data=json.dumps(body), headers=headers
    )
    assert response.status_code == 200, response.text
    assert response.get_json()["for"] == {"reference": ada.reference}
    # On an instance the definition is the instance.
    refused = client.post(
        f"/fhir/ActivityDefinition/{activity.id}/$apply", data=json.dumps(body), headers=headers
    )
    assert refused.status_code == 400
    assert refused.get_json()["issue"][0]["expression"] == ["activityDefinition"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", (400, "subject")),
        ("subject=ada", (400, "subject")),
        ("subject=Patient/nobody", (404, None)),
        ("subject=Patient/ADA&subject=Patient/ADA", (400, "subject")),
        ("subject=Patient/ADA&practitioner=Patient/ADA", (400, "practitioner")),
        ("subject=Patient/ADA&encounter=Encounter/none", (404, None)),
    ],
)
def test_what_is_missing_or_wrong_is_named(
    client: FlaskClient,
    headers: dict[str, str],
    definitions: dict[str, str],
    query: str,
    found: tuple[int, str | None],
) -> None:
    query = query.replace("ADA", patient().id)
    address = f"/fhir/PlanDefinition/{definitions['PlanDefinition']}/$apply?{query}"
    response = client.get(address, headers=headers)
    expressions = response.get_json()["issue"][0].get("expression", [None])
    assert (response.status_code, *expressions) == found


def test_a_definition_that_is_not_here_is_404_and_scopes_hold(
    client: FlaskClient, headers: dict[str, str], definitions: dict[str, str]
) -> None:
    ada = patient()
    absent = client.get(f"/fhir/PlanDefinition/x/$apply?subject={ada.reference}", headers=headers)
    assert absent.status_code == 404
    narrow = {"Authorization": f"Bearer {issue_token('test-system', 'system/PlanDefinition.r')}"}
    address = f"/fhir/PlanDefinition/{definitions['PlanDefinition']}/$apply"
    assert client.get(f"{address}?subject={ada.reference}", headers=narrow).status_code == 403


def test_a_definition_that_yields_what_is_not_legal_is_refused(
    client: FlaskClient, headers: dict[str, str], app: Flask
) -> None:
    wrong = records.create(
        HUB,
        {
            "resourceType": "ActivityDefinition",
            "status": "active",
            "kind": "MedicationRequest",
        },
    )
    response = client.get(
        f"/fhir/ActivityDefinition/{wrong.id}/$apply?subject={patient().reference}",
        headers=headers,
    )
    assert response.status_code == 422
    assert "medication" in response.get_json()["issue"][0]["details"]["text"]
