"""What is sent as XML is read as if it had been JSON, or refused at its place."""

import json
import time

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fhir.xml import to_xml
from hub.domain.actor import hub_actor
from hub.samples import SOUTHEND
from hub.services import definitions
from hub.transaction import transaction
from tests.api.damage import damaged
from tests.api.xml_twins import AS_XML, FHIR_JSON, FHIR_XML, OBSERVATION, PATIENT, value_of


@pytest.fixture
def auth(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def sent(client: FlaskClient, auth: dict[str, str], path: str, body: str) -> TestResponse:
    """Post JSON as the XML that says the same."""
    return client.post(path, data=to_xml(body), headers={**auth, "Content-Type": FHIR_XML})


def test_what_came_in_as_xml_is_the_same_record_as_json(
    client: FlaskClient, auth: dict[str, str]
) -> None:
    created = sent(client, auth, "/fhir/Observation", OBSERVATION)
    assert (created.status_code, created.content_type) == (201, AS_XML)
    url = "/fhir" + created.headers["Location"].partition("/fhir")[2].partition("/_history")[0]
    read = client.get(url, headers=auth)
    assert '"value":1.50,' in read.text
    kept = json.loads(read.text, parse_float=str)
    assert kept.pop("id")
    assert kept.pop("meta").keys() == {"versionId", "lastUpdated"}
    assert kept == json.loads(OBSERVATION, parse_float=str)

    changed = to_xml(read.text.replace("kg", "g"))
    updated = client.put(
        url, data=changed, headers={**auth, "Content-Type": "text/xml", "If-Match": 'W/"1"'}
    )
    assert (updated.status_code, updated.headers["ETag"]) == (200, 'W/"2"')
    assert client.get(url, headers=auth).get_json()["valueQuantity"]["unit"] == "g"


def test_transactions_and_batches_come_and_go_in_xml(
    client: FlaskClient, auth: dict[str, str]
) -> None:
    full_url = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"
    entries = [
        {
            "fullUrl": full_url,
            "resource": PATIENT,
            "request": {"method": "POST", "url": "Patient"},
        },
        {
            "resource": {
                "resourceType": "Flag",
                "status": "active",
                "code": {"text": "f"},
                "subject": {"reference": full_url},
            },
            "request": {"method": "POST", "url": "Flag"},
        },
    ]
    for kind in ("transaction", "batch"):
        bundle = {
            "resourceType": "Bundle",
            "type": kind,
            "entry": entries[: 2 if kind == "transaction" else 1],
        }
        answer = sent(client, auth, "/fhir", json.dumps(bundle))
        assert (answer.status_code, answer.content_type) == (200, AS_XML)
        assert {e["response"]["status"][:3] for e in value_of(answer)["entry"]} == {"201"}
    (flag,) = client.get("/fhir/Flag", headers=auth).get_json()["entry"]
    assert flag["resource"]["subject"]["reference"].startswith("Patient/")


def test_operations_take_parameters_in_xml(client: FlaskClient, auth: dict[str, str]) -> None:
    with transaction():
        definitions.load(hub_actor("set-up"), SOUTHEND)
    headers = {**auth, "Content-Type": FHIR_JSON}
    person = client.post(
        "/fhir/Practitioner", json={"resourceType": "Practitioner"}, headers=headers
    )
    path = f"/fhir/Practitioner/{person.get_json()['id']}/$report-absence"
    parameters = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "start", "valueDateTime": "2026-11-20T09:00:00Z"},
            {"name": "reason", "valueCode": "sickness"},
        ],
    }
    answer = sent(client, auth, path, json.dumps(parameters))
    assert (answer.status_code, answer.content_type) == (200, AS_XML), answer.text
    assert value_of(answer)["parameter"][0]["name"] == "absence"


@pytest.mark.parametrize(
    ("body", "status", "expression"),
    [
        ("<Observation", 400, None),
        ('<!DOCTYPE x [<!ENTITY a "b">]><Observation xmlns="http://hl7.org/fhir"/>', 400, None),
        (
            '<Observation xmlns="http://hl7.org/fhir"><pet value="x"/></Observation>',
            400,
            "Observation.pet",
        ),
        (
            '<Observation xmlns="http://hl7.org/fhir"><status value="x"/></Observation>',
            400,
            "Observation.status",
        ),
        ('<Patient xmlns="http://hl7.org/fhir"/>', 400, "resourceType"),
        ('<Observation xmlns="http://hl7.org/fhir">' + '<extension url="u">' * 5000, 422, None),
        ("", 400, None),
    ],
)
def test_faulty_xml_is_refused_at_its_place(
    client: FlaskClient, auth: dict[str, str], body: str, status: int, expression: str | None
) -> None:
    answer = client.post("/fhir/Observation", data=body, headers={**auth, "Content-Type": FHIR_XML})
    assert (answer.status_code, answer.content_type) == (status, AS_XML), answer.text
    issues = value_of(answer)["issue"]
    assert issues[0]["severity"] == "error"
    assert expression is None or [expression] in [each["expression"] for each in issues]
    assert client.get("/fhir/Observation?_total=accurate", headers=auth).get_json()["total"] == 0


@pytest.mark.parametrize(
    "content_type",
    [
        "application/fhir+xml; charset=iso-8859-1",
        "application/fhir+xml; fhirVersion=3.0",
        "application/xml-patch+xml",
        "text/turtle",
    ],
)
def test_other_bodies_are_refused_and_the_answer_says_what_is_read(
    client: FlaskClient, auth: dict[str, str], content_type: str
) -> None:
    answer = client.post(
        "/fhir/Patient",
        data=to_xml(json.dumps(PATIENT)),
        headers={**auth, "Content-Type": content_type, "Accept": FHIR_JSON},
    )
    assert answer.status_code == 415
    text = answer.get_json()["issue"][0]["details"]["text"]
    assert FHIR_JSON in text
    assert FHIR_XML in text


def test_damaged_xml_is_never_a_failure_of_the_hub_and_never_slow(
    client: FlaskClient, auth: dict[str, str]
) -> None:
    headers = {**auth, "Content-Type": FHIR_XML, "Accept": FHIR_XML}
    statuses = set()
    for body in damaged(to_xml(OBSERVATION), seed=20261125, count=400):
        began = time.perf_counter()
        answer = client.post("/fhir/Observation", data=body, headers=headers)
        assert time.perf_counter() - began < 5
        assert answer.status_code < 500, (body, answer.text)
        assert answer.content_type in {AS_XML, FHIR_JSON}
        value_of(answer)
        statuses.add(answer.status_code)
    assert statuses == {201, 400}
