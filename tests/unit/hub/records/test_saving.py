"""The one door, on a real database: exactness, versions, races, what is found by what."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from fhir.outcomes import (
    ConflictError,
    FHIRError,
    ForbiddenError,
    GoneError,
    InvalidResourceError,
    NotFoundError,
    UnprocessableError,
    VersionConflictError,
)
from hub import records
from hub.db import db
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.records.bulk import insert_many, new_version
from hub.records.tables import AUDIT, CHANGES, DATES, HISTORY, QUANTITIES, STRINGS, TABLES
from hub.transaction import transaction
from tests.factories.subscriber import subscriber

PATIENT = (
    '{"resourceType":"Patient","meta":{"tag":[{"code":"x"}],"versionId":"77"},"id":"theirs",'
    '"name":[{"family":"Okafor","given":["Ada"]}],"birthDate":"1940-02-29",'
    '"extension":[{"url":"https://example.org/w","valueDecimal":1.50}]}'
)


def _rows(table: Any) -> list[tuple[Any, ...]]:
    rows = [tuple(row) for row in db.session.execute(select(table)).all()]
    db.session.rollback()
    return rows


def test_a_record_keeps_the_clients_text(app: Flask, system_actor: Actor) -> None:
    record = records.create(system_actor, PATIENT)

    stored = records.read(system_actor, "Patient", record.id)

    assert record.id != "theirs"
    assert stored.version == 1
    assert '"valueDecimal":1.50' in stored.text
    assert stored.text.startswith(
        f'{{"resourceType":"Patient","id":"{record.id}","meta":{{"versionId":"1","lastUpdated":'
    )
    assert '"tag":[{"code":"x"}]' in stored.text


def test_an_invalid_resource_leaves_nothing(app: Flask, system_actor: Actor) -> None:
    with pytest.raises(InvalidResourceError) as refused:
        records.create(system_actor, '{"resourceType":"Patient","gender":"m","birthDate":"1/2/40"}')

    assert {issue.expression for issue in refused.value.issues} == {
        "Patient.gender",
        "Patient.birthDate",
    }
    assert [_rows(t) for t in (TABLES["Patient"], AUDIT, CHANGES)] == [[], [], []]


def test_an_update_supersedes_and_moves_the_index(app: Flask, system_actor: Actor) -> None:
    record = records.create(system_actor, PATIENT)
    before = set(_rows(STRINGS))
    changed = record.resource
    changed["name"][0]["family"] = "Obi"

    second = records.update(
        system_actor, changed, type="Patient", id=record.id, if_match=record.version
    )

    after = set(_rows(STRINGS))
    assert second.version == 2
    assert {row[2] for row in before - after} == {"okafor"}
    assert {row[2] for row in after - before} == {"obi"}
    assert records.vread(system_actor, "Patient", record.id, 1).text == record.text
    assert [v.version for v in records.history(system_actor, "Patient", record.id)] == [2, 1]
    assert [(row[2], row[3], row[4], row[5]) for row in _rows(AUDIT)] == [
        ("client/test-system", "create", record.reference, 1),
        ("client/test-system", "update", record.reference, 2),
    ]


def test_a_stale_version_is_refused_and_nothing_changes(app: Flask, system_actor: Actor) -> None:
    record = records.create(system_actor, PATIENT)
    records.update(system_actor, record.resource, type="Patient", id=record.id, if_match=1)

    with pytest.raises(VersionConflictError) as refused:
        records.update(system_actor, record.resource, type="Patient", id=record.id, if_match=1)

    assert (refused.value.current, refused.value.given) == (2, 1)
    assert len(_rows(HISTORY)) == 1


def _race(app: Flask, count: int, work: Callable[[int], None]) -> list[FHIRError | None]:
    outcomes: list[FHIRError | None] = [None] * count
    together = threading.Barrier(count)

    def run(number: int) -> None:
        with app.app_context():
            together.wait()
            try:
                work(number)
            except FHIRError as error:
                outcomes[number] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_of_many_writers_of_one_version_exactly_one_wins(app: Flask, system_actor: Actor) -> None:
    record = records.create(system_actor, PATIENT)

    def write(_: int) -> None:
        records.update(system_actor, record.resource, type="Patient", id=record.id, if_match=1)

    outcomes = _race(app, 12, write)

    assert outcomes.count(None) == 1
    assert sum(isinstance(o, VersionConflictError) for o in outcomes) == 11
    assert records.read(system_actor, "Patient", record.id).version == 2
    assert len(_rows(HISTORY)) == 1


def test_writers_without_a_version_all_leave_theirs(app: Flask, system_actor: Actor) -> None:
    record = records.create(system_actor, PATIENT)

    def write(_: int) -> None:
        records.update(system_actor, record.resource, type="Patient", id=record.id)

    outcomes = _race(app, 6, write)

    assert outcomes.count(None) == 6
    versions = [v.version for v in records.history(system_actor, "Patient", record.id)]
    assert versions == [7, 6, 5, 4, 3, 2, 1]


def test_a_race_of_transactions_on_one_version_has_one_winner(
    app: Flask, system_actor: Actor
) -> None:
    record = records.create(system_actor, PATIENT)

    def write(_: int) -> None:
        with transaction():
            records.update(system_actor, record.resource, type="Patient", id=record.id, if_match=1)

    outcomes = _race(app, 8, write)

    assert outcomes.count(None) == 1
    assert len(_rows(HISTORY)) == 1


def test_a_deleted_record_is_gone_but_its_versions_stay(app: Flask, system_actor: Actor) -> None:
    record = records.create(system_actor, PATIENT)
    records.delete(system_actor, "Patient", record.id)

    with pytest.raises(GoneError):
        records.read(system_actor, "Patient", record.id)
    records.delete(system_actor, "Patient", record.id)

    assert _rows(STRINGS) == []
    assert records.vread(system_actor, "Patient", record.id, 1).text == record.text
    assert [v.deleted for v in records.history(system_actor, "Patient", record.id)] == [
        True,
        False,
    ]


def test_a_deleted_record_can_be_brought_back_by_an_update(app: Flask, system_actor: Actor) -> None:
    record = records.create(system_actor, PATIENT)
    records.delete(system_actor, "Patient", record.id)

    back = records.update(system_actor, record.resource, type="Patient", id=record.id)

    assert back.version == 3
    assert records.read(system_actor, "Patient", record.id).version == 3


def test_update_as_create_keeps_the_clients_id(app: Flask, system_actor: Actor) -> None:
    body = {"resourceType": "Organization", "id": "east", "name": "East"}

    with pytest.raises(NotFoundError):
        records.update(system_actor, body, type="Organization", id="east")
    created = records.update(system_actor, body, type="Organization", id="east", create=True)

    assert (created.id, created.version) == ("east", 1)


def test_nobody_forges_the_tag_of_managed_records(app: Flask, system_actor: Actor) -> None:
    forged = {
        "resourceType": "Flag",
        "meta": {"tag": [{"system": "carehub", "code": "managed"}]},
        "status": "active",
        "code": {"text": "x"},
        "subject": {"reference": "Patient/1"},
    }

    with pytest.raises(UnprocessableError):
        records.create(system_actor, forged)


def test_nobody_removes_the_tag_of_managed_records(app: Flask, system_actor: Actor) -> None:
    team = {"resourceType": "CareTeam", "status": "active", "name": "SPOR"}
    record = records.create(hub_actor("test"), team, managed=True)
    without = {"resourceType": "CareTeam", "id": record.id, "status": "active", "name": "S"}

    changed = records.update(system_actor, without, type="CareTeam", id=record.id)

    assert changed.managed
    assert changed.resource["meta"]["tag"] == [{"system": "carehub", "code": "managed"}]


def test_scopes_bound_what_a_system_writes(app: Flask) -> None:
    reader = Actor(
        kind=ActorKind.SYSTEM,
        id="client/reader",
        display="Reader",
        scopes=frozenset({"system/Patient.rs", "system/Task.c"}),
    )

    with pytest.raises(ForbiddenError):
        records.create(reader, PATIENT)


def test_a_taken_id_is_a_conflict(app: Flask, system_actor: Actor) -> None:
    records.create(system_actor, PATIENT, id="one")

    with pytest.raises(ConflictError):
        records.create(system_actor, PATIENT, id="one")


OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
    "subject": {"reference": "Patient/one"},
    "effectivePeriod": {"start": "2026-01-01"},
    "valueQuantity": {
        "value": 71.5,
        "unit": "kg",
        "system": "http://unitsofmeasure.org",
        "code": "kg",
    },
}
PLAN_DEFINITION = {
    "resourceType": "PlanDefinition",
    "status": "active",
    "url": "https://example.org/plan",
    "date": "2026-02-03",
}


def test_many_at_once_store_what_one_by_one_stores(app: Flask, system_actor: Actor) -> None:
    bodies: list[dict[str, Any]] = [OBSERVATION, PLAN_DEFINITION, records_body()]
    tables = [TABLES[b["resourceType"]] for b in bodies] + [STRINGS, DATES, QUANTITIES]

    with transaction():
        subscriber(resource_type="Observation")
        subscriber(resource_type="Patient")

    def content() -> list[Any]:
        return [[_without_times(t, row) for row in _rows(t)] for t in tables]

    for number, body in enumerate(bodies):
        records.create(system_actor, body, id=f"same{number}")
    one_by_one = content()
    # Nobody asks for PlanDefinitions: no change of one waits to be told.
    assert {row[1:3] for row in _rows(CHANGES)} == {("Observation", "same0"), ("Patient", "same2")}
    with transaction():
        for table in [*tables, CHANGES]:
            db.session.execute(table.delete())
    with transaction():
        versions = [
            new_version(system_actor, body, id=f"same{number}")
            for number, body in enumerate(bodies)
        ]
        written = insert_many(system_actor, versions)

    assert written == {"Observation/same0", "PlanDefinition/same1", "Patient/same2"}
    assert content() == one_by_one
    assert {row[1:3] for row in _rows(CHANGES)} == {("Observation", "same0"), ("Patient", "same2")}
    # One row of audit says who wrote them, and which.
    (trail,) = [row for row in _rows(AUDIT) if row[7]]
    assert trail[2:5] == (system_actor.id, "create", "Bundle")
    assert set(trail[7]["written"]) == {f"{each}/_history/1" for each in written}


def records_body() -> dict[str, Any]:
    return {"resourceType": "Patient", "name": [{"family": "Ray"}], "birthDate": "1950"}


def _without_times(table: Any, row: tuple[Any, ...]) -> dict[str, Any]:
    named = dict(zip(table.c.keys(), row, strict=True))
    named.pop("last_updated", None)
    if "content" in named:
        named["content"] = named["content"].partition('"lastUpdated"')[2][30:]
    return named


def test_many_at_once_leave_out_ids_that_are_taken(app: Flask, system_actor: Actor) -> None:
    kept = records.create(system_actor, records_body(), id="taken")
    with transaction():
        written = insert_many(
            system_actor,
            [
                new_version(system_actor, {**records_body(), "birthDate": "1951"}, id="taken"),
                new_version(system_actor, records_body(), id="free"),
            ],
        )

    assert written == {"Patient/free"}
    # What was left out was not written, so nobody wrote it.
    assert [(row[4], row[5], row[7]) for row in _rows(AUDIT)] == [
        (kept.reference, 1, None),
        ("Patient/free", 1, None),
    ]
    assert records.read(system_actor, "Patient", "taken").text == kept.text


def test_a_write_after_a_read_through_the_session_is_kept(app: Flask, system_actor: Actor) -> None:
    db.session.execute(select(AUDIT)).all()

    record = records.create(system_actor, PATIENT)
    db.session.rollback()

    assert records.read(system_actor, "Patient", record.id).version == 1


def test_a_failed_transaction_leaves_nothing(app: Flask, system_actor: Actor) -> None:
    def both() -> None:
        with transaction():
            records.create(system_actor, records_body())
            records.create(system_actor, {"resourceType": "Patient", "gender": "?"})

    with pytest.raises(InvalidResourceError):
        both()

    assert [_rows(t) for t in (TABLES["Patient"], AUDIT, CHANGES, STRINGS)] == [[], [], [], []]
