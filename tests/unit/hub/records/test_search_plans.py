"""The searches that must be fast use an index under a generic plan, whatever their values."""

import re
import time
from collections.abc import Iterable
from itertools import count
from typing import Any

import pytest
from flask import Flask
from psycopg.sql import SQL, Literal

from fhir.search.compartments import within
from fhir.search.criteria import Criterion
from fhir.search.query import parse
from hub.db import driver
from hub.domain.actor import Actor
from hub.records import compartment, sorting
from hub.records.criteria import Scope
from hub.records.search import statement


@pytest.fixture
def filled(app: Flask) -> None:
    """Rows enough that reading a whole table would show; made in the database, for speed."""
    fill = (
        "INSERT INTO fhir_patient (id, version, last_updated, content, idx, d_birthdate_lo,"
        " d_birthdate_hi) SELECT 'p' || n, 1, '2026-01-01', '{}', ARRAY[n, n + 100000]::bigint[],"
        " '1930-01-01'::timestamptz + n * interval '1 day',"
        " '1930-01-02'::timestamptz + n * interval '1 day' FROM generate_series(1, 20000) n",
        "INSERT INTO fhir_string (type, param, value, id)"
        " SELECT 'Patient', 'family', 'name' || n % 1000, 'p' || n"
        " FROM generate_series(1, 20000) n",
        "INSERT INTO fhir_task (id, version, last_updated, patient_id, content, idx, owner, status,"
        " d_authored_on_lo, d_authored_on_hi) SELECT 't' || n, 1, '2026-01-01', 'p' || n % 2000,"
        " '{}', ARRAY[n, n % 50]::bigint[], 'Practitioner/' || n % 100,"
        " CASE n % 5 WHEN 0 THEN 'requested' ELSE 'accepted' END,"
        " '2026-01-01'::timestamptz + n * interval '1 minute',"
        " '2026-01-01'::timestamptz + n * interval '1 minute'"
        " FROM generate_series(1, 20000) n",
        "INSERT INTO fhir_observation"
        " (id, version, last_updated, patient_id, content, idx, present)"
        " SELECT 'o' || n, 1, '2026-01-01', 'p' || n % 2000, '{}',"
        " ARRAY[n, n % 5000]::bigint[], 1"
        " FROM generate_series(1, 20000) n",
        "INSERT INTO fhir_list (id, version, last_updated, content, idx)"
        " SELECT 'l' || n, 1, '2026-01-01', '{}', '{}' FROM generate_series(1, 2000) n",
    )
    with driver() as connection:
        for sql in fill:
            connection.execute(sql.encode())
        connection.execute("ANALYZE fhir_patient, fhir_string, fhir_task")
        connection.execute("ANALYZE fhir_observation, fhir_list")


def _vacuum(table: str) -> None:
    """Have all rows seen by all, which a look of another at this moment (autovacuum's) delays."""
    ended = time.monotonic() + 30
    with driver() as connection:
        while True:
            connection.execute(f"VACUUM {table}".encode())
            pages = "SELECT relpages, relallvisible FROM pg_class WHERE relname = %s"
            (row,) = connection.execute(pages, (table,)).fetchall()
            if row[0] == row[1]:
                return
            assert time.monotonic() < ended, f"{row[1]} of {row[0]} pages are seen by all"
            time.sleep(0.1)


def _plan(
    actor: Actor, kind: str, params: list[tuple[str, str]], also: tuple[Criterion, ...] = ()
) -> str:
    query = parse(kind, params)
    scope = Scope(actor, kind)
    where = scope.where((*query.criteria, *also))
    order = sorting.chosen(scope, query.sort, query.criteria, few=bool(also))
    made = statement(scope, query, where, order, None)
    # EXPLAIN of a statement with values plans for these values; EXECUTE shows the generic plan.
    places = count(1)
    text = re.sub("%s", lambda _: f"${next(places)}", made.sql.text)
    return _explained(text, made.sql.params)


def _explained(text: str, values: Iterable[Any]) -> str:
    """Return the generic plan of a statement with places $1, $2 ..."""
    with driver() as connection:
        connection.execute(f"PREPARE asked AS {text}".encode())
        listed = SQL(", ").join(Literal(value) for value in values)
        call = SQL("EXPLAIN EXECUTE asked ({})").format(listed)
        rows: list[Any] = connection.execute(call).fetchall()
        connection.execute("DEALLOCATE asked")
    return "\n".join(line for (line,) in rows)


_CASES: list[tuple[str, list[tuple[str, str]], str]] = [
    ("Patient", [("identifier", "https://example.org|1")], "ix_fhir_patient_idx"),
    ("Patient", [("family", "name1"), ("birthdate", "1950-01-01")], "pk_fhir_string"),
    ("Patient", [("_id", "p1,p2")], "pk_fhir_patient"),
    ("Patient", [("_has:Task:patient:owner", "Practitioner/1")], "ix_fhir_task_"),
    (
        "Task",
        [
            ("owner", "Practitioner/1"),
            ("status", "requested"),
            ("_sort", "-authored-on"),
            ("_count", "50"),
            ("_include", "Task:patient"),
        ],
        "ix_fhir_task_owner_status",
    ),
    ("Task", [("patient", "Patient/p1")], "ix_fhir_task_patient_id"),
    (
        "Task",
        [("based-on", "CarePlan/1"), ("code", "http://snomed.info/sct|1")],
        "fhir_task_idx",
    ),
    ("Task", [("patient.family", "name1")], "ix_fhir_task_patient_id"),
    ("Task", [("encounter", "Encounter/1"), ("status:not", "completed")], "ix_fhir_task_idx"),
    ("Patient", [("_list", "1")], "pk_fhir_list"),
    ("Patient", [("_filter", "family eq name1 and birthdate ge 1950")], "pk_fhir_string"),
    ("Task", [("_filter", "patient re Patient/p1")], "ix_fhir_task_patient_id"),
    ("Task", [("part-of:below", "t1")], "ix_fhir_task_idx"),
]


def test_searches_read_no_table_from_end_to_end(filled: None, system_actor: Actor) -> None:
    for kind, params, index in _CASES:
        plan = _plan(system_actor, kind, params)

        assert "Seq Scan" not in plan, plan
        assert index in plan, plan


def test_two_common_names_are_each_read_once(filled: None, system_actor: Actor) -> None:
    # Not the whole range of the one name again for each row of the other.
    plan = _plan(
        system_actor,
        "Patient",
        [("family", "name1"), ("given", "name2"), ("birthdate", "ge1930"), ("birthdate", "le1950")],
    )

    before, _, rest = plan.partition("Intersect")
    assert "fhir_string" not in before, plan
    assert rest.count("using pk_fhir_string") == 2, plan
    assert "Seq Scan" not in plan, plan


def test_all_of_a_name_are_read_once_for_those_born_on_a_day(
    filled: None, system_actor: Actor
) -> None:
    plan = _plan(system_actor, "Patient", [("family", "name1"), ("birthdate", "1950-01-01")])

    assert "Intersect" in plan, plan
    assert "Nested Loop" not in plan, plan
    assert plan.count("using pk_fhir_string") == 1, plan
    assert plan.count("using ix_fhir_patient_d_birthdate") == 1, plan


def test_a_compartment_is_read_by_its_references(filled: None, system_actor: Actor) -> None:
    for whose, kind, index in (
        ("Patient", "Task", "ix_fhir_task_patient_id"),
        ("Patient", "Observation", "ix_fhir_observation_patient_id"),
        ("Patient", "Observation", "ix_fhir_observation_idx"),
        ("Encounter", "Observation", "ix_fhir_observation_idx"),
    ):
        plan = _plan(system_actor, kind, [], (within(whose, "p1", kind),))

        assert "Seq Scan" not in plan, plan
        assert index in plan, plan


def test_few_rows_of_a_large_table_are_not_looked_for_one_by_one(
    app: Flask, system_actor: Actor
) -> None:
    fill = (
        "INSERT INTO fhir_patient (id, version, last_updated, content, idx, d_birthdate_lo,"
        " d_birthdate_hi) SELECT 'p' || n, 1, '2026-01-01', '{}', ARRAY[n, n + 1000000]::bigint[],"
        " '1930-01-01'::timestamptz + n % 30000 * interval '1 day',"
        " '1930-01-02'::timestamptz + n % 30000 * interval '1 day'"
        " FROM generate_series(1, 150000) n",
        "INSERT INTO fhir_string (type, param, value, id)"
        " SELECT 'Patient', 'family', 'name' || n % 20000, 'p' || n"
        " FROM generate_series(1, 150000) n",
    )
    with driver() as connection:
        for sql in fill:
            connection.execute(sql.encode())
        connection.execute("ANALYZE fhir_patient, fhir_string")
    for name, value in (
        ("identifier", "https://example.org|1"),
        ("general-practitioner", "Practitioner/1"),
        ("family", "name1"),
        ("birthdate", "1950-01-01"),
        ("_list", "1"),
    ):
        for sort in ([], [("_sort", "-birthdate")], [("_sort", "-_lastUpdated")]):
            plan = _plan(system_actor, "Patient", [(name, value), *sort])

            assert "Sort" in plan, plan
            assert not re.search(
                r"Index Scan (Backward )?using \S+ on fhir_patient t .*\n +Filter", plan
            ), plan


def test_a_worklist_and_its_total_are_read_from_its_index(
    filled: None, system_actor: Actor
) -> None:
    _vacuum("fhir_task")
    plan = _plan(
        system_actor,
        "Task",
        [("owner", "Practitioner/1"), ("status", "requested"), ("_sort", "-authored-on")],
    )

    assert "Sort" not in plan, plan
    assert "Index Only Scan using ix_fhir_task_owner_status" in plan, plan


def test_what_is_costly_to_find_is_not_looked_for_twice(filled: None, system_actor: Actor) -> None:
    for kind, params in (
        ("Task", [("patient", "Patient/p1"), ("status", "requested")]),
        ("Task", [("status:not", "completed")]),
        ("Patient", [("family", "name1")]),
        ("Patient", [("_text", "words")]),
    ):
        plan = _plan(system_actor, kind, [*params, ("_sort", "-_lastUpdated")])

        assert "InitPlan" not in plan, plan


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("whole", [True, False])
def test_everything_about_a_person_reads_the_index_of_each_type(whole: bool) -> None:
    sql = compartment.statement(compartment.PATIENT_TYPES, whole=whole)
    values = {"p": "p7", "n": 51} | ({} if whole else {"rank": 0, "id": ""})
    text = sql % {name: f"${place}" for place, name in enumerate(values, start=1)}
    plan = _explained(text, values.values())
    assert "ix_fhir_task_patient_id" in plan
    assert "Seq Scan on fhir_task" not in plan
    assert "Seq Scan on fhir_patient" not in plan
