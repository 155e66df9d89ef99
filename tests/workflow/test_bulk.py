"""Bulk jobs by a real worker: from asking to the files, killed in the middle, beside writers."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from hub import records
from hub.adapters import bulk_files
from hub.db import db, driver
from hub.domain.actor import Actor
from hub.models.bulk import BulkFile, BulkJob
from hub.records import horizon
from hub.records.bulk import insert_many, new_version
from hub.settings import Settings
from hub.transaction import transaction
from tests.api.bulk_desk import BulkDesk
from tests.workflow.conftest import Processes, eventually

pytestmark = pytest.mark.slow
PART = 25
"""Small files, so that a job has many of them to be killed between."""


# Real time: the writers of these tests compare instants of their own with those of the worker.
@pytest.fixture(scope="module")
def _workers(
    hub_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Processes]:
    made = Processes(
        hub_settings,
        tmp_path_factory.mktemp("bulk-processes"),
        CAREHUB_SIMULATED="",
        CAREHUB_BULK_PART=str(PART),
    )
    yield made
    made.stop()


@pytest.fixture
def workers(app: Flask, _workers: Processes) -> Processes:
    return _workers


@pytest.fixture
def desk(client: FlaskClient, token: str) -> BulkDesk:
    return BulkDesk(client, token)


@pytest.fixture
def many(app: Flask, system_actor: Actor) -> Callable[[int], None]:
    def make(number: int) -> None:
        with transaction():
            insert_many(
                system_actor,
                [
                    new_version(
                        system_actor,
                        {"resourceType": "Patient", "gender": "female", "birthDate": "1941-05-04"},
                        id=f"p{place:05d}",
                    )
                    for place in range(number)
                ],
            )

    return make


def manifest_of(desk: BulkDesk, address: str, workers: Processes) -> dict[str, Any]:
    def done() -> dict[str, Any] | None:
        answer = desk.get(address)
        time.sleep(0.3)
        assert answer.status_code in {200, 202}, answer.text
        return dict(answer.get_json()) if answer.status_code == 200 else None

    found: dict[str, Any] = eventually(done, processes=workers)
    return found


def written(job_id: str) -> dict[str, str | None]:
    """Return the files that are whole, with their digests."""
    rows = db.session.execute(
        select(BulkFile.name, BulkFile.digest).where(
            BulkFile.job_id == job_id, BulkFile.digest.is_not(None)
        )
    ).all()
    return {row.name: row.digest for row in rows}


def test_a_worker_takes_an_export_from_asking_to_its_files(
    app: Flask, desk: BulkDesk, many: Callable[[int], None], workers: Processes
) -> None:
    many(60)
    workers.start("worker", "relay", "beat")
    address = desk.address(desk.ask("/$export?_type=Patient"))

    manifest = manifest_of(desk, address, workers)

    assert [each["count"] for each in manifest["output"]] == [25, 25, 10]
    assert len(set(desk.lines(manifest))) == 60


@pytest.mark.fault
def test_a_killed_export_goes_on_and_keeps_the_files_it_has(
    app: Flask, desk: BulkDesk, many: Callable[[int], None], workers: Processes
) -> None:
    many(4_000)
    workers.start("worker", "relay", "beat")
    address = desk.address(desk.ask("/$export?_type=Patient"))
    job_id = address.rpartition("/")[2]
    eventually(lambda: len(written(job_id)) > 5, processes=workers)
    workers.kill("worker")
    db.session.rollback()
    before = written(job_id)
    texts = {name: (bulk_files.folder(job_id) / name).read_bytes() for name in before}
    assert 5 < len(before) < 160, "the worker was to be killed in the middle"
    # What is written now is no part of an export of that moment.
    for place in range(0, 4_000, 50):
        desk.put({"resourceType": "Patient", "id": f"p{place:05d}", "gender": "other"})
    desk.remove("Patient/p03999")

    workers.start("worker")
    manifest = manifest_of(desk, address, workers)

    after = written(job_id)
    assert {name: after[name] for name in before} == before
    assert {name: (bulk_files.folder(job_id) / name).read_bytes() for name in before} == texts
    found = [json.loads(line) for line in desk.lines(manifest)]
    assert sorted(each["id"] for each in found) == [f"p{place:05d}" for place in range(4_000)]
    assert {(each["meta"]["versionId"], each["gender"]) for each in found} == {("1", "female")}


def test_an_export_beside_writers_is_of_its_moment_exactly(
    app: Flask, desk: BulkDesk, many: Callable[[int], None], workers: Processes, system_actor: Actor
) -> None:
    many(300)
    workers.start("worker", "relay", "beat")
    stop = threading.Event()
    counts = [0, 0, 0]
    threads = [
        threading.Thread(target=_write, args=(app, system_actor, stop, counts, number))
        for number in range(3)
    ]
    for thread in threads:
        thread.start()
    try:
        # The first moment is in the middle of the writing, the second is taken from it.
        first = manifest_of(desk, desk.address(desk.ask("/$export?_type=Patient")), workers)
        since = first["transactionTime"]
        again = desk.address(desk.ask(f"/$export?_type=Patient&_since={since}"))
        second = manifest_of(desk, again, workers)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert min(counts) > 5, "the writers were to be at work"

    moment, later = (datetime.fromisoformat(each["transactionTime"]) for each in (first, second))
    assert _versions(desk.lines(first)) == _stood_at(moment)
    stood = _stood_at(later)
    changed = {name: version for name, version in stood.items() if _at(name, version) > moment}
    assert _versions(desk.lines(second)) == changed
    assert _deleted(desk.lines(second, "deleted")) == _deleted_between(moment, later)


def _write(app: Flask, actor: Actor, stop: threading.Event, counts: list[int], number: int) -> None:
    """Create, change and delete as fast as it goes; some of it in transactions that take long."""
    with app.app_context():
        while not stop.is_set():
            place = counts[number]
            mine = f"w{number}-{place:05d}"
            body = {"resourceType": "Patient", "id": mine, "gender": "male"}
            records.create(actor, body, id=mine)
            old = {"resourceType": "Patient", "id": f"p{(place * 3 + number) % 300:05d}"}
            with transaction():
                records.update(actor, old | {"gender": "other"}, type="Patient", id=old["id"])
                time.sleep(0.05 * (place % 4))
            if place % 3 == 0:
                records.delete(actor, "Patient", mine)
            counts[number] += 1
        db.session.remove()


def _versions(lines: list[str]) -> dict[str, int]:
    found = [json.loads(line) for line in lines]
    assert len({each["id"] for each in found}) == len(found)
    return {each["id"]: int(each["meta"]["versionId"]) for each in found}


_ALL = """
SELECT id, version, last_updated, deleted FROM fhir_patient
UNION ALL SELECT id, version, last_updated, deleted FROM fhir_history WHERE type = 'Patient'
"""


def _newest_at(moment: datetime) -> dict[str, tuple[int, bool, datetime]]:
    with driver() as connection:
        rows = connection.execute(_ALL).fetchall()
    found: dict[str, tuple[int, bool, datetime]] = {}
    for name, version, at, deleted in sorted(rows, key=lambda row: row[1]):
        if at <= moment:
            found[name] = (version, deleted, at)
    return found


def _stood_at(moment: datetime) -> dict[str, int]:
    return {
        name: version for name, (version, deleted, _) in _newest_at(moment).items() if not deleted
    }


def _at(name: str, version: int) -> datetime:
    with driver() as connection:
        rows = connection.execute(f"SELECT * FROM ({_ALL}) v WHERE id = %s", (name,)).fetchall()
    return next(at for _, number, at, _ in rows if number == version)  # type: ignore[no-any-return]


def _deleted(lines: list[str]) -> set[str]:
    return {json.loads(line)["entry"][0]["request"]["url"] for line in lines}


def _deleted_between(moment: datetime, later: datetime) -> set[str]:
    return {
        f"Patient/{name}"
        for name, (_, deleted, at) in _newest_at(later).items()
        if deleted and at > moment
    }


def test_a_writer_that_commits_late_is_in_the_next_export(
    app: Flask, desk: BulkDesk, many: Callable[[int], None], workers: Processes, system_actor: Actor
) -> None:
    many(3)
    time.sleep(horizon.SETTLE.total_seconds())
    workers.start("worker", "relay", "beat")
    begun, go_on = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with app.app_context(), transaction():
            records.create(system_actor, {"resourceType": "Patient", "id": "late"}, id="late")
            begun.set()
            go_on.wait(60)

    thread = threading.Thread(target=write_slowly)
    thread.start()
    begun.wait(10)
    try:
        # Longer than the hub waits for a writer.
        first = manifest_of(desk, desk.address(desk.ask("/$export?_type=Patient")), workers)
    finally:
        go_on.set()
        thread.join()
    assert _versions(desk.lines(first)) == dict.fromkeys(("p00000", "p00001", "p00002"), 1)

    since = first["transactionTime"]
    again = desk.address(desk.ask(f"/$export?_type=Patient&_since={since}"))
    assert _versions(desk.lines(manifest_of(desk, again, workers))) == {"late": 1}


@pytest.mark.fault
def test_a_killed_import_goes_on_and_writes_nothing_twice(
    app: Flask, desk: BulkDesk, workers: Processes
) -> None:
    lines = [f'{{"resourceType":"Patient","active":true,"language":"x{n}"}}' for n in range(3_000)]
    for broken in (7, 1_500, 2_990):
        lines[broken] = '{"resourceType":"Patient","active":"yes"}'
    workers.start("worker", "relay", "beat")
    address = desk.address(desk.send("\n".join(lines).encode()))
    job_id = address.rpartition("/")[2]

    def line() -> int:
        return db.session.scalar(select(BulkJob.line).where(BulkJob.id == job_id)) or 0

    eventually(lambda: line() > 300, processes=workers)
    workers.kill("worker")
    db.session.rollback()
    assert 300 < line() < 3_000, "the worker was to be killed in the middle"

    workers.start("worker")
    manifest = manifest_of(desk, address, workers)

    (said,) = manifest["extension"].values()
    assert (said["lines"], said["refused"], said["created"]) == (3_000, 3, {"Patient": 2_997})
    table = records.table("Patient")
    assert db.session.scalar(select(func.count()).select_from(table)) == 2_997
    told = [json.loads(each)["issue"][0]["diagnostics"] for each in desk.lines(manifest, "error")]
    assert told == ["line 8", "line 1501", "line 2991"]
