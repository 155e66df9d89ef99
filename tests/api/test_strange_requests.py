"""Whatever is sent, the answer is an OperationOutcome and never a failure of the hub."""

import json

import pytest
from flask.testing import FlaskClient


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


OBSERVATION = '{"resourceType":"Observation","status":"final","code":{"text":"a"},%s}'


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path",
    [
        "/fhir/Patient/%00",
        "/fhir/Patient/a%00b/_history",
        "/fhir/Patient/" + "a" * 3000,
        "/fhir/Patient/%ff%fe",
        "/fhir/Patient?family=%00",
        "/fhir/Patient?family=%ff",
        "/fhir/Patient?_id=%00",
        "/fhir/Patient?birthdate=ge9999-12-31T23:59:60Z",
        "/fhir/Patient?" + "&".join(["family=a"] * 300),
        "/fhir/Patient?_count=-1",
        "/fhir/Patient?_cursor=%00",
        "/fhir/Patient?=1",
        "/fhir/Observation?value-quantity=1e999999",
        "/fhir/Observation?value-quantity=NaN",
        "/fhir/Patient/_history?_since=9999-12-31T23:59:60Z",
        "/fhir/Patient/_history?_cursor=WzEsMiwzXQ",
        "/fhir/Patient/x/_history/99999999999",
    ],
)
def test_strange_addresses(
    client: FlaskClient, headers: dict[str, str], method: str, path: str
) -> None:
    body = '{"resourceType":"Patient","id":"x"}' if method == "PUT" else None
    response = client.open(path, method=method, data=body, headers=headers)
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert response.get_json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("[]", 400),
        ("null", 400),
        (b"\xff\xfe", 400),
        ('{"resourceType":"Observation","resourceType":"Observation"}', 400),
        (OBSERVATION % '"valueString":"\\u0000"', 400),
        (OBSERVATION % '"valueString":"\\ud800"', 400),
        (OBSERVATION % '"valueInteger":1e99999999', 400),
        (OBSERVATION % '"valueQuantity":{"value":1e-99999999}', 400),
        (OBSERVATION % '"valueQuantity":{"value":NaN}', 400),
        (OBSERVATION % '"valueQuantity":{"value":1E+40}', 201),
        (OBSERVATION % '"effectiveDateTime":"9999-12-31T23:59:60-14:00"', 201),
        (OBSERVATION % '"effectiveDateTime":"0001-01-01T00:00:00+14:00"', 201),
        (OBSERVATION % f'"valueString":"{"é" * 5000}"', 201),
    ],
)
def test_strange_bodies(
    client: FlaskClient, headers: dict[str, str], body: str | bytes, status: int
) -> None:
    response = client.post("/fhir/Observation", data=body, headers=headers)
    assert response.status_code == status, response.text


@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize(
    "url",
    [
        *("Patient?", "?", "", "/", "$x", "Patient/$x", "metadata", "_history", "../../etc"),
        *("Patient/x/_history", "Patient?family=%00", "Patient/a b", "Patient/x/_history/zz"),
        "Patient?" + "&".join(["family=a"] * 300),
    ],
)
def test_strange_entries(client: FlaskClient, headers: dict[str, str], kind: str, url: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"):
        entry = {
            "resource": {"resourceType": "Patient", "id": "x"},
            "request": {"method": method, "url": url},
        }
        body = json.dumps({"resourceType": "Bundle", "type": kind, "entry": [entry]})
        response = client.post("/fhir", data=body, headers=headers)
        assert response.status_code < 500, (method, response.text)
        assert '"status":"500' not in response.text


@pytest.mark.parametrize(
    "extra",
    [
        {"If-Match": "x"},
        {"If-Match": 'W/"a"'},
        {"If-Match": 'W/"99999999999999999999"'},
        {"If-Modified-Since": "yesterday"},
        {"Accept": ";;;"},
        {"Content-Type": ";"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Prefer": "=;=,return"},
        {"If-None-Exist": "identifier=%00"},
        {"If-None-Exist": ""},
        {"Authorization": "Bearer é"},
    ],
)
def test_strange_headers(
    client: FlaskClient, headers: dict[str, str], extra: dict[str, str]
) -> None:
    body = '{"resourceType":"Patient","id":"x"}'
    for method, path in (("PUT", "/fhir/Patient/x"), ("POST", "/fhir/Patient")):
        response = client.open(path, method=method, data=body, headers={**headers, **extra})
        assert response.status_code < 500, response.text
