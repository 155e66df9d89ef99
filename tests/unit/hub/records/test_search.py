"""Search over stored records: pages, order, links between records, access."""

from typing import Any

import pytest
from flask import Flask

from fhir.outcomes import BadRequestError, ForbiddenError, NotFoundError
from fhir.search.keys import HASH_SQL, hashed
from hub import records
from hub.db import driver
from hub.domain.actor import Actor, ActorKind
from tests.factories.actor import actor

PATIENT = {
    "resourceType": "Patient",
    "name": [{"family": "O'Neill", "given": ["Zoë"]}],
    "birthDate": "1950-03-02",
}


def _task(number: int, **also: Any) -> dict[str, Any]:
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "for": {"reference": "Patient/p1"},
        "owner": {"reference": "Practitioner/jo"},
        "authoredOn": f"2026-01-{number + 1:02d}T10:00:00Z",
        **also,
    }


def _ids(actor: Actor, kind: str, *params: tuple[str, str]) -> list[str]:
    return [record.id for record in records.search(actor, kind, params).records]


@pytest.fixture
def worklist(app: Flask, system_actor: Actor) -> Actor:
    records.create(system_actor, PATIENT, id="p1")
    records.create(
        system_actor, {"resourceType": "Practitioner", "name": [{"family": "Jones"}]}, id="jo"
    )
    for number in range(7):
        records.create(system_actor, _task(number), id=f"t{number}")
    return system_actor


def _walk(actor: Actor, params: list[tuple[str, str]]) -> list[str]:
    seen: list[str] = []
    page = records.search(actor, "Task", params)
    while True:
        seen += [record.id for record in page.records]
        if page.next is None:
            return seen
        page = records.search(actor, "Task", [*params, ("_cursor", page.next)])


@pytest.mark.parametrize(
    "sort",
    [
        "",
        "-authored-on",
        "authored-on",
        "_id",
        "-_id",
        "-_lastUpdated",
        "status,-authored-on",
        "focus,-code",
        "patient,-owner,authored-on",
    ],
)
def test_pages_show_every_row_once(worklist: Actor, sort: str) -> None:
    params = [("owner", "Practitioner/jo"), ("_count", "2")]
    if sort:
        params.append(("_sort", sort))

    assert sorted(_walk(worklist, params)) == [f"t{n}" for n in range(7)]


def test_pages_are_stable_while_others_write(worklist: Actor) -> None:
    params = [("status", "requested"), ("_sort", "-authored-on"), ("_count", "3")]
    first = records.search(worklist, "Task", params)
    records.create(worklist, _task(20), id="newer")
    records.create(worklist, _task(3), id="between")
    records.update(worklist, _task(6, id="t6", status="completed"), type="Task", id="t6")
    second = records.search(worklist, "Task", [*params, ("_cursor", str(first.next))])
    rest = records.search(worklist, "Task", [*params, ("_cursor", str(second.next))])

    assert [r.id for r in first.records] == ["t6", "t5", "t4"]
    # "between" has the instant of t3 and an earlier id: it stands before t3.
    assert [r.id for r in second.records] == ["between", "t3", "t2"]
    assert [r.id for r in rest.records] == ["t1", "t0"]


def test_missing_values_come_last_both_ways(worklist: Actor) -> None:
    without = _task(0)
    del without["authoredOn"]
    records.create(worklist, without, id="undated")

    assert _walk(worklist, [("_sort", "authored-on"), ("_count", "3")])[-1] == "undated"
    assert _walk(worklist, [("_sort", "-authored-on"), ("_count", "3")])[-1] == "undated"


def test_a_cursor_of_another_search_is_refused(worklist: Actor) -> None:
    page = records.search(worklist, "Task", [("status", "requested"), ("_count", "2")])

    for cursor in (str(page.next), "AAAA", "not base64!", "W10"):
        with pytest.raises(BadRequestError, match="_cursor"):
            records.search(worklist, "Task", [("status", "ready"), ("_cursor", cursor)])


def test_totals_are_those_of_the_whole(worklist: Actor) -> None:
    params = [("status", "requested"), ("_count", "2")]
    first = records.search(worklist, "Task", params)
    second = records.search(worklist, "Task", [*params, ("_cursor", str(first.next))])

    assert (first.total, second.total) == (7, 7)
    assert records.search(worklist, "Task", [*params, ("_total", "none")]).total is None
    assert records.search(worklist, "Task", [("_summary", "count")]).total == 7


def test_includes_come_once_and_only_for_the_page(worklist: Actor) -> None:
    page = records.search(
        worklist,
        "Task",
        [("_count", "2"), ("_include", "Task:patient"), ("_include", "Task:owner")],
    )

    assert {r.reference for r in page.included} == {"Patient/p1", "Practitioner/jo"}
    assert len(page.records) == 2


def test_includes_follow_what_was_included(worklist: Actor) -> None:
    practice = records.create(worklist, {"resourceType": "Organization", "name": "Practice"})
    person = {**PATIENT, "id": "p1", "managingOrganization": {"reference": practice.reference}}
    records.update(worklist, person, type="Patient", id="p1")
    page = records.search(
        worklist,
        "Task",
        [("_id", "t1"), ("_include", "Task:patient"), ("_include:iterate", "Patient:organization")],
    )

    assert {r.reference for r in page.included} == {"Patient/p1", practice.reference}


def test_what_refers_to_a_match_comes_along(worklist: Actor) -> None:
    page = records.search(worklist, "Patient", [("_id", "p1"), ("_revinclude", "Task:patient")])

    assert {r.id for r in page.included} == {f"t{n}" for n in range(7)}


def test_chains_and_reverse_chains(worklist: Actor) -> None:
    assert len(_ids(worklist, "Task", ("patient.name", "o'neill"))) == 7
    assert len(_ids(worklist, "Task", ("subject:Patient.birthdate", "1950"))) == 7
    assert len(_ids(worklist, "Task", ("owner:Practitioner.family", "jones"))) == 7
    assert _ids(worklist, "Task", ("patient.name", "nobody")) == []
    assert _ids(worklist, "Patient", ("_has:Task:patient:status", "requested")) == ["p1"]
    assert _ids(worklist, "Patient", ("_has:Task:patient:status", "completed")) == []
    assert _ids(worklist, "Practitioner", ("_has:Task:owner:patient.family", "oneil")) == []
    assert _ids(worklist, "Practitioner", ("_has:Task:owner:patient.family", "o'neil")) == ["jo"]


def test_deleted_records_are_not_found(worklist: Actor) -> None:
    records.delete(worklist, "Task", "t3")

    assert "t3" not in _ids(worklist, "Task", ("owner", "Practitioner/jo"))
    assert "t3" not in _ids(worklist, "Task", ("status:not", "completed"))


def test_an_update_moves_the_record_in_every_index(worklist: Actor) -> None:
    changed = {
        "resourceType": "Patient",
        "id": "p1",
        "name": [{"family": "Adams"}],
        "birthDate": "1960",
    }
    records.update(worklist, changed, type="Patient", id="p1")

    assert _ids(worklist, "Patient", ("family", "o'neill")) == []
    assert _ids(worklist, "Patient", ("birthdate", "1950-03-02")) == []
    assert _ids(worklist, "Patient", ("family", "adams"), ("birthdate", "1960")) == ["p1"]


def test_nobody_sees_people_they_have_no_relationship_with(worklist: Actor) -> None:
    stranger = actor("stranger", organization="Organization/elsewhere")

    assert _ids(stranger, "Task") == []
    assert _ids(stranger, "Patient", ("family", "o'neill")) == []
    assert records.search(stranger, "Task", [("_summary", "count")]).total == 0
    page = records.search(stranger, "Practitioner", [("_id", "jo"), ("_revinclude", "Task:owner")])
    assert [r.id for r in page.records] == ["jo"]
    assert page.included == ()
    assert _ids(stranger, "Practitioner", ("_has:Task:owner:status", "requested")) == []


def test_scopes_bound_searches_and_includes(worklist: Actor) -> None:
    tasks_only = Actor(
        kind=ActorKind.SYSTEM,
        id="client/tasks",
        display="Tasks",
        scopes=frozenset({"system/Task.rs"}),
    )
    page = records.search(tasks_only, "Task", [("_include", "Task:patient")])

    assert len(page.records) == 7
    assert page.included == ()
    with pytest.raises(ForbiddenError):
        records.search(tasks_only, "Patient", [])
    with pytest.raises(ForbiddenError):
        records.search(tasks_only, "Task", [("patient.name", "o")])
    with pytest.raises(NotFoundError):
        records.search(worklist, "Spaceship", [])


def test_the_hash_is_the_same_in_sql(app: Flask) -> None:
    keys = ["status\n*\nrequested", "naïve\n=\n\n✓", "", "x" * 5000]
    with driver() as connection:
        sql = f"SELECT {HASH_SQL.format('%s::text')}"
        found = [connection.execute(sql.encode(), (key,)).fetchone() for key in keys]

    assert found == [(hashed(key),) for key in keys]
