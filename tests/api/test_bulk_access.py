"""Who may export what, who may see a job, how long it stays, how often it may be asked after."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from hub import clock
from hub.adapters import bulk_files
from hub.api import bulk
from hub.api.bulk_content import given_away
from hub.auth import issue_person_token, issue_token
from hub.auth.accounts import register_client
from hub.auth.tokens import forget_tokens
from hub.db import db
from hub.models.client import Client
from hub.records.tables import AUDIT
from hub.services import bulk_jobs, exports
from hub.settings import Settings
from hub.transaction import transaction
from tests.api.bulk_desk import BulkDesk, work
from tests.factories.account import account
from tests.factories.patient import patient

pytestmark = pytest.mark.usefixtures("soon")

NOON = datetime(2026, 12, 27, 12, 0, tzinfo=UTC)


def system(client: FlaskClient, name: str, *scopes: str) -> BulkDesk:
    with transaction():
        register_client(name, name=name, scopes=list(scopes))
    return BulkDesk(client, issue_token(name, " ".join(scopes), 3600))


def test_a_system_gets_the_types_that_its_scopes_cover_and_no_other(
    client: FlaskClient, desk: BulkDesk
) -> None:
    desk.put({"resourceType": "Patient", "id": "ada"})
    desk.put({"resourceType": "Organization", "id": "org", "name": "Org"})
    few = system(client, "few", "system/Patient.rs", "system/Organization.r")

    assert few.exported(few.ask("/$export")) == {"Patient/ada"}
    for types in ("Organization", "Patient,Organization"):
        refused = few.ask(f"/$export?_type={types}")
        assert refused.status_code == 403
        assert "system/Organization.rs" in refused.text
    none = system(client, "none", "system/Task.cu")
    assert none.ask("/$export").status_code == 403


def test_a_person_exports_whom_they_may_see_and_not_the_system(
    client: FlaskClient, app: Flask
) -> None:
    with transaction():
        account("gp", organization="Organization/practice", teams=[])
        mine = patient(practice="Organization/practice")
        patient(practice="Organization/elsewhere")
    desk = BulkDesk(client, issue_person_token("gp", 60))

    assert desk.ask("/$export").status_code == 403
    assert desk.exported(desk.ask("/Patient/$export")) == {mine.reference}


def test_nobody_else_sees_a_job_or_its_files(client: FlaskClient, desk: BulkDesk) -> None:
    desk.put({"resourceType": "Patient", "id": "ada"})
    address = desk.address(desk.ask("/$export?_type=Patient"))
    work()
    file = desk.get(address).get_json()["output"][0]["url"]
    other = system(client, "other", "system/*.cruds")

    for each in (address, file):
        assert other.get(each).status_code == 404
        assert BulkDesk(client, "nobody's").get(each).status_code == 401
    assert other.delete(address).status_code == 404
    assert desk.get(file).status_code == 200


def test_a_lesser_token_of_the_same_client_does_not_open_the_files(
    client: FlaskClient, desk: BulkDesk
) -> None:
    desk.put({"resourceType": "Patient", "id": "ada"})
    manifest = desk.manifest(desk.ask("/$export?_type=Patient"))
    lesser = BulkDesk(client, issue_token("test-system", "system/Task.rs", 60))

    assert lesser.get(manifest["output"][0]["url"]).status_code == 403


def test_a_client_that_is_switched_off_gets_no_files(client: FlaskClient, app: Flask) -> None:
    desk = system(client, "off", "system/*.cruds")
    address = desk.address(desk.ask("/$export?_type=Patient"))
    with transaction():
        db.session.get_one(Client, "off").active = False
    work()
    with transaction():
        db.session.get_one(Client, "off").active = True
    forget_tokens()

    failed = desk.get(address)
    assert failed.status_code == 500
    assert "not active" in failed.get_json()["issue"][0]["details"]["text"]


def test_what_is_withheld_from_a_read_is_withheld_from_an_export(desk: BulkDesk) -> None:
    desk.put(
        {
            "resourceType": "Subscription",
            "id": "s",
            "status": "requested",
            "reason": "Register",
            "criteria": "Flag?status=active",
            "channel": {
                "type": "rest-hook",
                "endpoint": "https://192.0.2.1/told",
                "header": ["Authorization: Bearer secret"],
            },
        }
    )
    (line,) = desk.lines(desk.manifest(desk.ask("/$export?_type=Subscription")))
    assert "secret" not in line
    assert json.loads(line)["channel"]["header"] == ["Authorization: (withheld)"]


def test_a_client_has_only_so_many_unfinished_jobs(
    client: FlaskClient, desk: BulkDesk, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "CAREHUB", replace(app.config["CAREHUB"], bulk_jobs=1))
    first = desk.address(desk.ask("/$export?_type=Patient"))
    refused = desk.ask("/$export?_type=Patient")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
    assert desk.send(b'{"resourceType":"Patient"}').status_code == 429
    assert not list(bulk_files.root().glob("*/input.ndjson"))
    other = system(client, "other", "system/*.cruds")
    assert other.ask("/$export?_type=Patient").status_code == 202
    desk.delete(first)
    assert desk.ask("/$export?_type=Patient").status_code == 202


def test_a_client_that_does_not_wait_is_told_to(desk: BulkDesk) -> None:
    address = desk.address(desk.ask("/$export?_type=Patient"))
    with time_machine.travel(NOON, tick=False):
        told = [desk.get(address).status_code for _ in range(bulk.POLLS)]
        refused = desk.get(address)
    assert told == [202] * bulk.POLLS
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")


def test_files_go_when_their_time_is_over(desk: BulkDesk, hub_settings: Settings) -> None:
    clock.set_simulated(hub_settings.home, NOON)
    clock.use_simulated(hub_settings.home)
    desk.put({"resourceType": "Patient", "id": "ada"})
    address = desk.address(desk.ask("/$export?_type=Patient"))
    work()
    job_id = address.rpartition("/")[2]
    folder = bulk_files.folder(job_id)
    assert desk.get(address).headers["Expires"] == "Mon, 28 Dec 2026 12:00:00 GMT"

    clock.set_simulated(hub_settings.home, NOON + timedelta(hours=23, minutes=59))
    assert _swept() == []
    assert (desk.get(address).status_code, folder.exists()) == (200, True)
    clock.set_simulated(hub_settings.home, NOON + timedelta(hours=24))
    assert desk.get(address).status_code == 404
    assert _swept() == [job_id]
    assert not folder.exists()


def _swept() -> list[str]:
    with transaction():
        expired = bulk_jobs.forget_expired()
    with transaction():
        return bulk_jobs.remove_folders(expired)


def test_an_export_is_in_the_audit_with_what_has_left(
    desk: BulkDesk, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[bytes] = []
    monkeypatch.setattr(app.extensions["carehub_spool"], "append", lines.append)
    desk.put({"resourceType": "Patient", "id": "ada"})
    manifest = desk.manifest(desk.ask("/$export?_type=Patient"))
    desk.lines(manifest)

    rows = db.session.execute(
        select(AUDIT.c.action, AUDIT.c.actor, AUDIT.c.detail)
        .where(AUDIT.c.action.like("export-%"))
        .order_by(AUDIT.c.id)
    ).all()

    assert [row.action for row in rows] == ["export-asked", "export-done", "export-downloaded"]
    assert {row.actor for row in rows} == {"client/test-system"}
    (file,) = rows[1].detail["files"]
    (said,) = manifest["output"][0]["extension"].values()
    assert file == {"name": "Patient.0001.ndjson", "count": 1, "sha256": said["sha256"]}
    assert rows[2].detail == file
    # Whose record it was: as after a search.
    looks = [json.loads(line) for each in lines for line in each.splitlines()]
    assert [(look[1], look[3], look[6]) for look in looks if look[2] == "export"] == [
        ("client/test-system", "Patient", {"seen": ["Patient/ada/_history/1"]})
    ]


def test_an_export_that_would_leave_something_out_fails(desk: BulkDesk) -> None:
    desk.put({"resourceType": "Patient", "id": "ada"})
    address = desk.address(desk.ask("/$export?_type=Patient"))
    with transaction():
        turn = bulk_jobs.take_turn()
    assert turn is not None
    exports.make_lists(turn)
    with transaction():
        db.session.execute(text("DELETE FROM fhir_patient"))

    with pytest.raises(RuntimeError, match="1 versions listed, 0 read"):
        exports.write_next(turn, given_away)
    assert desk.get(address).status_code == 202
