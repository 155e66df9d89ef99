"""``$meta``, ``$meta-add`` and ``$meta-delete``: labels change in their place."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from fhir.validation import validate
from hub import records
from hub.auth import issue_token
from hub.db import db
from hub.domain.actor import hub_actor
from hub.records import labels
from hub.records.tables import AUDIT, CHANGES
from hub.transaction import transaction

TAG = {"system": "https://example.org/tags", "code": "a", "display": "A"}
OTHER = {"system": "https://example.org/tags", "code": "b"}
SECURITY = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
PROFILE = "https://example.org/StructureDefinition/p"


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


@pytest.fixture
def url(client: FlaskClient, headers: dict[str, str]) -> str:
    body = (
        '{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},'
        f'"meta":{{"tag":[{json.dumps(TAG)}]}},"valueQuantity":{{"value":1.50}}}}'
    )
    assert client.put("/fhir/Observation/o", data=body, headers=headers).status_code == 201
    return "/fhir/Observation/o"


def call(client: FlaskClient, headers: dict[str, str], url: str, **meta: Any) -> TestResponse:
    body = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}
    return client.post(url, data=json.dumps(body), headers=headers)


def returned(response: TestResponse) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    body = response.get_json()
    assert validate(body) == []
    found: dict[str, Any] = {}
    for parameter in body.get("parameter", ()):
        assert parameter["name"] == "return"
        assert not found
        found = parameter["valueMeta"]
    return found


def found_by(client: FlaskClient, headers: dict[str, str], query: str) -> int:
    total: int = client.get(f"/fhir/Observation?{query}", headers=headers).get_json()["total"]
    return total


def test_labels_are_added_without_a_version_and_found(
    client: FlaskClient, headers: dict[str, str], url: str
) -> None:
    before = client.get(url, headers=headers)
    meta = returned(
        call(
            client,
            headers,
            f"{url}/$meta-add",
            tag=[TAG, OTHER],
            security=[SECURITY],
            profile=[PROFILE],
        )
    )
    assert meta["tag"] == [TAG, OTHER]
    after = client.get(url, headers=headers)
    assert after.get_json()["meta"] == meta == returned(client.get(f"{url}/$meta", headers=headers))
    assert after.headers["ETag"] == before.headers["ETag"] == 'W/"1"'
    assert meta["lastUpdated"] == before.get_json()["meta"]["lastUpdated"]
    assert '"value":1.50' in after.text
    history = client.get(f"{url}/_history", headers=headers).get_json()
    assert len(history["entry"]) == 1
    for query in (
        "_tag=https://example.org/tags|b",
        "_tag=https://example.org/tags|a",
        "_security=R",
        f"_profile={PROFILE}",
    ):
        assert found_by(client, headers, query) == 1, query


def test_labels_are_taken_off_and_found_no_more(
    client: FlaskClient, headers: dict[str, str], url: str
) -> None:
    call(client, headers, f"{url}/$meta-add", tag=[OTHER], security=[SECURITY], profile=[PROFILE])
    away = {"tag": [{"system": TAG["system"], "code": "a"}], "profile": [PROFILE]}
    meta = returned(call(client, headers, f"{url}/$meta-delete", **away))
    assert (meta["tag"], meta["security"], meta.get("profile")) == ([OTHER], [SECURITY], None)
    assert found_by(client, headers, "_tag=https://example.org/tags|a") == 0
    assert found_by(client, headers, f"_profile={PROFILE}") == 0
    assert found_by(client, headers, "_security=R") == 1
    again = returned(call(client, headers, f"{url}/$meta-delete", **away))
    assert again == meta


def test_who_changed_labels_stands_in_the_audit_and_no_subscriber_is_told(
    client: FlaskClient, headers: dict[str, str], url: str
) -> None:
    changes = db.session.execute(select(CHANGES.c.id)).all()
    call(client, headers, f"{url}/$meta-add", tag=[OTHER])
    call(client, headers, f"{url}/$meta-delete", tag=[OTHER])
    rows = db.session.execute(
        select(AUDIT.c.actor, AUDIT.c.action, AUDIT.c.subject, AUDIT.c.detail)
        .where(AUDIT.c.action.like("meta-%"))
        .order_by(AUDIT.c.id)
    ).all()
    assert [tuple(row) for row in rows] == [
        ("client/test-system", "meta-add", "Observation/o", {"version": 1}),
        ("client/test-system", "meta-delete", "Observation/o", {"version": 1}),
    ]
    # A delivery is known by its version: a second one of it would be a repeat.
    assert db.session.execute(select(CHANGES.c.id)).all() == changes


def test_the_next_version_keeps_what_its_predecessor_carried(
    client: FlaskClient, headers: dict[str, str], url: str
) -> None:
    call(client, headers, f"{url}/$meta-add", tag=[OTHER])
    changed = {**client.get(url, headers=headers).get_json(), "status": "amended"}
    assert client.put(url, data=json.dumps(changed), headers=headers).status_code == 200
    old = client.get(f"{url}/_history/1", headers=headers).get_json()
    assert old["meta"]["tag"] == [TAG, OTHER]
    assert found_by(client, headers, "_tag=https://example.org/tags|b") == 1


@pytest.mark.parametrize(
    ("meta", "status"),
    [
        ({"tag": [{"system": "carehub", "code": "managed"}]}, 422),
        ({"tag": [{"code": "SUBSETTED"}]}, 422),
        ({"source": "https://example.org/x"}, 400),
        ({"tag": "a"}, 400),
        ({"tag": ["a"]}, 400),
        ({"profile": [{"code": "a"}]}, 400),
        ({"profile": ["no uri"]}, 400),
        ({"tag": [{"code": ""}]}, 400),
        ({"versionId": "7", "tag": [OTHER]}, 200),
    ],
)
def test_what_may_be_added(
    client: FlaskClient, headers: dict[str, str], url: str, meta: dict[str, Any], status: int
) -> None:
    answer = call(client, headers, f"{url}/$meta-add", **meta)
    assert answer.status_code == status, answer.text
    assert client.get(url, headers=headers).get_json()["meta"]["versionId"] == "1"


def test_calls_that_are_not_possible(
    client: FlaskClient, headers: dict[str, str], url: str
) -> None:
    assert client.post(f"{url}/$meta-add", headers=headers).status_code == 400
    assert client.get(f"{url}/$meta-add", headers=headers).status_code == 405
    assert client.get(f"{url}/$meta?tag=x", headers=headers).status_code == 400
    assert call(client, headers, "/fhir/Observation/$meta-add", tag=[TAG]).status_code == 404
    assert call(client, headers, "/fhir/Observation/none/$meta-add", tag=[TAG]).status_code == 404
    assert call(client, headers, "/fhir/AuditEvent/a/$meta-add", tag=[TAG]).status_code == 405
    client.delete(url, headers=headers)
    assert call(client, headers, f"{url}/$meta-add", tag=[TAG]).status_code == 410
    assert client.get(f"{url}/$meta", headers=headers).status_code == 410


def test_labels_of_what_the_hub_keeps_are_the_hubs(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    goal = {"resourceType": "Goal", "lifecycleStatus": "active", "description": {"text": "walk"}}
    goal["subject"] = {"reference": "Patient/p"}
    with transaction():
        kept = records.create(hub_actor("test"), goal, managed=True)
    for name in ("meta-add", "meta-delete"):
        url = f"/fhir/{kept.reference}/${name}"
        assert call(client, headers, url, tag=[TAG]).status_code == 403


def test_labels_need_the_scopes_to_read_and_to_update(
    client: FlaskClient, headers: dict[str, str], url: str
) -> None:
    for scope, status in (("system/Observation.r", 403), ("system/Observation.u", 403)):
        narrow = {**headers, "Authorization": f"Bearer {issue_token('test-system', scope, 60)}"}
        assert call(client, narrow, f"{url}/$meta-add", tag=[OTHER]).status_code == status


def test_meta_of_a_type_and_of_the_hub_lists_each_label_once(
    client: FlaskClient, headers: dict[str, str], url: str
) -> None:
    body = {"resourceType": "Patient", "meta": {"tag": [TAG, OTHER], "profile": [PROFILE]}}
    for _ in range(3):
        client.post("/fhir/Patient", data=json.dumps(body), headers=headers)
    of_type = returned(client.get("/fhir/Observation/$meta", headers=headers))
    assert of_type == {"tag": [TAG]}
    everything = returned(client.get("/fhir/$meta", headers=headers))
    assert everything == {"tag": [TAG, OTHER], "profile": [PROFILE]}
    assert returned(client.get("/fhir/Task/$meta", headers=headers)) == {}
    token = issue_token("test-system", "system/Observation.rs", 60)
    narrow = {"Authorization": f"Bearer {token}"}
    assert returned(client.get("/fhir/$meta", headers=narrow)) == {"tag": [TAG]}
    assert client.get("/fhir/Patient/$meta", headers=narrow).status_code == 403


def test_looking_at_too_many_records_is_too_costly(
    client: FlaskClient, headers: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction():
        tagged = {"resourceType": "Basic", "code": {"text": "x"}, "meta": {"tag": [TAG]}}
        actor = hub_actor("test")
        records.insert_many(actor, [records.new_version(actor, tagged) for _ in range(3_000)])
    monkeypatch.setattr(labels, "BUDGET", 1)
    answer = client.get("/fhir/Basic/$meta", headers=headers)
    assert (answer.status_code, answer.get_json()["issue"][0]["code"]) == (422, "too-costly")
    monkeypatch.undo()
    assert returned(client.get("/fhir/Basic/$meta", headers=headers)) == {"tag": [TAG]}
