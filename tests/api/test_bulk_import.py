"""$import: what is written, what is refused line by line, what is not taken at all."""

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hub import records
from hub.adapters import bulk_files
from hub.api.bulk import DETAILS
from hub.api.bulk_content import supersede
from hub.auth import issue_person_token, issue_token
from hub.auth.accounts import register_client
from hub.domain.actor import hub_actor
from hub.services import bulk_jobs, imports
from hub.transaction import transaction
from tests.api.bulk_desk import BulkDesk, work
from tests.factories.account import account

HUB = hub_actor("test")


def system(client: FlaskClient, name: str, *scopes: str, own_ids: bool = True) -> BulkDesk:
    with transaction():
        register_client(name, name=name, scopes=list(scopes), own_ids=own_ids)
    return BulkDesk(client, issue_token(name, " ".join(scopes), 3600))


def ndjson(*resources: dict[str, Any] | str) -> bytes:
    texts = [each if isinstance(each, str) else json.dumps(each) for each in resources]
    return "\n".join(texts).encode()


ADA = {"resourceType": "Patient", "id": "ada", "gender": "female"}


def test_lines_are_written_as_they_came_and_counted(desk: BulkDesk) -> None:
    weight = (
        '{"resourceType":"Observation","id":"w","status":"final","code":{"text":"weight"},'
        '"subject":{"reference":"Patient/ada"},"valueQuantity":{"value":61.50}}'
    )
    manifest = desk.manifest(desk.send(ndjson(ADA, "", weight)))

    assert (manifest["output"], manifest["error"]) == ([], [])
    assert manifest["extension"][DETAILS] == {
        "lines": 3,
        "refused": 0,
        "created": {"Observation": 1, "Patient": 1},
        "updated": {},
        "unchanged": {},
    }
    assert '"value":61.50' in records.read(HUB, "Observation", "w").text


def test_a_second_time_only_what_differs_is_changed(desk: BulkDesk) -> None:
    desk.manifest(desk.send(ndjson(ADA)))
    bea = {"resourceType": "Patient", "id": "bea"}
    manifest = desk.manifest(desk.send(ndjson(ADA, bea, bea | {"gender": "other"})))

    counts = manifest["extension"][DETAILS]
    assert (counts["unchanged"], counts["created"], counts["updated"]) == (
        {"Patient": 1},
        {"Patient": 1},
        {"Patient": 1},
    )
    assert records.read(HUB, "Patient", "bea").version == 2


def test_refused_lines_are_told_by_number_and_stop_nothing(desk: BulkDesk) -> None:
    lines: list[dict[str, Any] | str] = [
        ADA,
        '{"resourceType":"Patient","gender":"unsure","active":"yes"}',
        "not json",
        {"resourceType": "Claim", "id": "c"},
        {"resourceType": "Patient", "id": "not an id"},
        {"resourceType": "Patient", "meta": {"tag": [{"system": "carehub", "code": "managed"}]}},
        {"resourceType": "Patient", "id": "last"},
    ]
    manifest = desk.manifest(desk.send(ndjson(*lines)))

    assert manifest["extension"][DETAILS]["refused"] == 5
    assert manifest["extension"][DETAILS]["created"] == {"Patient": 2}
    (error,) = manifest["error"]
    assert (error["type"], error["count"]) == ("OperationOutcome", 5)
    told = [json.loads(each)["issue"] for each in desk.lines(manifest, "error")]
    assert [issues[0]["diagnostics"] for issues in told] == [f"line {n}" for n in range(2, 7)]
    # Each fault of a line, where it is; nothing of what the line says.
    assert [each["expression"] for each in told[0]] == [["Patient.gender"], ["Patient.active"]]
    assert "unsure" not in json.dumps(told)


def test_each_type_needs_create_and_update(client: FlaskClient) -> None:
    few = system(client, "few", "system/Patient.cu", "system/Organization.c")
    organization = {"resourceType": "Organization", "id": "o", "name": "O"}
    manifest = few.manifest(few.send(ndjson(ADA, organization)))

    assert manifest["extension"][DETAILS]["created"] == {"Patient": 1}
    (told,) = few.lines(manifest, "error")
    assert "system/Organization.cu" in told
    # It may not read, and is told no more than that nothing had to be done.
    again = few.manifest(few.send(ndjson(ADA)))
    assert again["extension"][DETAILS]["unchanged"] == {"Patient": 1}
    reader = system(client, "reader", "system/*.rs")
    assert reader.send(ndjson(ADA)).status_code == 403


def test_a_person_does_not_import(client: FlaskClient, app: Flask) -> None:
    with transaction():
        account("asha")
    assert BulkDesk(client, issue_person_token("asha", 60)).send(ndjson(ADA)).status_code == 403


def test_who_may_not_choose_ids_gets_new_ones(client: FlaskClient, desk: BulkDesk) -> None:
    desk.manifest(desk.send(ndjson(ADA)))
    guest = system(client, "guest", "system/*.cruds", own_ids=False)
    manifest = guest.manifest(guest.send(ndjson(ADA | {"gender": "other"})))

    assert manifest["extension"][DETAILS]["created"] == {"Patient": 1}
    assert records.read(HUB, "Patient", "ada")["gender"] == "female"


def test_two_of_a_kind_without_ids_are_two_records(desk: BulkDesk) -> None:
    manifest = desk.manifest(desk.send(ndjson(*[{"resourceType": "Patient"}] * 3)))
    assert manifest["extension"][DETAILS]["created"] == {"Patient": 3}


def test_the_rules_of_an_update_hold_for_a_line(desk: BulkDesk) -> None:
    flag = {
        "resourceType": "Flag",
        "id": "f",
        "status": "active",
        "code": {"text": "x"},
        "subject": {"reference": "Patient/ada"},
    }
    event = {
        "resourceType": "AuditEvent",
        "id": "e",
        "type": {"code": "rest"},
        "recorded": "2026-05-01T09:00:00Z",
        "agent": [{"requestor": True}],
        "source": {"observer": {"display": "x"}},
    }
    desk.manifest(desk.send(ndjson(flag, event)))
    changed = flag | {"status": "inactive"}
    lines: list[dict[str, Any] | str] = [
        changed,
        changed | {"meta": {"versionId": "7"}},
        event | {"outcome": "0"},
        changed | {"meta": {"versionId": "1"}},
    ]

    manifest = desk.manifest(desk.send(ndjson(*lines)))

    told = [json.loads(each)["issue"][0] for each in desk.lines(manifest, "error")]
    assert [each["diagnostics"] for each in told] == ["line 1", "line 2", "line 3"]
    assert "If-Match" in told[0]["details"]["text"]
    assert manifest["extension"][DETAILS]["updated"] == {"Flag": 1}


def test_gzip_is_inflated_and_bounded(
    desk: BulkDesk, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = gzip.compress(ndjson(ADA))
    manifest = desk.manifest(desk.send(small, **{"Content-Encoding": "gzip"}))
    assert manifest["extension"][DETAILS]["created"] == {"Patient": 1}

    kept = set(bulk_files.root().iterdir())
    monkeypatch.setitem(app.config, "CAREHUB", replace(app.config["CAREHUB"], import_mb=1))
    bomb = gzip.compress(b" " * 50_000_000)
    assert len(bomb) < 100_000
    assert desk.send(bomb, **{"Content-Encoding": "gzip"}).status_code == 413
    assert desk.send(b" " * 1_048_577).status_code == 413
    assert desk.send(small[:-9], **{"Content-Encoding": "gzip"}).status_code == 400
    assert desk.send(small, **{"Content-Encoding": "br"}).status_code == 415
    assert desk.send(b"").status_code == 400
    # Nothing of what was refused lies about.
    assert set(bulk_files.root().iterdir()) == kept


def test_nothing_is_fetched_from_an_address(desk: BulkDesk, client: FlaskClient) -> None:
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "input", "part": [{"name": "url", "valueUrl": "file:///etc/passwd"}]}
        ],
    }
    headers = desk.headers | {"Prefer": "respond-async"}
    refused = client.post("/fhir/$import", json=body, headers=headers)
    assert refused.status_code == 415
    assert "fetches nothing" in refused.text
    assert desk.send(ndjson(ADA), Prefer="return=minimal").status_code == 400


def test_cancelling_keeps_what_is_written_and_says_how_much(
    desk: BulkDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 2)
    people = [{"resourceType": "Patient", "id": f"p{n}"} for n in range(5)]
    address = desk.address(desk.send(ndjson(*people)))
    with transaction():
        turn = bulk_jobs.take_turn()
    assert turn is not None
    # A turn that is over after its first batch.
    assert imports.work(turn, supersede, until=0)
    assert (
        desk.get(address).headers["X-Progress"].endswith("2 lines are settled, 0 of them refused")
    )

    told = desk.delete(address)

    assert told.status_code == 202
    assert "2 resources of 2 lines were written and stay" in told.text
    assert desk.get(address).status_code == 404
    with pytest.raises(bulk_jobs.LostError):
        imports.work(turn, supersede, until=0)
    work()
    assert [_is_here(f"p{n}") for n in range(5)] == [True, True, False, False, False]


def test_refusals_of_a_batch_that_was_not_committed_are_told_once(
    desk: BulkDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 2)
    broken = '{"resourceType":"Patient","active":"yes"}'
    address = desk.address(desk.send(ndjson(broken, ADA, broken)))
    with transaction():
        turn = bulk_jobs.take_turn()
    assert turn is not None
    assert imports.work(turn, supersede, until=0)
    # A worker dies between the file of refusals and the commit.
    with (bulk_files.folder(turn.job_id) / bulk_files.REFUSALS).open("a") as file:
        file.write('{"told":"twice"}\n{"to')
    with transaction():
        bulk_jobs.end_turn(turn)
    work()

    told = [json.loads(each) for each in desk.lines(desk.get(address).get_json(), "error")]
    assert [each["issue"][0]["diagnostics"] for each in told] == ["line 1", "line 3"]


def _is_here(name: str) -> bool:
    return bool(records.read_many(HUB, [f"Patient/{name}"]))


def test_a_value_that_cannot_be_stored_costs_its_own_line_only(desk: BulkDesk) -> None:
    # Legal, and smaller than any numeric of PostgreSQL.
    huge = (
        '{"resourceType":"Observation","id":"h","status":"final","code":{"text":"x"},'
        '"valueQuantity":{"value":1e-17000}}'
    )
    manifest = desk.manifest(desk.send(ndjson(ADA, huge, {"resourceType": "Patient", "id": "b"})))

    assert manifest["extension"][DETAILS]["created"] == {"Patient": 2}
    (told,) = desk.lines(manifest, "error")
    assert json.loads(told)["issue"][0]["details"] == {
        "text": "line 2: a value is outside of what can be stored"
    }
