"""Transactions and batches in full: patches, conditions, versions, faults, history, operations."""

import base64
import json
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from fhir.bundle import Entry
from hub.api import batches, writes
from hub.db import db
from hub.transaction import transaction

PERSON = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"
XHTML = "http://www.w3.org/1999/xhtml"
TASK = "urn:oid:1.2.826.0.1.9999.1"


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


def bundle(kind: str, *entries: dict[str, Any]) -> str:
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": list(entries)})


def ask(
    method: str,
    url: str,
    resource: dict[str, Any] | None = None,
    full_url: str | None = None,
    **conditions: str,
) -> dict[str, Any]:
    entry: dict[str, Any] = {"request": {"method": method, "url": url, **conditions}}
    if resource is not None:
        entry["resource"] = resource
    if full_url is not None:
        entry["fullUrl"] = full_url
    return entry


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "name": [{"family": "Adeyemi"}], **more}


def task(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Task", "status": "requested", "intent": "order", **more}


def json_patch(*operations: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(operations).encode()
    return {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": base64.b64encode(text).decode(),
    }


def replaced(path: str, **value: Any) -> dict[str, Any]:
    parts = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": path},
        {"name": "value", **value},
    ]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}


class Hub:
    """A client that posts bundles and looks at what they left."""

    def __init__(self, client: FlaskClient, headers: dict[str, str]) -> None:
        self.client = client
        self.headers = headers

    def post(self, kind: str, *entries: dict[str, Any], **headers: str) -> tuple[int, Any]:
        body = bundle(kind, *entries)
        response = self.client.post("/fhir", data=body, headers={**self.headers, **headers})
        return response.status_code, response.get_json()

    def put(self, resource: dict[str, Any]) -> None:
        url = f"/fhir/{resource['resourceType']}/{resource['id']}"
        response = self.client.put(url, data=json.dumps(resource), headers=self.headers)
        assert response.status_code == 201, response.text

    def get(self, url: str) -> Any:
        return self.client.get(f"/fhir/{url}", headers=self.headers).get_json()

    def written(self) -> list[tuple[str, str]]:
        """Return every version of every record."""
        return [
            (entry["fullUrl"].rpartition("/fhir/")[2], entry["response"]["etag"])
            for entry in self.get("_history?_count=500").get("entry", [])
        ]


@pytest.fixture
def hub(client: FlaskClient, headers: dict[str, str]) -> Hub:
    return Hub(client, headers)


def statuses(answer: Any) -> list[str]:
    return [entry["response"]["status"][:3] for entry in answer["entry"]]


def test_patches_stand_in_a_transaction_as_binary_and_as_parameters(hub: Hub) -> None:
    hub.put(patient(id="p", identifier=[{"system": "s", "value": "1"}]))
    hub.put(task(id="t"))
    status, answer = hub.post(
        "transaction",
        ask("GET", "Patient/p"),
        ask("PATCH", "Patient/p", json_patch({"op": "add", "path": "/active", "value": True})),
        ask("PATCH", "Task/t", replaced("Task.status", valueCode="accepted"), ifMatch='W/"1"'),
    )
    assert status == 200, answer
    assert statuses(answer) == ["200", "200", "200"]
    assert answer["entry"][0]["resource"]["active"] is True
    assert answer["entry"][1]["response"]["etag"] == 'W/"2"'
    assert answer["entry"][1]["response"]["location"].endswith("/fhir/Patient/p/_history/2")
    assert hub.get("Task/t")["status"] == "accepted"
    off = json_patch({"op": "replace", "path": "/active", "value": False})
    status, answer = hub.post("transaction", ask("PATCH", "Patient?identifier=s|1", off))
    assert (status, hub.get("Patient/p")["active"]) == (200, False)
    status, answer = hub.post("batch", ask("PATCH", "Patient?identifier=s|1", off))
    assert statuses(answer) == ["200"]
    status, answer = hub.post("transaction", ask("PATCH", "Patient?identifier=s|2", off))
    assert (status, answer["issue"][0]["expression"]) == (404, ["Bundle.entry[0]"])


def test_a_patch_may_refer_to_what_its_transaction_creates(hub: Hub) -> None:
    hub.put(task(id="t"))
    hub.put(task(id="u"))
    hub.put(task(id="v"))
    at = {"ifMatch": 'W/"1"'}
    status, answer = hub.post(
        "transaction",
        ask(
            "PATCH",
            "Task/t",
            json_patch({"op": "add", "path": "/for", "value": {"reference": PERSON}}),
            **at,
        ),
        ask(
            "PATCH",
            "Task/u",
            json_patch(
                {"op": "add", "path": "/for", "value": {"display": "x"}},
                {"op": "add", "path": "/for/reference", "value": PERSON},
            ),
            **at,
        ),
        ask(
            "PATCH",
            "Task/v",
            {
                "resourceType": "Parameters",
                "parameter": [
                    {
                        "name": "operation",
                        "part": [
                            {"name": "type", "valueCode": "add"},
                            {"name": "path", "valueString": "Task"},
                            {"name": "name", "valueString": "for"},
                            {"name": "value", "valueReference": {"reference": PERSON}},
                        ],
                    }
                ],
            },
            **at,
        ),
        ask("POST", "Patient", patient(), PERSON),
    )
    assert status == 200, answer
    person = answer["entry"][3]["fullUrl"].rpartition("/fhir/")[2]
    assert [hub.get(f"Task/{i}")["for"]["reference"] for i in "tuv"] == [person] * 3


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        (patient(), "Binary"),
        ({"resourceType": "Binary", "contentType": "text/plain", "data": "W10="}, "Binary"),
        (
            {
                "resourceType": "Binary",
                "contentType": "application/json-patch+json",
                "data": "////",
            },
            "base64",
        ),
        (json_patch({"op": "steal", "path": "/a"}), "op must be one of"),
    ],
)
def test_what_is_no_patch_is_named(hub: Hub, resource: dict[str, Any], said: str) -> None:
    hub.put(patient(id="p"))
    for kind in ("transaction", "batch"):
        _, answer = hub.post(kind, ask("PATCH", "Patient/p", resource))
        if kind == "batch":
            answer = answer["entry"][0]["response"]["outcome"]
        (issue,) = answer["issue"]
        assert issue["expression"] == ["Bundle.entry[0]"]
        assert said in issue["details"]["text"]


def test_entries_refer_to_one_another_in_circles_with_versions_and_fragments(hub: Hub) -> None:
    hub.put(patient(id="old"))
    document = "urn:uuid:0b2c4c5e-2f2f-4d6a-9a0e-0d5c0f7f0001"
    status, answer = hub.post(
        "transaction",
        ask(
            "POST",
            "Task",
            task(
                focus={"reference": document},
                partOf=[{"reference": TASK}],
                basedOn=[
                    {"reference": "https://elsewhere.example.org/fhir/Patient/old/_history/7"}
                ],
                extension=[
                    {
                        "url": "https://example.org/x",
                        "extension": [{"url": "y", "valueReference": {"reference": document}}],
                    }
                ],
                input=[{"type": {"text": "link"}, "valueUri": f"{document}#page"}],
                identifier=[{"system": "urn:ietf:rfc:3986", "value": document}],
                text={
                    "status": "generated",
                    "div": f'<div xmlns="{XHTML}"><a href="{document}">d</a></div>',
                },
            ),
            TASK,
        ),
        ask(
            "POST",
            "DocumentReference",
            {
                "resourceType": "DocumentReference",
                "status": "current",
                "content": [{"attachment": {"url": f"{TASK}/_history/3"}}],
                "context": {"related": [{"reference": f"{TASK}/_history/3"}]},
            },
            document,
        ),
        ask(
            "PUT",
            "Patient/old",
            patient(id="old", active=True),
            "https://elsewhere.example.org/fhir/Patient/old",
        ),
    )
    assert status == 200, answer
    made = [entry["fullUrl"].rpartition("/fhir/")[2] for entry in answer["entry"]]
    first, second = hub.get(made[0]), hub.get(made[1])
    assert first["focus"] == {"reference": made[1]}
    assert first["partOf"] == [{"reference": made[0]}]
    assert first["basedOn"] == [{"reference": "Patient/old/_history/2"}]
    inner = first["extension"][0]["extension"][0]
    assert inner["valueReference"] == {"reference": made[1]}
    assert first["input"][0]["valueUri"] == f"{made[1]}#page"
    assert first["identifier"][0]["value"] == document
    assert document in first["text"]["div"]
    assert second["context"]["related"] == [{"reference": f"{made[0]}/_history/1"}]
    assert second["content"][0]["attachment"]["url"] == f"{made[0]}/_history/1"


def test_conditional_references_are_resolved_wherever_they_stand(hub: Hub) -> None:
    hub.put(patient(id="p", identifier=[{"system": "s", "value": "1"}]))
    hub.put(task(id="t"))
    condition = {"reference": "Patient?identifier=s|1"}
    extension = {"url": "https://example.org/x", "valueReference": condition}
    status, answer = hub.post(
        "transaction",
        ask("POST", "Task", task(extension=[extension], **{"for": condition})),
        ask(
            "PATCH",
            "Task/t",
            json_patch({"op": "add", "path": "/for", "value": condition}),
            ifMatch='W/"1"',
        ),
    )
    assert status == 200, answer
    made = hub.get(answer["entry"][0]["fullUrl"].rpartition("/fhir/")[2])
    resolved = {"reference": "Patient/p"}
    assert (made["for"], made["extension"][0]["valueReference"]) == (resolved, resolved)
    assert hub.get("Task/t")["for"] == resolved
    hub.put(patient(id="q", identifier=[{"system": "s", "value": "1"}]))
    status, answer = hub.post("transaction", ask("POST", "Task", task(**{"for": condition})))
    assert (status, answer["issue"][0]["code"]) == (412, "multiple-matches")


def test_conditional_entries_write_what_matches_and_create_what_does_not(hub: Hub) -> None:
    one, two = ([{"system": "s", "value": value}] for value in "12")
    hub.put(patient(id="p", identifier=one))
    status, answer = hub.post(
        "transaction",
        ask("PUT", "Patient?identifier=s|1", patient(identifier=one, active=True)),
        ask("PUT", "Patient?identifier=s|2", patient(identifier=two), PERSON),
        ask("POST", "Task", task(**{"for": {"reference": PERSON}})),
        ask("DELETE", "Task?identifier=none"),
    )
    assert status == 200, answer
    assert statuses(answer) == ["200", "201", "201", "204"]
    assert hub.get("Patient/p")["active"] is True
    made = answer["entry"][1]["fullUrl"].rpartition("/fhir/")[2]
    assert hub.get("Task?subject=" + made)["total"] == 1
    status, answer = hub.post("transaction", ask("DELETE", "Patient?identifier=s|2"))
    assert (status, statuses(answer)) == (200, ["204"])
    assert hub.get(made)["issue"][0]["code"] == "deleted"


@pytest.mark.parametrize(
    "entries",
    [
        [ask("DELETE", "Patient?identifier=s|1"), ask("PUT", "Patient/p", patient(id="p"))],
        [
            ask("PATCH", "Patient/p", json_patch()),
            ask("PUT", "Patient?identifier=s|1", patient()),
        ],
        [ask("PUT", "Patient?identifier=s|2", patient())] * 2,
        [ask("POST", "Patient", patient(), ifNoneExist="identifier=s|2")] * 2,
    ],
)
def test_two_entries_that_write_one_record_are_refused(
    hub: Hub, entries: list[dict[str, Any]]
) -> None:
    hub.put(patient(id="p", identifier=[{"system": "s", "value": "1"}]))
    status, answer = hub.post("transaction", *entries)
    assert status == 400
    assert answer["issue"][0]["expression"] == ["Bundle.entry[1]"]
    assert hub.written() == [("Patient/p", 'W/"1"')]


def test_two_entries_of_one_full_url_are_refused(hub: Hub) -> None:
    entry = ask("POST", "Patient", patient(), PERSON)
    status, answer = hub.post("transaction", entry, entry)
    assert status == 400
    assert "bdl-7" in answer["issue"][0]["details"]["text"]
    assert hub.written() == []


def test_reads_answer_304_where_the_entry_knows_the_version(hub: Hub) -> None:
    hub.put(patient(id="p"))
    _, answer = hub.post(
        "batch",
        ask("GET", "Patient/p", ifNoneMatch='W/"1"'),
        ask("GET", "Patient/p", ifNoneMatch='W/"2"'),
        ask("GET", "Patient/p", ifModifiedSince="2999-01-01T00:00:00Z"),
        ask("GET", "Patient/p", ifModifiedSince="2001-01-01T00:00:00Z"),
        ask("GET", "Patient/p/_history/1"),
        ask("HEAD", "Patient/p"),
    )
    assert statuses(answer) == ["304", "200", "304", "200", "200", "200"]
    shown = ["resource" in entry for entry in answer["entry"]]
    assert shown == [False, True, False, True, True, True]


def test_conditions_of_single_entries(hub: Hub) -> None:
    hub.put(patient(id="p"))
    _, answer = hub.post(
        "batch",
        ask("PUT", "Patient/p", patient(id="p"), ifNoneMatch="*"),
        ask("PUT", "Patient/q", patient(id="q"), ifNoneMatch="*"),
        ask("PUT", "Patient/r", patient(id="r"), ifNoneMatch='W/"1"'),
        ask("PUT", "Patient/p", patient(id="p"), ifMatch='W/"1", W/"2"'),
        ask("DELETE", "Patient/p", ifMatch='W/"2"'),
        ask("DELETE", "Patient?identifier=none", ifMatch='W/"2"'),
        ask("DELETE", "Patient/p", ifMatch='W/"1"'),
    )
    assert statuses(answer) == ["412", "201", "400", "400", "412", "412", "204"]


def test_history_and_operations_answer_in_a_bundle(hub: Hub) -> None:
    hub.put(patient(id="p"))
    for kind in ("batch", "transaction"):
        status, answer = hub.post(
            kind,
            ask("GET", "Patient/p/_history"),
            ask("GET", "Patient/_history?_count=1"),
            ask("GET", "_history"),
            ask("GET", "Patient/p/$meta"),
            ask("GET", "Patient?family=adeyemi"),
        )
        assert status == 200, answer
        kinds = [entry["resource"]["resourceType"] for entry in answer["entry"]]
        assert kinds == ["Bundle", "Bundle", "Bundle", "Parameters", "Bundle"]
        assert answer["entry"][0]["resource"]["type"] == "history"
    tag = {"system": "https://example.org/t", "code": "a"}
    meta = {"resourceType": "Parameters"}
    meta["parameter"] = [{"name": "meta", "valueMeta": {"tag": [tag]}}]  # type: ignore[assignment]
    _, answer = hub.post(
        "batch",
        ask("POST", "Patient/p/$meta-add", meta),
        ask("GET", "Patient/p/$nonsense"),
        ask("DELETE", "Patient/p/$meta-add"),
        ask("GET", "Patient/_history?nonsense=1"),
        ask("PUT", "Patient/p/_history/1", patient(id="p")),
        ask("GET", "Patient/none/_history"),
    )
    assert statuses(answer) == ["200", "404", "400", "400", "400", "404"]
    assert hub.get("Patient/p")["meta"]["tag"] == [tag]
    status, answer = hub.post("transaction", ask("POST", "Patient/p/$meta-add", meta))
    assert (status, answer["issue"][0]["code"]) == (400, "not-supported")


def test_a_history_in_a_transaction_shows_what_it_wrote(hub: Hub) -> None:
    status, answer = hub.post(
        "transaction",
        ask("GET", "Patient/_history"),
        ask("POST", "Patient", patient()),
    )
    assert status == 200
    assert len(answer["entry"][0]["resource"]["entry"]) == 1


def test_a_transaction_in_a_bundle_is_refused(hub: Hub) -> None:
    inner = {"resourceType": "Bundle", "type": "transaction"}
    for url in ("/", "Bundle"):
        status, answer = hub.post("transaction", ask("POST", url, inner))
        assert status in {400, 404}, answer
        _, answer = hub.post("batch", ask("POST", url, inner))
        assert statuses(answer)[0] in {"400", "404"}


FAULTS = {
    "POST": ask("POST", "Patient", patient(gender="robot")),
    "PUT": ask("PUT", "Patient/b", patient(id="b", gender="robot")),
    "PUT stale": ask("PUT", "Patient/b", patient(id="b"), ifMatch='W/"7"'),
    "PUT matching": ask("PUT", "Patient?family=adeyemi", patient()),
    "PATCH": ask("PATCH", "Patient/b", json_patch({"op": "remove", "path": "/photo"})),
    "PATCH stale": ask("PATCH", "Patient/b", json_patch(), ifMatch='W/"7"'),
    "DELETE": ask("DELETE", "Patient/none"),
    "DELETE stale": ask("DELETE", "Patient/b", ifMatch='W/"7"'),
    "GET": ask("GET", "Patient/none"),
    "search": ask("GET", "Patient?nonsense=1"),
    "history": ask("GET", "Patient/none/_history"),
    "operation": ask("GET", "Patient/none/$meta"),
    "reference": ask("POST", "Task", task(**{"for": {"reference": PERSON}})),
    "condition": ask("POST", "Task", task(**{"for": {"reference": "Patient?family=none"}})),
    "type": ask("POST", "Patient", task()),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", [0, 2, 4])
def test_whatever_fails_is_named_and_nothing_is_kept(hub: Hub, fault: str, place: int) -> None:
    for name in ("a", "b", "c"):
        hub.put(patient(id=name))
    before = hub.written()
    entries = [
        ask("POST", "Patient", patient()),
        ask("PUT", "Patient/a", patient(id="a", active=True)),
        ask("DELETE", "Patient/c"),
        ask("PUT", "Patient/new", patient(id="new")),
    ]
    entries.insert(place, FAULTS[fault])
    status, answer = hub.post("transaction", *entries)
    assert status in {400, 404, 412, 422}, answer
    for issue in answer["issue"]:
        assert issue["expression"][0].startswith(f"Bundle.entry[{place}]"), answer
    assert hub.written() == before


def killed(app: Flask) -> None:
    """End every connection of the database that is in a transaction."""
    url = app.config["CAREHUB"].database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND state = 'idle in transaction'"
        ).fetchall()
    assert ended


def test_a_database_that_dies_in_the_middle_keeps_nothing(
    app: Flask, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.put(patient(id="a"))
    before = hub.written()
    perform = batches.Transaction._perform

    def dying(self: batches.Transaction, entry: Entry) -> batches.Answer:
        if entry.index == 2:
            killed(app)
        return perform(self, entry)

    monkeypatch.setattr(batches.Transaction, "_perform", dying)
    entries = [
        ask("POST", "Patient", patient()),
        ask("PUT", "Patient/a", patient(id="a", active=True)),
        ask("PUT", "Patient/b", patient(id="b")),
    ]
    status, answer = hub.post("transaction", *entries)
    assert (status, answer["issue"][0]["code"]) == (503, "transient"), answer
    monkeypatch.undo()
    db.session.remove()
    assert hub.written() == before
    assert hub.post("transaction", *entries)[0] == 200


def test_a_batch_outlives_an_entry_whose_database_dies(
    app: Flask, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.put(patient(id="a"))
    update = writes.update

    def dying(*args: Any, **more: Any) -> Any:
        with transaction():
            done = update(*args, **more)
            killed(app)
            return done

    monkeypatch.setattr(writes, "update", dying)
    _, answer = hub.post(
        "batch",
        ask("POST", "Patient", patient()),
        ask("PUT", "Patient/a", patient(id="a", active=True)),
        ask("GET", "Patient/a"),
        ask("POST", "Patient", patient()),
    )
    assert statuses(answer) == ["201", "503", "200", "201"]
    assert answer["entry"][2]["response"]["etag"] == 'W/"1"'


def test_a_thousand_entries_of_every_kind_are_one_transaction(hub: Hub) -> None:
    people = [ask("POST", "Patient", patient(), f"urn:uuid:p{n}") for n in range(400)]
    tasks = [
        ask("POST", "Task", task(**{"for": {"reference": f"urn:uuid:p{n}"}})) for n in range(400)
    ]
    named = [ask("PUT", f"Patient/n{n}", patient(id=f"n{n}")) for n in range(200)]
    status, answer = hub.post("transaction", *tasks, *people, *named)
    assert status == 200, answer
    assert statuses(answer) == ["201"] * 1_000
    made = answer["entry"][400 + 7]["fullUrl"].rpartition("/fhir/")[2]
    (found,) = hub.get(f"Task?subject={made}")["entry"]
    assert found["fullUrl"] == answer["entry"][7]["fullUrl"]


def test_too_many_entries_are_too_costly(hub: Hub) -> None:
    entries = [ask("GET", "Patient/p")] * (batches.MAX_ENTRIES + 1)
    for kind in ("transaction", "batch"):
        status, answer = hub.post(kind, *entries)
        assert (status, answer["issue"][0]["code"]) == (422, "too-costly")


@pytest.mark.parametrize("wanted", ["minimal", "representation", "OperationOutcome"])
def test_prefer_holds_for_every_writing_entry(hub: Hub, wanted: str) -> None:
    hub.put(patient(id="p"))
    hub.put(patient(id="q"))
    for kind in ("transaction", "batch"):
        _, answer = hub.post(
            kind,
            ask("POST", "Patient", patient()),
            ask("PUT", "Patient/p", patient(id="p")),
            ask("PATCH", "Patient/q", json_patch({"op": "add", "path": "/active", "value": True})),
            Prefer=f"return={wanted}",
        )
        for entry in answer["entry"]:
            assert ("resource" in entry) is (wanted == "representation")
            assert ("outcome" in entry["response"]) is (wanted == "OperationOutcome")
            assert {"location", "etag", "lastModified"} <= set(entry["response"])
