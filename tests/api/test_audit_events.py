"""AuditEvents of clients: created and read, never changed, by whatever door."""

import json

import pytest
from flask.testing import FlaskClient

EVENT = {
    "resourceType": "AuditEvent",
    "type": {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110106"},
    "recorded": "2026-11-20T10:00:00Z",
    "agent": [{"requestor": True, "name": "Rota system"}],
    "source": {"observer": {"display": "Rota system"}},
}


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


def test_an_audit_event_stays_as_it_was_written(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    made = client.post("/fhir/AuditEvent", data=json.dumps(EVENT), headers=headers)
    assert made.status_code == 201, made.text
    event_id = made.get_json()["id"]
    address = f"/fhir/AuditEvent/{event_id}"
    changed = json.dumps({**EVENT, "id": event_id, "outcome": "0"})
    by_search = f"/fhir/AuditEvent?_id={event_id}"

    refused = [
        client.put(address, data=changed, headers=headers),
        client.put(by_search, data=changed, headers=headers),
        client.delete(address, headers=headers),
        client.delete(by_search, headers=headers),
    ]
    assert [answer.status_code for answer in refused] == [405] * 4

    requests = [
        {
            "resource": json.loads(changed),
            "request": {"method": "PUT", "url": f"AuditEvent/{event_id}"},
        },
        {"request": {"method": "DELETE", "url": f"AuditEvent/{event_id}"}},
    ]
    for entry in requests:
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
        answer = client.post("/fhir", data=json.dumps(bundle), headers=headers)
        assert answer.status_code == 405, answer.text
        bundle["type"] = "batch"
        answer = client.post("/fhir", data=json.dumps(bundle), headers=headers)
        assert answer.get_json()["entry"][0]["response"]["status"].startswith("405")

    after = client.get(address, headers=headers)
    assert after.get_json()["meta"]["versionId"] == "1"


def test_the_capability_statement_does_not_promise_a_change(client: FlaskClient) -> None:
    statement = client.get("/fhir/metadata").get_json()
    (described,) = (e for e in statement["rest"][0]["resource"] if e["type"] == "AuditEvent")

    offered = {each["code"] for each in described["interaction"]}
    assert {"create", "read", "search-type"} <= offered
    assert not offered & {"update", "delete"}
