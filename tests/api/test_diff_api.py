"""``$diff``: the FHIRPath Patch that makes one version of another."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir.validation import validate
from hub.auth import issue_token

VERSIONS = (
    {"active": True, "name": [{"family": "Price", "given": ["Gwen"]}]},
    {"active": True, "name": [{"family": "Price", "given": ["Gwen", "Ann"]}], "gender": "female"},
    {"name": [{"family": "Pugh"}], "gender": "female", "contact": [{"name": {"text": "x"}}]},
)


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


@pytest.fixture
def url(client: FlaskClient, headers: dict[str, str]) -> str:
    for version in VERSIONS:
        body = json.dumps({"resourceType": "Patient", "id": "p", **version})
        client.put("/fhir/Patient/p", data=body, headers=headers)
    return "/fhir/Patient/p"


def content(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name not in {"id", "meta"}}


@pytest.mark.parametrize(("start", "end"), [(1, 2), (2, 3), (1, 3), (3, 1), (2, 2)])
def test_the_answer_is_the_patch_from_one_version_to_the_other(
    client: FlaskClient, headers: dict[str, str], url: str, start: int, end: int
) -> None:
    answer = client.get(f"{url}/$diff?from={start}&to={end}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert validate(answer.get_json()) == []
    body = json.dumps({"resourceType": "Patient", "id": "p", **VERSIONS[start - 1]})
    client.put(url, data=body, headers=headers)
    patched = client.patch(url, data=answer.data, headers=headers)
    assert patched.status_code == 200, patched.text
    assert content(patched.get_json()) == {"resourceType": "Patient", **VERSIONS[end - 1]}


def test_without_parameters_it_is_what_the_current_version_changed(
    client: FlaskClient, headers: dict[str, str], url: str
) -> None:
    last = client.get(f"{url}/$diff", headers=headers).get_json()
    assert last == client.get(f"{url}/$diff?from=2&to=3", headers=headers).get_json()
    body = {"resourceType": "Parameters"}
    body["parameter"] = [{"name": "to", "valuePositiveInt": 2}]  # type: ignore[assignment]
    posted = client.post(f"{url}/$diff", data=json.dumps(body), headers=headers).get_json()
    said = [{p["name"]: p for p in each["part"]} for each in posted["parameter"]]
    assert [s["path"]["valueString"] for s in said] == ["Patient.name[0].given", "Patient"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("from=1&to=9", 404),
        ("from=0&to=2", 400),
        ("from=x", 400),
        ("to=1", 400),
        ("version=1", 400),
        ("from=1&from=2", 400),
    ],
)
def test_what_it_does_not_know_is_named(
    client: FlaskClient, headers: dict[str, str], url: str, asked: str, status: int
) -> None:
    assert client.get(f"{url}/$diff?{asked}", headers=headers).status_code == status


def test_a_deletion_and_another_persons_scope_have_no_difference(
    client: FlaskClient, headers: dict[str, str], url: str
) -> None:
    narrow = {"Authorization": f"Bearer {issue_token('test-system', 'system/Task.r', 60)}"}
    assert client.get(f"{url}/$diff", headers=narrow).status_code == 403
    client.delete(url, headers=headers)
    assert client.get(f"{url}/$diff", headers=headers).status_code == 410
    assert client.get(f"{url}/$diff?from=3&to=4", headers=headers).status_code == 410
    assert client.get("/fhir/Patient/none/$diff", headers=headers).status_code == 404


def test_a_difference_shows_no_secret(client: FlaskClient, headers: dict[str, str]) -> None:
    subscription: dict[str, Any] = {
        "resourceType": "Subscription",
        "id": "s",
        "status": "off",
        "reason": "r",
        "criteria": "Patient?active=true",
        "channel": {"type": "rest-hook", "endpoint": "https://example.org/hook"},
    }
    for header in ("one", "two"):
        subscription["channel"]["header"] = [f"Authorization: Bearer {header}"]
        client.put("/fhir/Subscription/s", data=json.dumps(subscription), headers=headers)
    answer = client.get("/fhir/Subscription/s/$diff?from=1&to=2", headers=headers)
    assert answer.status_code == 200
    assert "Bearer" not in answer.text


def test_its_definition_is_the_hubs_own(client: FlaskClient, headers: dict[str, str]) -> None:
    definition = client.get("/fhir/OperationDefinition/diff", headers=headers).get_json()
    assert validate(definition) == []
    assert (definition["instance"], definition["type"]) == (True, False)
    assert "base" not in definition
