"""PATCH over HTTP: JSON Patch and FHIRPath Patch, plain and conditional."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub import records
from hub.auth import issue_token
from hub.domain.actor import hub_actor
from hub.transaction import transaction

JSON_PATCH = "application/json-patch+json"
FHIR_JSON = "application/fhir+json"
FHIR_XML = "application/fhir+xml"
WEIGHT = (
    '{"resourceType":"Observation","id":"o","status":"final","code":{"text":"Weight"},'
    '"effectiveDateTime":"2026-05-01T09:30:00.120+01:00","valueQuantity":{"value":1.50}}'
)


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": FHIR_JSON}


def put(client: FlaskClient, headers: dict[str, str], resource: str | dict[str, Any]) -> str:
    text = resource if isinstance(resource, str) else json.dumps(resource)
    value = json.loads(text)
    url = f"/fhir/{value['resourceType']}/{value['id']}"
    assert client.put(url, data=text, headers=headers).status_code == 201
    return url


def patch(
    client: FlaskClient,
    headers: dict[str, str],
    url: str,
    *operations: dict[str, Any],
    **more: str,
) -> TestResponse:
    extra = {name.replace("_", "-"): value for name, value in more.items()}
    sent = {**headers, "Content-Type": JSON_PATCH, **extra}
    return client.patch(url, data=json.dumps(operations), headers=sent)


def fhirpath(
    client: FlaskClient, headers: dict[str, str], url: str, *parts: dict[str, Any]
) -> TestResponse:
    operation = {"name": "operation", "part": list(parts)}
    body = {"resourceType": "Parameters", "parameter": [operation]}
    return client.patch(url, data=json.dumps(body), headers=headers)


def active(value: Any = True) -> dict[str, Any]:
    return {"op": "add", "path": "/active", "value": value}


def text_of(response: TestResponse) -> str:
    text: str = response.get_json()["issue"][0]["details"]["text"]
    return text


def test_a_json_patch_changes_what_it_names_and_keeps_the_rest(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    url = put(client, headers, WEIGHT)
    response = patch(
        client, headers, url, {"op": "replace", "path": "/code/text", "value": "Body weight"}
    )
    assert response.status_code == 200, response.text
    assert response.headers["ETag"] == 'W/"2"'
    assert response.headers["Location"].endswith("/fhir/Observation/o/_history/2")
    read = client.get(url, headers=headers).text
    assert read == response.text
    assert '"value":1.50}' in read
    assert '"effectiveDateTime":"2026-05-01T09:30:00.120+01:00"' in read
    assert '"code":{"text":"Body weight"}' in read


def test_a_fhirpath_patch_changes_what_it_names(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    url = put(client, headers, WEIGHT)
    response = fhirpath(
        client,
        headers,
        url,
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Observation.value.value"},
        {"name": "value", "valueDecimal": 2},
    )
    assert response.status_code == 200, response.text
    assert response.get_json()["valueQuantity"] == {"value": 2}


def test_a_fhirpath_patch_may_come_and_be_answered_as_xml(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    url = put(client, headers, WEIGHT)
    body = (
        '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>'
        '<part><name value="type"/><valueCode value="replace"/></part>'
        '<part><name value="path"/><valueString value="Observation.value.value"/></part>'
        '<part><name value="value"/><valueDecimal value="2.50"/></part>'
        "</parameter></Parameters>"
    )
    response = client.patch(url, data=body, headers={**headers, "Content-Type": FHIR_XML})
    assert response.status_code == 200, response.text
    assert '<value value="2.50"/>' in response.text
    assert '"value":2.50}' in client.get(url, headers=headers).text


def test_what_a_patch_makes_is_checked_as_an_update_is(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    url = put(client, headers, {"resourceType": "Patient", "id": "p"})
    wrong = patch(client, headers, url, {"op": "add", "path": "/gender", "value": "robot"})
    assert wrong.status_code == 400
    assert wrong.get_json()["issue"][0]["expression"] == ["Patient.gender"]
    part = patch(
        client, headers, url, {"op": "add", "path": "/meta/tag", "value": [{"code": "SUBSETTED"}]}
    )
    assert part.status_code == 422
    assert client.get(url, headers=headers).headers["ETag"] == 'W/"1"'


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        ({"op": "replace", "path": "/id", "value": "other"}, "id never changes"),
        ({"op": "remove", "path": "/id"}, "id never changes"),
        ({"op": "replace", "path": "/resourceType", "value": "Person"}, "resourceType"),
        ({"op": "replace", "path": "/meta/versionId", "value": "9"}, "meta.versionId"),
        ({"op": "replace", "path": "/meta/lastUpdated", "value": "2026-01-01T00:00:00Z"}, "meta"),
        (
            {"op": "add", "path": "/meta/tag", "value": [{"system": "carehub", "code": "managed"}]},
            "managed",
        ),
        ({"op": "replace", "path": "", "value": {"resourceType": "Patient"}}, "id never changes"),
        ({"op": "remove", "path": ""}, "leaves no resource"),
        ({"op": "replace", "path": "", "value": [1]}, "leaves no resource"),
        ({"op": "test", "path": "/active", "value": True}, r"operation 0 (test /active)"),
        ({"op": "remove", "path": "/name/7"}, "operation 0 (remove /name/7)"),
    ],
)
def test_what_belongs_to_the_server_or_is_not_there_is_refused(
    client: FlaskClient, headers: dict[str, str], operation: dict[str, Any], said: str
) -> None:
    url = put(client, headers, {"resourceType": "Patient", "id": "p", "active": False})
    response = patch(client, headers, url, operation)
    assert response.status_code == 422, response.text
    assert said in text_of(response)
    assert client.get(url, headers=headers).headers["ETag"] == 'W/"1"'


def test_meta_may_be_replaced_without_what_the_server_sets(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    url = put(client, headers, {"resourceType": "Patient", "id": "p"})
    tag = {"system": "https://example.org/tags", "code": "t"}
    response = patch(
        client, headers, url, {"op": "replace", "path": "/meta", "value": {"tag": [tag]}}
    )
    meta = response.get_json()["meta"]
    assert (meta["versionId"], meta["tag"]) == ("2", [tag])
    assert "lastUpdated" in meta


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        ("application/xml-patch+xml", "<diff/>", 415, "not-supported"),
        ("text/plain", "[]", 415, "not-supported"),
        (JSON_PATCH, "{", 400, "structure"),
        (JSON_PATCH, "{}", 400, "structure"),
        (JSON_PATCH, '[{"op":"remove","path":"active"}]', 400, "value"),
        (FHIR_JSON, "[]", 400, "structure"),
        (FHIR_JSON, '{"resourceType":"Patient"}', 400, "structure"),
        (JSON_PATCH, '[{"op":"test","path":"","value":' + "[" * 70 + "]" * 70 + "}]", 422, None),
    ],
)
def test_what_is_no_patch(  # noqa: PLR0917 - one column a parameter
    client: FlaskClient,
    headers: dict[str, str],
    content_type: str,
    body: str,
    status: int,
    code: str | None,
) -> None:
    url = put(client, headers, {"resourceType": "Patient", "id": "p"})
    response = client.patch(url, data=body, headers={**headers, "Content-Type": content_type})
    assert response.status_code == status, response.text
    assert code in {None, response.get_json()["issue"][0]["code"]}
    if status == 415:
        assert JSON_PATCH in response.headers["Accept-Patch"]


def test_a_patch_of_what_two_people_work_on_needs_if_match(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    status = {"op": "replace", "path": "/status", "value": "accepted"}
    task = {"resourceType": "Task", "id": "t", "status": "requested", "intent": "order"}
    url = put(client, headers, task)
    for matching, expected in ((None, 400), ("*", 400), ('W/"7"', 412), ('W/"1"', 200)):
        more = {} if matching is None else {"If_Match": matching}
        assert patch(client, headers, url, status, **more).status_code == expected, matching
    assert patch(client, headers, url, status, If_Match='W/"1"').status_code == 412


def test_a_stale_if_match_stops_a_patch_of_any_type(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    url = put(client, headers, {"resourceType": "Patient", "id": "p"})
    assert patch(client, headers, url, active(), If_Match='W/"2"').status_code == 412
    assert patch(client, headers, url, active(), If_Match='W/"1", W/"2"').status_code == 400
    assert patch(client, headers, url, active(), If_Match="1").status_code == 400
    assert patch(client, headers, url, active(), If_Match='W/"1"').status_code == 200
    assert patch(client, headers, url, active(value=False)).status_code == 200


def test_a_patch_that_changes_nothing_makes_no_version(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    url = put(client, headers, {"resourceType": "Patient", "id": "p", "active": True})
    same = patch(client, headers, url, {"op": "test", "path": "/active", "value": True}, active())
    assert (same.status_code, same.headers["ETag"]) == (200, 'W/"1"')


def test_a_patch_of_what_is_not_there(client: FlaskClient, headers: dict[str, str]) -> None:
    assert patch(client, headers, "/fhir/Patient/none", active()).status_code == 404
    url = put(client, headers, {"resourceType": "Patient", "id": "p"})
    client.delete(url, headers=headers)
    assert patch(client, headers, url, active()).status_code == 410
    assert patch(client, headers, f"{url}?x=1", active()).status_code == 400
    event = "/fhir/AuditEvent/a"
    assert patch(client, headers, event, active()).status_code == 405


def test_a_conditional_patch_takes_the_one_that_matches(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    person = {"resourceType": "Patient", "id": "p", "identifier": [{"system": "s", "value": "v"}]}
    put(client, headers, person)
    url = "/fhir/Patient?identifier=s|v"
    found = patch(client, headers, url, active())
    assert (found.status_code, found.get_json()["id"]) == (200, "p")
    assert patch(client, headers, url, active(value=False), If_Match='W/"1"').status_code == 412
    none = patch(client, headers, "/fhir/Patient?identifier=s|other", active())
    assert (none.status_code, none.get_json()["issue"][0]["code"]) == (404, "not-found")
    put(client, headers, {**person, "id": "q"})
    several = patch(client, headers, url, active())
    assert (several.status_code, several.get_json()["issue"][0]["code"]) == (
        412,
        "multiple-matches",
    )
    assert patch(client, headers, "/fhir/Patient", active()).status_code == 400
    assert patch(client, headers, "/fhir/Patient?nonsense=1", active()).status_code == 400


@pytest.mark.parametrize(
    ("wanted", "kind"), [("minimal", None), ("OperationOutcome", "OperationOutcome")]
)
def test_prefer_decides_what_a_patch_answers(
    client: FlaskClient, headers: dict[str, str], wanted: str, kind: str | None
) -> None:
    url = put(client, headers, {"resourceType": "Patient", "id": "p"})
    response = patch(client, headers, url, active(), Prefer=f"return={wanted}")
    assert (response.status_code, response.headers["ETag"]) == (200, 'W/"2"')
    assert (response.get_json(silent=True) or {}).get("resourceType") == kind


def test_a_patch_needs_the_scopes_to_read_and_to_update(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    """Its tests and its answer tell what the record holds."""
    url = put(client, headers, {"resourceType": "Patient", "id": "p"})
    for scope, expected in (
        ("system/Patient.u", 403),
        ("system/Patient.r", 403),
        ("system/Patient.ru", 200),
    ):
        narrow = {"Authorization": f"Bearer {issue_token('test-system', scope, 60)}"}
        assert patch(client, narrow, url, active()).status_code == expected, scope


def test_the_managed_tag_stays_and_the_rules_of_managed_records_hold(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    task = {"resourceType": "Goal", "lifecycleStatus": "active", "description": {"text": "walk"}}
    task["subject"] = {"reference": "Patient/p"}
    with transaction():
        kept = records.create(hub_actor("test"), task, managed=True)
    url = f"/fhir/{kept.reference}"
    off = patch(client, headers, url, {"op": "remove", "path": "/meta/tag"}, If_Match='W/"1"')
    assert off.status_code == 422
    assert "managed" in text_of(off)
    change = {"op": "replace", "path": "/lifecycleStatus", "value": "completed"}
    assert patch(client, headers, url, change, If_Match='W/"1"').status_code == 403


def test_a_patch_neither_reads_nor_loses_a_secret(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    subscription = {
        "resourceType": "Subscription",
        "id": "s",
        "status": "off",
        "reason": "r",
        "criteria": "Patient?active=true",
        "channel": {
            "type": "rest-hook",
            "endpoint": "https://example.org/hook",
            "header": ["Authorization: Bearer secret"],
        },
    }
    url = put(client, headers, subscription)
    guess = {"op": "test", "path": "/channel/header/0", "value": "Authorization: Bearer secret"}
    assert patch(client, headers, url, guess).status_code == 422
    stolen = patch(
        client, headers, url, {"op": "copy", "from": "/channel/header/0", "path": "/reason"}
    )
    assert stolen.status_code == 200, stolen.text
    assert "secret" not in client.get(url, headers=headers).text
    with transaction():
        kept = records.read(hub_actor("test"), "Subscription", "s")
    assert kept["channel"]["header"] == ["Authorization: Bearer secret"]
    moved = {"op": "replace", "path": "/channel/endpoint", "value": "https://evil.example.org/"}
    assert patch(client, headers, url, moved).status_code == 422
