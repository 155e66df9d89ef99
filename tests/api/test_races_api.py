"""Many clients at once: exactly one wins, nothing is lost."""

import base64
import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hub.api import writes

N = 8
MANY = 16


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


def task(**more: object) -> str:
    return json.dumps(
        {"resourceType": "Task", "id": "t", "status": "requested", "intent": "order", **more}
    )


def test_of_many_updates_of_one_version_exactly_one_wins(
    app: Flask, headers: dict[str, str]
) -> None:
    assert app.test_client().put("/fhir/Task/t", data=task(), headers=headers).status_code == 201

    def update(number: int) -> int:
        return (
            app.test_client()
            .put(
                "/fhir/Task/t",
                data=task(description=f"writer {number}"),
                headers={**headers, "If-Match": 'W/"1"'},
            )
            .status_code
        )

    with ThreadPoolExecutor(N) as pool:
        answers = Counter(pool.map(update, range(N)))
    assert answers == {200: 1, 412: N - 1}
    history = app.test_client().get("/fhir/Task/t/_history", headers=headers).get_json()
    assert len(history["entry"]) == 2


def at_once(app: Flask, do: Callable[[FlaskClient, int], int]) -> Counter[int]:
    """Let many clients begin at one moment; count their statuses."""
    together = Barrier(MANY)

    def one(number: int) -> int:
        client = app.test_client()
        together.wait(20)
        return do(client, number)

    with ThreadPoolExecutor(MANY) as pool:
        return Counter(pool.map(one, range(MANY)))


def entry(method: str, url: str, resource: str | None, **conditions: str) -> str:
    found: dict[str, object] = {"request": {"method": method, "url": url, **conditions}}
    if resource is not None:
        found["resource"] = json.loads(resource)
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [found]})


def binary(patch: str) -> str:
    return json.dumps(
        {
            "resourceType": "Binary",
            "contentType": "application/json-patch+json",
            "data": base64.b64encode(patch.encode()).decode(),
        }
    )


@pytest.mark.parametrize(
    "kind", ["PUT", "PATCH", "PATCH matching", "transaction PUT", "transaction PATCH", "DELETE"]
)
def test_of_sixteen_changes_of_one_version_exactly_one_wins(
    app: Flask, headers: dict[str, str], kind: str
) -> None:
    body = task(identifier=[{"system": "s", "value": "v"}])
    assert app.test_client().put("/fhir/Task/t", data=body, headers=headers).status_code == 201
    matching = {**headers, "If-Match": 'W/"1"'}
    patching = {**matching, "Content-Type": "application/json-patch+json"}

    def change(client: FlaskClient, number: int) -> int:
        changed = task(description=f"writer {number}")
        patch = json.dumps([{"op": "add", "path": "/description", "value": f"writer {number}"}])
        match kind:
            case "PUT":
                answer = client.put("/fhir/Task/t", data=changed, headers=matching)
            case "PATCH":
                answer = client.patch("/fhir/Task/t", data=patch, headers=patching)
            case "PATCH matching":
                answer = client.patch("/fhir/Task?identifier=s|v", data=patch, headers=patching)
            case "transaction PUT":
                sent = entry("PUT", "Task/t", changed, ifMatch='W/"1"')
                answer = client.post("/fhir", data=sent, headers=headers)
            case "transaction PATCH":
                sent = entry("PATCH", "Task/t", binary(patch), ifMatch='W/"1"')
                answer = client.post("/fhir", data=sent, headers=headers)
            case _:
                answer = client.delete("/fhir/Task/t", headers=matching)
        return answer.status_code

    won = 204 if kind == "DELETE" else 200
    assert at_once(app, change) == {won: 1, 412: MANY - 1}
    history = app.test_client().get("/fhir/Task/t/_history", headers=headers).get_json()
    assert len(history["entry"]) == 2


def test_patches_of_different_parts_all_succeed(app: Flask, headers: dict[str, str]) -> None:
    body = json.dumps({"resourceType": "Patient", "id": "p"})
    app.test_client().put("/fhir/Patient/p", data=body, headers=headers)
    patching = {**headers, "Content-Type": "application/json-patch+json"}

    def patch(client: FlaskClient, number: int) -> int:
        more = [{"op": "add", "path": "/name/-", "value": {"family": f"Name{number}"}}]
        url, sent = "/fhir/Patient/p", json.dumps(more)
        return client.patch(url, data=sent, headers=patching).status_code

    first = json.dumps([{"op": "add", "path": "/name", "value": [{"family": "First"}]}])
    app.test_client().patch("/fhir/Patient/p", data=first, headers=patching)
    assert at_once(app, patch) == {200: MANY}
    kept = app.test_client().get("/fhir/Patient/p", headers=headers).get_json()
    assert len(kept["name"]) == MANY + 1
    assert kept["meta"]["versionId"] == str(MANY + 2)


@pytest.mark.parametrize(
    ("method", "status"), [("DELETE", 204), ("PATCH", 404), ("PUT", 201), ("transaction", 200)]
)
def test_what_matches_no_more_when_its_turn_comes_is_left_alone(
    app: Flask,
    headers: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    status: int,
) -> None:
    """Between the search of a condition and the write, somebody changes what it found."""
    sought = "/fhir/Patient?identifier=s|v"
    body = {"resourceType": "Patient", "identifier": [{"system": "s", "value": "v"}]}
    client = app.test_client()
    client.put("/fhir/Patient/p", data=json.dumps({**body, "id": "p"}), headers=headers)
    look = writes.one_match
    others: list[int] = []

    def renamed() -> int:
        changed = json.dumps({"resourceType": "Patient", "id": "p", "active": True})
        sent = app.test_client().put("/fhir/Patient/p", data=changed, headers=headers)
        return sent.status_code

    def slow(*args: Any) -> Any:
        found = look(*args)
        if not others:
            with ThreadPoolExecutor(1) as pool:
                others.append(pool.submit(renamed).result(20))
        return found

    monkeypatch.setattr(writes, "one_match", slow)
    if method == "transaction":
        sent = entry("DELETE", "Patient?identifier=s|v", None)
        answer = client.post("/fhir", data=sent, headers=headers)
    else:
        kind = "application/json-patch+json" if method == "PATCH" else "application/fhir+json"
        text = "[]" if method == "PATCH" else json.dumps(body)
        more = {**headers, "Content-Type": kind}
        answer = client.open(sought, method=method, data=text, headers=more)
    assert (others, answer.status_code) == ([200], status)
    kept = client.get("/fhir/Patient/p", headers=headers).get_json()
    assert (kept["meta"]["versionId"], kept["active"]) == ("2", True)


@pytest.mark.parametrize("kind", ["POST", "PUT", "If-None-Match", "transaction POST"])
def test_of_sixteen_conditional_creates_exactly_one_creates(
    app: Flask, headers: dict[str, str], kind: str
) -> None:
    body = json.dumps({"resourceType": "Patient", "identifier": [{"system": "s", "value": "v"}]})
    named = json.dumps({**json.loads(body), "id": "p"})
    sought = "identifier=s|v"

    def create(client: FlaskClient, _: int) -> int:
        match kind:
            case "POST":
                more = {**headers, "If-None-Exist": sought}
                return client.post("/fhir/Patient", data=body, headers=more).status_code
            case "PUT":
                return client.put(f"/fhir/Patient?{sought}", data=body, headers=headers).status_code
            case "If-None-Match":
                more = {**headers, "If-None-Match": "*"}
                return client.put("/fhir/Patient/p", data=named, headers=more).status_code
            case _:
                sent = entry("POST", "Patient", body, ifNoneExist=sought)
                answer = client.post("/fhir", data=sent, headers=headers).get_json()
                return int(answer["entry"][0]["response"]["status"][:3])

    lost = 412 if kind == "If-None-Match" else 200
    assert at_once(app, create) == {201: 1, lost: MANY - 1}
    found = app.test_client().get(f"/fhir/Patient?{sought}", headers=headers).get_json()
    assert found["total"] == 1


def test_updates_without_if_match_are_all_kept_as_versions(
    app: Flask, headers: dict[str, str]
) -> None:
    def update(number: int) -> int:
        body = json.dumps(
            {"resourceType": "Patient", "id": "p", "name": [{"family": f"Name{number}"}]}
        )
        return app.test_client().put("/fhir/Patient/p", data=body, headers=headers).status_code

    with ThreadPoolExecutor(N) as pool:
        answers = Counter(pool.map(update, range(N)))
    assert answers == {201: 1, 200: N - 1}
    history = app.test_client().get("/fhir/Patient/p/_history", headers=headers).get_json()
    assert [e["resource"]["meta"]["versionId"] for e in history["entry"]] == [
        str(v) for v in range(N, 0, -1)
    ]


def test_of_many_conditional_creates_one_creates(app: Flask, headers: dict[str, str]) -> None:
    number = {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000026"}
    body = json.dumps({"resourceType": "Patient", "identifier": [number]})
    condition = {"If-None-Exist": "identifier=https://fhir.nhs.uk/Id/nhs-number|9990000026"}

    def create(_: int) -> int:
        return (
            app.test_client()
            .post("/fhir/Patient", data=body, headers={**headers, **condition})
            .status_code
        )

    with ThreadPoolExecutor(N) as pool:
        answers = Counter(pool.map(create, range(N)))
    assert answers == {201: 1, 200: N - 1}


def test_conditional_update_and_delete_take_the_one_that_matches(
    app: Flask, headers: dict[str, str]
) -> None:
    client = app.test_client()
    body = json.dumps({"resourceType": "Patient", "identifier": [{"system": "s", "value": "v"}]})
    url = "/fhir/Patient?identifier=s|v"
    assert client.put(url, data=body, headers=headers).status_code == 201
    found = client.get(url, headers=headers).get_json()["entry"][0]["resource"]
    changed = json.dumps({**json.loads(body), "id": found["id"], "active": True})
    assert client.put(url, data=changed, headers=headers).status_code == 200
    client.post("/fhir/Patient", data=body, headers=headers)
    assert client.put(url, data=body, headers=headers).status_code == 412
    assert client.delete(url, headers=headers).status_code == 412
    client.delete(f"/fhir/Patient/{found['id']}", headers=headers)
    assert client.delete(url, headers=headers).status_code == 204
    assert client.get(url, headers=headers).get_json()["total"] == 0
    assert client.delete("/fhir/Patient", headers=headers).status_code == 400


def test_of_many_merges_of_one_pair_in_both_directions_one_is_done(
    app: Flask, headers: dict[str, str]
) -> None:
    for name in ("a", "b"):
        body = json.dumps({"resourceType": "Patient", "id": name})
        app.test_client().put(f"/fhir/Patient/{name}", data=body, headers=headers)

    def merge(number: int) -> int:
        pair = ("a", "b") if number % 2 else ("b", "a")
        listed = [
            {"name": name, "valueReference": {"reference": f"Patient/{which}"}}
            for name, which in zip(("source-patient", "target-patient"), pair, strict=True)
        ]
        body = json.dumps({"resourceType": "Parameters", "parameter": listed})
        return (
            app.test_client().post("/fhir/Patient/$merge", data=body, headers=headers).status_code
        )

    with ThreadPoolExecutor(N) as pool:
        answers = Counter(pool.map(merge, range(N)))
    assert answers == {200: 1, 409: N - 1}
