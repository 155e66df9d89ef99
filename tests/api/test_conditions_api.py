"""Conditions of single interactions: entity tags, dates and searches, with and without matches."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from hub.auth import issue_token
from hub.auth.accounts import register_client
from hub.transaction import transaction

SOUGHT = "/fhir/Patient?identifier=s|v"


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


@pytest.fixture
def plain(token: str) -> dict[str, str]:
    """A client that may not choose ids."""
    with transaction():
        register_client("plain", name="Plain", scopes=["system/*.cruds"], own_ids=False)
    bearer = issue_token("plain", "system/*.cruds", 3600)
    return {"Authorization": f"Bearer {bearer}", "Content-Type": "application/fhir+json"}


def person(**more: Any) -> str:
    body = {"resourceType": "Patient", "identifier": [{"system": "s", "value": "v"}], **more}
    return json.dumps(body)


def put(client: FlaskClient, headers: dict[str, str], record_id: str, **more: Any) -> None:
    url = f"/fhir/Patient/{record_id}"
    body = person(id=record_id, **more)
    assert client.put(url, data=body, headers=headers).status_code == 201


def code(response: Any) -> str:
    found: str = response.get_json()["issue"][0]["code"]
    return found


def test_if_match_is_one_entity_tag_or_a_star(client: FlaskClient, headers: dict[str, str]) -> None:
    put(client, headers, "p")
    for tag, status in (
        ('W/"1", W/"2"', 400),
        ("1", 400),
        ("W/1", 400),
        ("", 400),
        ('W/"abc"', 412),
        ('W/"2"', 412),
        ('"1"', 200),
        ('W/"2"', 200),
        ("*", 200),
    ):
        more = {**headers, "If-Match": tag}
        answer = client.put("/fhir/Patient/p", data=person(id="p"), headers=more)
        assert answer.status_code == status, tag


def test_a_star_wants_that_something_is_there(client: FlaskClient, headers: dict[str, str]) -> None:
    star = {**headers, "If-Match": "*"}
    none = client.put("/fhir/Patient/new", data=person(id="new"), headers=star)
    assert (none.status_code, code(none)) == (412, "conflict")
    stale = {**headers, "If-Match": 'W/"1"'}
    assert client.put("/fhir/Patient/new", data=person(id="new"), headers=stale).status_code == 412
    put(client, headers, "new")
    client.delete("/fhir/Patient/new", headers=headers)
    assert client.put("/fhir/Patient/new", data=person(id="new"), headers=star).status_code == 412
    task = json.dumps({"resourceType": "Task", "id": "t", "status": "draft", "intent": "order"})
    client.put("/fhir/Task/t", data=task, headers=headers)
    named = client.put("/fhir/Task/t", data=task, headers=star)
    assert (named.status_code, code(named)) == (400, "required")


def test_if_none_match_of_a_put_creates_and_never_updates(
    client: FlaskClient, headers: dict[str, str], plain: dict[str, str]
) -> None:
    url, new = "/fhir/Patient/p", {"If-None-Match": "*"}

    def tried(who: dict[str, str], body: str = person(id="p"), **more: str) -> int:
        return client.put(url, data=body, headers={**who, **new, **more}).status_code

    assert tried(plain) == 405
    assert tried(headers, body=person(id="other")) == 400
    assert tried(headers, body=person(id="p", gender="robot")) == 400
    assert tried(headers, **{"If-None-Match": 'W/"1"'}) == 400
    assert tried(headers) == 201
    assert tried(headers) == 412
    assert tried(plain) == 412
    client.delete(url, headers=headers)
    assert tried(headers) == 200
    assert client.get(url, headers=headers).headers["ETag"] == 'W/"3"'
    matching = {**headers, **new}
    assert client.put(SOUGHT, data=person(), headers=matching).status_code == 400


def test_a_conditional_create_finds_creates_or_refuses(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    where = {**headers, "If-None-Exist": "identifier=s|v"}
    made = client.post("/fhir/Patient", data=person(id="ignored"), headers=where)
    assert made.status_code == 201
    found = client.post("/fhir/Patient", data=person(active=True), headers=where)
    assert (found.status_code, found.get_json()) == (200, made.get_json())
    assert found.headers["Location"] == made.headers["Location"]
    client.post("/fhir/Patient", data=person(), headers=headers)
    several = client.post("/fhir/Patient", data=person(), headers=where)
    assert (several.status_code, code(several)) == (412, "multiple-matches")
    for condition in ("", "?", "Patient?", "shoe-size=44", "identifier:nonsense=v"):
        bad = {**headers, "If-None-Exist": condition}
        assert client.post("/fhir/Patient", data=person(), headers=bad).status_code == 400, (
            condition
        )
    for condition in ("Patient?identifier=s|w", "?identifier=s|x"):
        fine = {**headers, "If-None-Exist": condition}
        assert client.post("/fhir/Patient", data=person(), headers=fine).status_code == 201


def test_a_conditional_update_without_a_match(
    client: FlaskClient, headers: dict[str, str], plain: dict[str, str]
) -> None:
    assert client.put(SOUGHT, data=person(id="own"), headers=plain).status_code == 405
    made = client.put(SOUGHT, data=person(id="own"), headers=headers)
    assert (made.status_code, made.get_json()["id"]) == (201, "own")
    # Nothing matches, but the id is taken by a record that does not match.
    taken = client.put("/fhir/Patient?identifier=s|w", data=person(id="own"), headers=headers)
    assert (taken.status_code, code(taken)) == (409, "conflict")
    fresh = client.put(
        "/fhir/Patient?identifier=s|w",
        data=json.dumps({"resourceType": "Patient", "identifier": [{"system": "s", "value": "w"}]}),
        headers=plain,
    )
    assert fresh.status_code == 201
    bad = client.put("/fhir/Patient?identifier=s|z", data=person(id='a"b'), headers=headers)
    assert (bad.status_code, code(bad)) == (400, "value")
    stale = {**headers, "If-Match": 'W/"1"'}
    none = client.put("/fhir/Patient?identifier=s|z", data=person(), headers=stale)
    assert none.status_code == 412


def test_a_conditional_update_of_the_one_that_matches(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    put(client, headers, "p")
    without = client.put(SOUGHT, data=person(active=True), headers=headers)
    assert (without.status_code, without.get_json()["id"]) == (200, "p")
    named = client.put(SOUGHT, data=person(id="p", active=False), headers=headers)
    assert (named.status_code, named.headers["ETag"]) == (200, 'W/"3"')
    other = client.put(SOUGHT, data=person(id="q"), headers=headers)
    assert (other.status_code, other.get_json()["issue"][0]["expression"]) == (400, ["Patient.id"])
    for tag, status in (('W/"1"', 412), ('W/"3"', 200)):
        more = {**headers, "If-Match": tag}
        assert client.put(SOUGHT, data=person(), headers=more).status_code == status
    put(client, headers, "q")
    several = client.put(SOUGHT, data=person(), headers=headers)
    assert (several.status_code, code(several)) == (412, "multiple-matches")
    assert client.put("/fhir/Patient", data=person(), headers=headers).status_code == 400
    assert client.put("/fhir/Patient?x=1", data=person(), headers=headers).status_code == 400


def test_a_conditional_update_of_what_two_people_work_on_needs_if_match(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    task = json.dumps(
        {
            "resourceType": "Task",
            "status": "draft",
            "intent": "order",
            "identifier": [{"system": "s", "value": "v"}],
        }
    )
    url = "/fhir/Task?identifier=s|v"
    assert client.put(url, data=task, headers=headers).status_code == 201
    without = client.put(url, data=task, headers=headers)
    assert (without.status_code, code(without)) == (400, "required")
    matching = {**headers, "If-Match": 'W/"1"'}
    assert client.put(url, data=task, headers=matching).status_code == 200


def test_a_conditional_delete_takes_one_or_none(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    assert client.delete(SOUGHT, headers=headers).status_code == 204
    stale = {**headers, "If-Match": 'W/"2"'}
    assert client.delete(SOUGHT, headers=stale).status_code == 412
    put(client, headers, "p")
    assert client.delete(SOUGHT, headers=stale).status_code == 412
    put(client, headers, "q")
    several = client.delete(SOUGHT, headers=headers)
    assert (several.status_code, code(several)) == (412, "multiple-matches")
    client.delete("/fhir/Patient/q", headers=headers)
    assert client.delete(SOUGHT, headers=headers).status_code == 204
    assert client.get("/fhir/Patient/p", headers=headers).status_code == 410


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"If-None-Match": 'W/"1"'}, 304),
        ({"If-None-Match": '"1"'}, 304),
        ({"If-None-Match": 'W/"7", W/"1"'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": 'W/"7"'}, 200),
        ({"If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"}, 304),
        ({"If-Modified-Since": "Thu, 01 Jan 2009 00:00:00 GMT"}, 200),
        ({"If-Modified-Since": "no date"}, 200),
        # RFC 9110, section 13.2.2: the date counts only without a tag.
        ({"If-None-Match": 'W/"7"', "If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"}, 200),
    ],
)
def test_a_conditional_read(
    client: FlaskClient, headers: dict[str, str], condition: dict[str, str], status: int
) -> None:
    put(client, headers, "p")
    for path in ("/fhir/Patient/p", "/fhir/Patient/p/_history/1"):
        answer = client.get(path, headers={**headers, **condition})
        assert answer.status_code == status
        assert bool(answer.data) is (status == 200)
        assert answer.headers["ETag"] == 'W/"1"'


def test_head_answers_as_get_without_a_body(client: FlaskClient, headers: dict[str, str]) -> None:
    put(client, headers, "p")
    client.put("/fhir/Patient/gone", data=person(id="gone"), headers=headers)
    client.delete("/fhir/Patient/gone", headers=headers)
    for path in (
        "/fhir/Patient/p",
        "/fhir/Patient/p/_history/1",
        "/fhir/Patient/p/_history",
        "/fhir/Patient?_id=p",
        "/fhir/Patient/none",
        "/fhir/Patient/gone",
        "/fhir/metadata",
    ):
        got, head = client.get(path, headers=headers), client.head(path, headers=headers)
        assert head.status_code == got.status_code, path
        assert head.data == b""
        for name in ("Content-Type", "ETag", "Last-Modified"):
            assert head.headers.get(name) == got.headers.get(name), (path, name)


@pytest.mark.parametrize("wanted", ["minimal", "representation", "OperationOutcome"])
def test_prefer_holds_for_conditional_writes(
    client: FlaskClient, headers: dict[str, str], wanted: str
) -> None:
    prefers = {**headers, "Prefer": f"return={wanted}"}
    kinds = {"minimal": None, "representation": "Patient"}
    for status in (201, 200):
        answer = client.put(SOUGHT, data=person(), headers=prefers)
        assert answer.status_code == status
        body = answer.get_json(silent=True) or {}
        assert body.get("resourceType") == kinds.get(wanted, wanted)
        assert {"ETag", "Location", "Last-Modified"} <= set(answer.headers.keys())
