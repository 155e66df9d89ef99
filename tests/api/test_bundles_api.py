"""Transactions and batches over HTTP: all or nothing, references resolved, the fault named."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

PERSON = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


def bundle(kind: str, *entries: dict[str, Any]) -> str:
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": list(entries)})


def post(resource: dict[str, Any], full_url: str | None = None, **request: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "resource": resource,
        "request": {"method": "POST", "url": resource["resourceType"], **request},
    }
    return {"fullUrl": full_url, **entry} if full_url else entry


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "name": [{"family": "Adeyemi"}], **more}


def condition(subject: str) -> dict[str, Any]:
    return {"resourceType": "Condition", "subject": {"reference": subject}}


def count(client: FlaskClient, headers: dict[str, str], resource_type: str) -> int:
    total: int = client.get(f"/fhir/{resource_type}", headers=headers).get_json()["total"]
    return total


def test_a_transaction_resolves_its_own_references(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    body = bundle(
        "transaction",
        post(condition(PERSON)),
        post(patient(identifier=[{"system": "urn:ietf:rfc:3986", "value": PERSON}]), PERSON),
        {"request": {"method": "GET", "url": "Condition?code:missing=true"}},
    )
    response = client.post("/fhir", data=body, headers=headers)
    assert response.status_code == 200, response.text
    answer = response.get_json()
    assert answer["type"] == "transaction-response"
    statuses = [entry["response"]["status"][:3] for entry in answer["entry"]]
    assert statuses == ["201", "201", "200"]
    stored = answer["entry"][2]["resource"]["entry"][0]["resource"]
    person = stored["subject"]["reference"]
    assert answer["entry"][1]["response"]["location"].endswith(f"/fhir/{person}/_history/1")
    # An identifier is no reference: it stays what it was.
    kept = client.get(f"/fhir/{person}", headers=headers).get_json()
    assert kept["identifier"][0]["value"] == PERSON


def test_a_transaction_is_all_or_nothing_and_names_the_entry(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    body = bundle("transaction", post(patient()), post(patient(gender="robot")))
    response = client.post("/fhir", data=body, headers=headers)
    assert response.status_code == 400
    issue = response.get_json()["issue"][0]
    assert issue["expression"] == ["Bundle.entry[1].resource.gender"]
    assert issue["code"] == "code-invalid"
    assert count(client, headers, "Patient") == 0
    assert client.get("/fhir/_history", headers=headers).get_json().get("entry", []) == []


def test_a_failing_update_undoes_the_creates_before_it(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    stale = {
        "resource": {**patient(), "id": "p1"},
        "request": {"method": "PUT", "url": "Patient/p1", "ifMatch": 'W/"4"'},
    }
    client.put("/fhir/Patient/p1", data=json.dumps(stale["resource"]), headers=headers)
    response = client.post(
        "/fhir", data=bundle("transaction", stale, post(patient())), headers=headers
    )
    assert response.status_code == 412
    assert response.get_json()["issue"][0]["expression"] == ["Bundle.entry[0]"]
    assert count(client, headers, "Patient") == 1


def test_transaction_order_is_delete_post_put_get(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    client.put("/fhir/Patient/old", data=json.dumps({**patient(), "id": "old"}), headers=headers)
    body = bundle(
        "transaction",
        {"request": {"method": "GET", "url": "Patient"}},
        {
            "resource": {**patient(), "id": "own"},
            "request": {"method": "PUT", "url": "Patient/own"},
        },
        post(patient()),
        {"request": {"method": "DELETE", "url": "Patient/old"}},
    )
    answer = client.post("/fhir", data=body, headers=headers).get_json()
    assert [e["response"]["status"] for e in answer["entry"]] == [
        "200 OK",
        "201 Created",
        "201 Created",
        "204 No Content",
    ]
    seen = {e["resource"]["id"] for e in answer["entry"][0]["resource"]["entry"]}
    assert len(seen) == 2
    assert "old" not in seen


def test_conditional_references_and_creates(client: FlaskClient, headers: dict[str, str]) -> None:
    number = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"}
    search = "identifier=https://fhir.nhs.uk/Id/nhs-number|9990000018"
    create = post(patient(identifier=[number]), PERSON, ifNoneExist=search)
    first = client.post("/fhir", data=bundle("transaction", create), headers=headers).get_json()
    assert first["entry"][0]["response"]["status"] == "201 Created"
    again = bundle("transaction", create, post(condition(PERSON)))
    second = client.post("/fhir", data=again, headers=headers).get_json()
    assert second["entry"][0]["response"]["status"] == "200 OK"
    assert count(client, headers, "Patient") == 1
    by_search = bundle("transaction", post(condition(f"Patient?{search}")))
    assert client.post("/fhir", data=by_search, headers=headers).status_code == 200
    subjects = {
        e["resource"]["subject"]["reference"]
        for e in client.get("/fhir/Condition", headers=headers).get_json()["entry"]
    }
    assert subjects == {first["entry"][0]["fullUrl"].rpartition("/fhir/")[2]}
    none = bundle("transaction", post(condition("Patient?identifier=nobody")))
    refused = client.post("/fhir", data=none, headers=headers)
    assert refused.status_code == 404
    assert refused.get_json()["issue"][0]["expression"] == ["Bundle.entry[0]"]


@pytest.mark.parametrize(
    ("entries", "status", "expression"),
    [
        (
            [post(condition("urn:uuid:00000000-0000-4000-8000-000000000001"))],
            400,
            "Bundle.entry[0]",
        ),
        ([post(patient(), url="Patient/1")], 400, "Bundle.entry[0]"),
        ([post(patient(), url="../secret")], 400, "Bundle.entry[0].request.url"),
        ([{"request": {"method": "POST", "url": "Patient"}}], 400, "Bundle.entry[0].resource"),
        (
            [{"request": {"method": "STEAL", "url": "Patient"}}],
            400,
            "Bundle.entry[0].request.method",
        ),
        ([{"resource": patient()}], 400, "Bundle"),
        (
            [
                {"request": {"method": "DELETE", "url": "Patient/a"}},
                {
                    "resource": {**patient(), "id": "a"},
                    "request": {"method": "PUT", "url": "Patient/a"},
                },
            ],
            400,
            "Bundle.entry[1]",
        ),
    ],
)
def test_what_a_transaction_refuses(
    client: FlaskClient,
    headers: dict[str, str],
    entries: list[dict[str, Any]],
    status: int,
    expression: str,
) -> None:
    response = client.post("/fhir", data=bundle("transaction", *entries), headers=headers)
    assert response.status_code == status, response.text
    assert response.get_json()["issue"][0]["expression"][0].startswith(expression)
    assert count(client, headers, "Patient") == 0


def test_batch_entries_are_independent(client: FlaskClient, headers: dict[str, str]) -> None:
    body = bundle(
        "batch",
        post(patient()),
        post(patient(gender="robot")),
        {"request": {"method": "GET", "url": "Patient/none"}},
        {"request": {"method": "GET", "url": "Patient?family=Adeyemi"}},
    )
    response = client.post(
        "/fhir", data=body, headers={**headers, "Prefer": "return=representation"}
    )
    assert response.status_code == 200
    answer = response.get_json()
    assert answer["type"] == "batch-response"
    assert [e["response"]["status"][:3] for e in answer["entry"]] == ["201", "400", "404", "200"]
    assert answer["entry"][0]["resource"]["name"] == [{"family": "Adeyemi"}]
    fault = answer["entry"][1]["response"]["outcome"]["issue"][0]
    assert fault["expression"] == ["Bundle.entry[1].resource.gender"]
    assert answer["entry"][3]["resource"]["total"] == 1


def test_a_decimal_keeps_its_digits_in_a_transaction(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    body = (
        '{"resourceType":"Bundle","type":"transaction","entry":[{"resource":'
        '{"resourceType":"Observation","status":"final","code":{"text":"w"},'
        '"valueQuantity":{"value":1.50},"subject":{"reference":"' + PERSON + '"}},'
        '"request":{"method":"POST","url":"Observation"}},{"fullUrl":"' + PERSON + '",'
        '"resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}]}'
    )
    assert client.post("/fhir", data=body, headers=headers).status_code == 200
    assert '"value":1.50}' in client.get("/fhir/Observation", headers=headers).text
