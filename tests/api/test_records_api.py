"""Interactions on one record over HTTP, on real PostgreSQL."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

FHIR_JSON = "application/fhir+json"


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": FHIR_JSON}


PATIENT = (
    '{"resourceType":"Patient","name":[{"family":"Price","given":["Gwen"]}],'
    '"birthDate":"1951-03-02"}'
)
OBSERVATION = (
    '{"resourceType":"Observation","status":"final","code":{"text":"Weight"},'
    '"effectiveDateTime":"2026-05-01T09:30:00.120+01:00",'
    '"valueQuantity":{"value":1.50,"unit":"kg"},'
    '"component":[{"code":{"text":"exact"},"valueQuantity":{"value":0.10000000000000000001}},'
    '{"code":{"text":"large"},"valueQuantity":{"value":1E+5}}]}'
)


def outcome(response: TestResponse) -> dict[str, Any]:
    assert response.content_type == FHIR_JSON
    body: dict[str, Any] = response.get_json()
    assert body["resourceType"] == "OperationOutcome"
    assert response.headers["X-Request-Id"] in body["issue"][0]["diagnostics"]
    issue: dict[str, Any] = body["issue"][0]
    return issue


def created(client: FlaskClient, headers: dict[str, str], body: str = PATIENT) -> str:
    resource_type = body.split('"')[3]
    response = client.post(f"/fhir/{resource_type}", data=body, headers=headers)
    assert response.status_code == 201, response.text
    record_id: str = response.get_json()["id"]
    return record_id


def test_create_gives_an_id_a_version_and_an_address(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    sent = PATIENT.replace(
        '"Patient",', '"Patient","id":"not_an_id","meta":{"versionId":"9","lastUpdated":"x"},'
    )
    response = client.post("/fhir/Patient", data=sent, headers=headers)
    assert response.status_code == 201
    body = response.get_json()
    assert body["meta"]["versionId"] == "1"
    assert body["id"] != "not_an_id"
    assert response.headers["ETag"] == 'W/"1"'
    assert response.headers["Location"].endswith(f"/fhir/Patient/{body['id']}/_history/1")
    assert "Last-Modified" in response.headers


def test_what_came_in_comes_back_exactly(client: FlaskClient, headers: dict[str, str]) -> None:
    record_id = created(client, headers, OBSERVATION)
    text = client.get(f"/fhir/Observation/{record_id}", headers=headers).text
    for exact in (
        '"value":1.50,',
        '"value":0.10000000000000000001}',
        '"value":1E+5}',
        "2026-05-01T09:30:00.120+01:00",
    ):
        assert exact in text


def test_read_knows_what_the_client_has(client: FlaskClient, headers: dict[str, str]) -> None:
    url = f"/fhir/Patient/{created(client, headers)}"
    read = client.get(url, headers=headers)
    assert (read.status_code, read.content_type) == (200, FHIR_JSON)
    known = client.get(url, headers={**headers, "If-None-Match": read.headers["ETag"]})
    assert (known.status_code, known.data) == (304, b"")
    since = {**headers, "If-Modified-Since": read.headers["Last-Modified"]}
    assert client.get(url, headers=since).status_code == 304
    other = client.get(url, headers={**headers, "If-None-Match": 'W/"7"'})
    assert other.status_code == 200


def test_update_supersedes_under_if_match(client: FlaskClient, headers: dict[str, str]) -> None:
    record_id = created(client, headers)
    url = f"/fhir/Patient/{record_id}"
    changed = PATIENT.replace('"Patient",', f'"Patient","id":"{record_id}",').replace("Gwen", "G")
    first = client.put(url, data=changed, headers={**headers, "If-Match": 'W/"1"'})
    assert (first.status_code, first.headers["ETag"]) == (200, 'W/"2"')
    stale = client.put(url, data=changed, headers={**headers, "If-Match": 'W/"1"'})
    assert stale.status_code == 412
    assert outcome(stale)["code"] == "conflict"
    old = client.get(f"{url}/_history/1", headers=headers)
    assert old.get_json()["name"][0]["given"] == ["Gwen"]
    assert client.get(f"{url}/_history/9", headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("resource_type", "body"),
    [
        ("Flag", '"status":"active","code":{"text":"f"},"subject":{"reference":"Patient/p"}'),
        ("Goal", '"lifecycleStatus":"active","description":{"text":"g"},"subject":{"display":"p"}'),
        ("CareTeam", '"status":"active"'),
        ("Task", '"status":"requested","intent":"order"'),
    ],
)
def test_update_of_what_several_people_edit_needs_if_match(
    client: FlaskClient, headers: dict[str, str], resource_type: str, body: str
) -> None:
    whole = f'{{"resourceType":"{resource_type}",{body}}}'
    record_id = created(client, headers, whole)
    changed = whole.replace("{", f'{{"id":"{record_id}",', 1)
    url = f"/fhir/{resource_type}/{record_id}"
    refused = client.put(url, data=changed, headers=headers)
    assert refused.status_code == 400
    assert "If-Match" in outcome(refused)["details"]["text"]
    accepted = client.put(url, data=changed, headers={**headers, "If-Match": 'W/"1"'})
    assert accepted.status_code == 200


def test_update_creates_under_a_registered_clients_own_id(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    own = PATIENT.replace('"Patient",', '"Patient","id":"own-1",')
    assert client.put("/fhir/Patient/own-1", data=own, headers=headers).status_code == 201
    assert client.get("/fhir/Patient/own-1", headers=headers).status_code == 200
    other = client.put("/fhir/Patient/own-2", data=own, headers=headers)
    assert other.status_code == 400
    assert outcome(other)["expression"] == ["Patient.id"]


def test_delete_leaves_the_versions(client: FlaskClient, headers: dict[str, str]) -> None:
    url = f"/fhir/Patient/{created(client, headers)}"
    assert client.delete(url, headers=headers).status_code == 204
    assert client.delete(url, headers=headers).status_code == 204
    gone = client.get(url, headers=headers)
    assert (gone.status_code, outcome(gone)["code"]) == (410, "deleted")
    assert client.get(f"{url}/_history/1", headers=headers).status_code == 200
    history = client.get(f"{url}/_history", headers=headers).get_json()
    assert [e["request"]["method"] for e in history["entry"]] == ["DELETE", "POST"]
    assert "resource" not in history["entry"][0]


@pytest.mark.parametrize(
    ("wanted", "status", "kind"),
    [("minimal", 201, None), ("OperationOutcome", 201, "OperationOutcome")],
)
def test_prefer_decides_what_a_create_answers(
    client: FlaskClient, headers: dict[str, str], wanted: str, status: int, kind: str | None
) -> None:
    prefers = {**headers, "Prefer": f"return={wanted}"}
    response = client.post("/fhir/Patient", data=PATIENT, headers=prefers)
    assert response.status_code == status
    assert "Location" in response.headers
    assert (response.get_json(silent=True) or {}).get("resourceType") == kind


def test_every_fault_of_a_resource_is_named(client: FlaskClient, headers: dict[str, str]) -> None:
    body = '{"resourceType":"Patient","gender":"robot","birthDate":"31/01/1950","pet":"cat"}'
    response = client.post("/fhir/Patient", data=body, headers=headers)
    assert response.status_code == 400
    issues = response.get_json()["issue"]
    assert {(i["code"], i["expression"][0]) for i in issues} == {
        ("code-invalid", "Patient.gender"),
        ("value", "Patient.birthDate"),
        ("structure", "Patient.pet"),
    }
    assert "robot" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "body", "extra", "status", "code"),
    [
        ("GET", "/fhir/Patient/none", None, {}, 404, "not-found"),
        ("GET", "/fhir/Substance/1", None, {}, 404, "not-supported"),
        ("GET", "/fhir/nothing/at/all", None, {}, 404, "not-found"),
        ("GET", "/fhir/Patient/1/$unknown", None, {}, 404, "not-found"),
        ("PUT", "/fhir/metadata", "{}", {}, 405, "not-supported"),
        ("GET", "/fhir/metadata", None, {"Accept": "text/turtle"}, 406, "not-supported"),
        ("GET", "/fhir/metadata?_format=ttl", None, {}, 406, "not-supported"),
        ("GET", "/fhir/metadata?_pretty=perhaps", None, {}, 400, "invalid"),
        ("POST", "/fhir/Patient", "x", {"Content-Type": "text/turtle"}, 415, "not-supported"),
        ("POST", "/fhir/Patient", "{", {}, 400, "structure"),
        ("POST", "/fhir/Patient", '{"resourceType":"Group"}', {}, 400, "invalid"),
        ("POST", "/fhir/Patient", '{"a":' * 70 + "1" + "}" * 70, {}, 422, "too-costly"),
        ("POST", "/fhir/Patient?x=1", PATIENT, {}, 400, "invalid"),
        ("GET", "/fhir/Patient?nonsense=1", None, {}, 400, None),
        ("GET", "/fhir/Patient/_history?_count=0", None, {}, 400, "invalid"),
        ("GET", "/fhir/Patient/_history?_cursor=x", None, {}, 400, "invalid"),
    ],
)
def test_every_error_is_an_operation_outcome(  # noqa: PLR0917 - one column a parameter
    client: FlaskClient,
    headers: dict[str, str],
    method: str,
    path: str,
    body: str | None,
    extra: dict[str, str],
    status: int,
    code: str | None,
) -> None:
    response = client.open(path, method=method, data=body, headers={**headers, **extra})
    assert response.status_code == status, response.text
    issue = outcome(response)
    assert issue["severity"] in {"error", "fatal"}
    assert code is None or issue["code"] == code
    assert issue["details"]["text"]


def test_a_body_past_the_limit_is_refused(client: FlaskClient, headers: dict[str, str]) -> None:
    body = b'{"resourceType":"Binary","data":"' + b"A" * (21 * 1024 * 1024) + b'"}'
    response = client.post("/fhir/Binary", data=body, headers=headers)
    assert (response.status_code, outcome(response)["code"]) == (413, "too-long")


def test_only_metadata_needs_no_token(client: FlaskClient) -> None:
    assert client.get("/fhir/metadata").status_code == 200
    for path in ("/fhir/Patient", "/fhir/Patient/1", "/fhir/_history"):
        response = client.get(path)
        assert (response.status_code, outcome(response)["code"]) == (401, "login")
        assert "Bearer" in response.headers["WWW-Authenticate"]
    wrong = client.get("/fhir/Patient", headers={"Authorization": "Bearer nobody"})
    assert wrong.status_code == 401


def test_a_request_keeps_its_id(client: FlaskClient, headers: dict[str, str]) -> None:
    given = {**headers, "X-Request-Id": "0a1b2c3d-0000-4000-8000-000000000001"}
    response = client.get("/fhir/Patient/none", headers=given)
    assert response.headers["X-Request-Id"] == given["X-Request-Id"]
    outcome(response)


def test_a_managed_tag_cannot_be_forged(client: FlaskClient, headers: dict[str, str]) -> None:
    forged = PATIENT.replace(
        '"Patient",', '"Patient","meta":{"tag":[{"system":"carehub","code":"managed"}]},'
    )
    response = client.post("/fhir/Patient", data=forged, headers=headers)
    assert response.status_code == 422
