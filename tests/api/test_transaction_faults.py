"""Whatever fails, and whoever dies: the entry is named and nothing is kept."""

from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from fhir.bundle import Entry
from hub.api import batches, entries, writes
from hub.db import db
from hub.transaction import transaction
from tests.api.exchange import FHIR_JSON, PERSON, Hub, ask, json_patch, patient, statuses, task


@pytest.fixture
def hub(client: FlaskClient, token: str) -> Hub:
    return Hub(client, {"Authorization": f"Bearer {token}", "Content-Type": FHIR_JSON})


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
    sent = [
        ask("POST", "Patient", patient()),
        ask("PUT", "Patient/a", patient(id="a", active=True)),
        ask("DELETE", "Patient/c"),
        ask("PUT", "Patient/new", patient(id="new")),
    ]
    sent.insert(place, FAULTS[fault])
    status, answer = hub.post("transaction", *sent)
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

    def dying(self: batches.Transaction, entry: Entry) -> entries.Answer:
        if entry.index == 2:
            killed(app)
        return perform(self, entry)

    monkeypatch.setattr(batches.Transaction, "_perform", dying)
    sent = [
        ask("POST", "Patient", patient()),
        ask("PUT", "Patient/a", patient(id="a", active=True)),
        ask("PUT", "Patient/b", patient(id="b")),
    ]
    status, answer = hub.post("transaction", *sent)
    assert (status, answer["issue"][0]["code"]) == (503, "transient"), answer
    monkeypatch.undo()
    db.session.remove()
    assert hub.written() == before
    assert hub.post("transaction", *sent)[0] == 200


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
    sent = [ask("GET", "Patient/p")] * (batches.MAX_ENTRIES + 1)
    for kind in ("transaction", "batch"):
        status, answer = hub.post(kind, *sent)
        assert (status, answer["issue"][0]["code"]) == (422, "too-costly")
