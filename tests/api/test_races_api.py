"""Many clients at once: exactly one wins, nothing is lost."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

N = 8


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
