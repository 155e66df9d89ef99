"""Three layouts of records side by side on one PostgreSQL: the numbers of docs/adr/0001.

``python -m tests.bench.layouts [people]``. The same resources with the same index values as

* ``hashed``: what Carehub does, a table a type with one column of 64-bit keys under GIN;
* ``text``: the same with the keys written out in a text[] column;
* ``generic``: one table for all types, and rows of index tables beside it.

Measured: single inserts, each its own commit; space; the searches of the bench. History, audit and
outbox would be the same in all three and are left out. Read the ratios, not the figures.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psycopg
from sqlalchemy import create_engine

from fhir.search.index import IndexEntries, index
from fhir.search.keys import hashed, reference, token
from hub.db import Base
from hub.records.ids import new_id
from hub.records.row import BEGINNING, END, Row, row_of
from hub.records.tables import TABLES, date_columns
from hub.supervisor.engines import start_engines
from tests.bench.people import People

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_ROUNDS = 10
_EACH = 200
_OPTIONS = "-c plan_cache_mode=force_generic_plan -c jit=off -c timezone=UTC"

Statement = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Sample:
    """One resource with everything a layout may want of it."""

    resource: dict[str, Any]
    text: str
    row: Row
    entries: IndexEntries

    @property
    def type(self) -> str:
        return str(self.resource["resourceType"])

    @property
    def id(self) -> str:
        return str(self.resource["id"])


def samples(people: int) -> Iterator[Sample]:
    """Yield the resources with ids, and references between them resolved."""
    made = People()
    for bundle in (made.staff(), *made.bundles(people)):
        names = {
            entry["fullUrl"]: f"{entry['resource']['resourceType']}/{new_id()}"
            for entry in bundle["entry"]
            if "fullUrl" in entry
        }
        for entry in bundle["entry"]:
            resource = entry["resource"]
            if "fullUrl" in entry:
                resource["id"] = names[entry["fullUrl"]].partition("/")[2]
            text = orjson.dumps(resource).decode()
            for urn, name in names.items():
                text = text.replace(urn, name)
            resource = orjson.loads(text)
            yield Sample(resource, text, row_of(resource), index(resource))


# Layouts -----------------------------------------------------------------------------------


def _shared_rows(sample: Sample) -> Iterator[Statement]:
    row = sample.row
    if row.strings:
        params, values = zip(*sorted(row.strings), strict=True)
        yield (
            "INSERT INTO fhir_string (type, param, value, id)"
            " SELECT %s, p, v, %s FROM unnest(%s::text[], %s::text[]) u(p, v)",
            (sample.type, sample.id, list(params), list(values)),
        )
    for code, low, high, unit, companion in row.quantities:
        yield (
            "INSERT INTO fhir_quantity (type, param, lo, hi, unit, companion, id)"
            " VALUES (%s, %s, %s, %s, %s, %s::bigint[], %s)",
            (sample.type, code, low, high, unit, companion, sample.id),
        )


def _own_table(sample: Sample, keys: list[Any], kind: str) -> Iterator[Statement]:
    table = TABLES[sample.type].name
    names = ["id", "version", "last_updated", "patient_id", "content", "idx", "present"]
    values = [sample.id, 1, _NOW, sample.row.patient_id, sample.text, keys, sample.row.present]
    names += sample.row.scalars
    values += sample.row.scalars.values()
    marks = ", ".join(f"%s::{kind}[]" if name == "idx" else "%s" for name in names)
    yield f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", tuple(values)
    yield from _shared_rows(sample)


def hashed_layout(sample: Sample) -> Iterator[Statement]:
    return _own_table(sample, sample.row.idx, "bigint")


def text_layout(sample: Sample) -> Iterator[Statement]:
    return _own_table(sample, sorted(sample.entries.keys), "text")


_GENERIC = """
CREATE TABLE resource (type text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL,
  version int NOT NULL, last_updated timestamptz NOT NULL, deleted bool NOT NULL DEFAULT false,
  patient_id text COLLATE "C", content text NOT NULL, PRIMARY KEY (type, id));
CREATE INDEX ON resource (patient_id, type, id);
CREATE INDEX ON resource (type, last_updated, id);
CREATE TABLE index_token (type text COLLATE "C" NOT NULL, param text COLLATE "C" NOT NULL,
  system text COLLATE "C" NOT NULL, code text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL);
CREATE INDEX ON index_token (type, param, code, system, id);
CREATE INDEX ON index_token (id, param);
CREATE TABLE index_reference (type text COLLATE "C" NOT NULL, param text COLLATE "C" NOT NULL,
  target text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL);
CREATE INDEX ON index_reference (type, param, target, id);
CREATE INDEX ON index_reference (id, param);
CREATE TABLE index_string (type text COLLATE "C" NOT NULL, param text COLLATE "C" NOT NULL,
  value text COLLATE "C" NOT NULL, id text COLLATE "C" NOT NULL);
CREATE INDEX ON index_string (type, param, value, id);
CREATE INDEX ON index_string (id);
CREATE TABLE index_date (type text COLLATE "C" NOT NULL, param text COLLATE "C" NOT NULL,
  lo timestamptz NOT NULL, hi timestamptz NOT NULL, id text COLLATE "C" NOT NULL);
CREATE INDEX ON index_date (type, param, lo, id);
CREATE INDEX ON index_date (id, param, lo);
CREATE TABLE index_quantity (type text COLLATE "C" NOT NULL, param text COLLATE "C" NOT NULL,
  lo numeric NOT NULL, hi numeric NOT NULL, unit text NOT NULL, id text COLLATE "C" NOT NULL);
CREATE INDEX ON index_quantity (type, param, lo, id);
CREATE INDEX ON index_quantity (id);
"""


def generic_layout(sample: Sample) -> Iterator[Statement]:
    kind, record = sample.type, sample.id
    yield (
        "INSERT INTO resource (type, id, version, last_updated, patient_id, content)"
        " VALUES (%s, %s, 1, %s, %s, %s)",
        (kind, record, _NOW, sample.row.patient_id, sample.text),
    )
    whole = index(sample.resource)
    tokens, references = set(), set()
    exact = {tuple(k.split("\n")[::3]) for k in whole.keys if k.split("\n")[1] == "="}
    for key in whole.keys:
        parts = key.split("\n")
        if parts[1] == "=":
            tokens.add((parts[0], parts[2], parts[3]))
        elif parts[1] == "*" and (parts[0], parts[2]) not in exact:
            tokens.add((parts[0], "", parts[2]))
        elif parts[1] in {">", "~"}:
            references.add((parts[0], parts[2]))
    if sample.row.patient_id and kind != "Patient":
        references |= {
            (code, f"Patient/{sample.row.patient_id}") for code in ("patient", "subject")
        }
    rows: list[tuple[str, str, list[tuple[Any, ...]]]] = [
        ("index_token (type, id, param, system, code)", "text text text", sorted(tokens)),
        ("index_reference (type, id, param, target)", "text text", sorted(references)),
        ("index_string (type, id, param, value)", "text text", sorted(sample.row.strings)),
        (
            "index_date (type, id, param, lo, hi)",
            "text timestamptz timestamptz",
            [
                (code, low or BEGINNING, high or END)
                for code, ranges in whole.dates.items()
                for low, high in ranges
            ],
        ),
        (
            "index_quantity (type, id, param, lo, hi, unit)",
            "text numeric numeric text",
            [row[:4] for row in sorted(sample.row.quantities)],
        ),
    ]
    for target, kinds, values in rows:
        if values:
            marks = ", ".join(f"%s::{each}[]" for each in kinds.split())
            columns = [list(column) for column in zip(*values, strict=True)]
            yield (
                f"INSERT INTO {target} SELECT %s, %s, u.* FROM unnest({marks}) u",
                (kind, record, *columns),
            )


# Searches ----------------------------------------------------------------------------------


def _own_searches(kind: str) -> dict[str, Callable[[Sample], Statement]]:
    key = hashed if kind == "bigint" else str
    born = date_columns("Patient")["birthdate"]
    authored = date_columns("Task")["authored-on"]

    def identifier(sample: Sample) -> Statement:
        found = sample.resource["identifier"][0]
        wanted = [key(token("identifier", found["system"], found["value"].lower()))]
        return (
            "SELECT id, version, content FROM fhir_patient t"
            f" WHERE idx @> %s::{kind}[] AND NOT deleted ORDER BY id LIMIT 21",
            (wanted,),
        )

    def family(sample: Sample) -> Statement:
        low, high = sample.row.scalars[f"{born}_lo"], sample.row.scalars[f"{born}_hi"]
        name = sample.resource["name"][0]["family"].lower()
        return (
            "SELECT id, version, content FROM fhir_patient t WHERE id IN (SELECT s.id FROM"
            " fhir_string s WHERE s.type = %s AND s.param = %s AND s.value >= %s AND s.value < %s)"
            f" AND {born}_lo >= %s AND {born}_lo < %s AND {born}_hi <= %s AND NOT deleted"
            " ORDER BY id LIMIT 21",
            ("Patient", "family", name, name + "\U0010ffff", low, high, high),
        )

    def worklist(sample: Sample) -> Statement:
        return (
            "SELECT id, version, content FROM fhir_task t WHERE owner = %s AND status = %s"
            f" AND NOT deleted ORDER BY {authored}_lo DESC NULLS LAST, id LIMIT 51",
            (sample.row.scalars["owner"], sample.row.scalars["status"]),
        )

    def encounter(sample: Sample) -> Statement:
        wanted = [key(reference("encounter", sample.resource["encounter"]["reference"]))]
        return (
            "SELECT id, version, content FROM fhir_task t"
            f" WHERE idx @> %s::{kind}[] AND NOT deleted ORDER BY id LIMIT 21",
            (wanted,),
        )

    return {
        "identifier": identifier,
        "family + birthdate": family,
        "worklist": worklist,
        "reference": encounter,
    }


def _generic_searches() -> dict[str, Callable[[Sample], Statement]]:
    columns = "SELECT r.id, r.version, r.content FROM resource r"

    def identifier(sample: Sample) -> Statement:
        found = sample.resource["identifier"][0]
        return (
            f"{columns} WHERE r.type = 'Patient' AND NOT r.deleted AND r.id IN (SELECT i.id FROM"
            " index_token i WHERE i.type = 'Patient' AND i.param = 'identifier' AND i.code = %s"
            " AND i.system = %s) ORDER BY r.id LIMIT 21",
            (found["value"].lower(), found["system"]),
        )

    def family(sample: Sample) -> Statement:
        (low, high), *_ = sample.entries.dates["birthdate"]
        name = sample.resource["name"][0]["family"].lower()
        return (
            f"{columns} WHERE r.type = 'Patient' AND NOT r.deleted AND r.id IN (SELECT s.id FROM"
            " index_string s WHERE s.type = 'Patient' AND s.param = 'family' AND s.value >= %s"
            " AND s.value < %s) AND r.id IN (SELECT d.id FROM index_date d WHERE"
            " d.type = 'Patient' AND d.param = 'birthdate' AND d.lo >= %s AND d.lo < %s"
            " AND d.hi <= %s) ORDER BY r.id LIMIT 21",
            (name, name + "\U0010ffff", low, high, high),
        )

    def worklist(sample: Sample) -> Statement:
        return (
            f"{columns} JOIN index_date d ON d.id = r.id AND d.type = 'Task'"
            " AND d.param = 'authored-on' WHERE r.type = 'Task' AND NOT r.deleted AND r.id IN"
            " (SELECT o.id FROM index_reference o WHERE o.type = 'Task' AND o.param = 'owner'"
            " AND o.target = %s) AND r.id IN (SELECT s.id FROM index_token s WHERE"
            " s.type = 'Task' AND s.param = 'status' AND s.code = %s)"
            " ORDER BY d.lo DESC, r.id LIMIT 51",
            (sample.row.scalars["owner"], sample.row.scalars["status"]),
        )

    def encounter(sample: Sample) -> Statement:
        return (
            f"{columns} WHERE r.type = 'Task' AND NOT r.deleted AND r.id IN (SELECT i.id FROM"
            " index_reference i WHERE i.type = 'Task' AND i.param = 'encounter'"
            " AND i.target = %s) ORDER BY r.id LIMIT 21",
            (sample.resource["encounter"]["reference"],),
        )

    return {
        "identifier": identifier,
        "family + birthdate": family,
        "worklist": worklist,
        "reference": encounter,
    }


# Measuring ---------------------------------------------------------------------------------


def _create(connection: psycopg.Connection[Any], url: str, layout: str) -> None:
    if layout == "generic":
        connection.execute(_GENERIC)
        return
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    engine.dispose()
    if layout == "text":
        for table in TABLES.values():
            name = f"{table.name}_idx"
            connection.execute(
                f"DROP INDEX ix_{name}; ALTER TABLE {table.name} ALTER idx TYPE"
                f' text[] COLLATE "C" USING NULL;'
                f" CREATE INDEX ix_{name} ON {table.name} USING gin (idx)"
                " WITH (fastupdate = off)".encode()
            )


def _insert(connection: psycopg.Connection[Any], statements: Iterator[Statement]) -> None:
    for sql, params in statements:
        connection.execute(sql.encode(), params, prepare=True)


def _scanned(connection: psycopg.Connection[Any], statement: Statement) -> set[str]:
    """Return the tables that a search reads from end to end: none is right."""
    sql, params = statement
    rows = connection.execute(f"EXPLAIN {sql}".encode(), params, prepare=True).fetchall()
    return {line.split("Seq Scan on ")[1].split()[0] for (line,) in rows if "Seq Scan on" in line}


@dataclass(slots=True)
class Bench:
    """One layout in its own database, and what was measured of it so far."""

    connection: psycopg.Connection[Any]
    write: Callable[[Sample], Iterator[Statement]]
    searches: dict[str, Callable[[Sample], Statement]]
    seconds: dict[str, float]
    counts: dict[str, int]
    wal: float = 0

    def timed(self, name: str, work: Callable[[], int]) -> None:
        began = time.perf_counter()
        done = work()
        self.seconds[name] = self.seconds.get(name, 0) + time.perf_counter() - began
        self.counts[name] = self.counts.get(name, 0) + done

    def insert(self, chosen: list[Sample]) -> None:
        before = self._written()
        self.timed("inserts", lambda: self._inserted(chosen))
        self.wal += self._written() - before

    def _inserted(self, chosen: list[Sample]) -> int:
        for sample in chosen:
            # One round trip and one commit each, as the one statement of a real write has.
            with self.connection.pipeline(), self.connection.transaction():
                _insert(self.connection, self.write(sample))
        return len(chosen)

    def search(self, chosen: dict[str, list[Sample]]) -> None:
        for name, search in self.searches.items():
            made = [search(sample) for sample in chosen[_ASKED_OF[name]]]
            for sql, params in made[:5]:
                self.connection.execute(sql.encode(), params, prepare=True).fetchall()
            self.timed(name, lambda made=made: self._searched(made))  # type: ignore[misc]

    def _searched(self, made: list[Statement]) -> int:
        for sql, params in made:
            self.connection.execute(sql.encode(), params, prepare=True).fetchall()
        return len(made)

    def _written(self) -> float:
        row = self.connection.execute(
            "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"
        ).fetchone()
        assert row is not None
        return float(row[0])

    def size(self) -> float:
        row = self.connection.execute(
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r'"
        ).fetchone()
        assert row is not None
        return float(row[0])


_ASKED_OF = {
    "identifier": "Patient",
    "family + birthdate": "Patient",
    "worklist": "Task",
    "reference": "Task",
}


def measure(people: int) -> dict[str, dict[str, float]]:
    """Return the figures of each layout; the layouts take turns, so that noise is shared."""
    everything = list(samples(people))
    chosen = random.Random(7)
    stored = len(everything) - _ROUNDS * _EACH
    figures: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        engines = stack.enter_context(start_engines(Path(folder)))
        benches = {
            layout: stack.enter_context(_opened(engines.database_url, layout, write, searches))
            for layout, write, searches in (
                ("hashed", hashed_layout, _own_searches("bigint")),
                ("text", text_layout, _own_searches("text")),
                ("generic", generic_layout, _generic_searches()),
            )
        }
        for bench in benches.values():
            with bench.connection.transaction():
                for sample in everything[:stored]:
                    _insert(bench.connection, bench.write(sample))
            bench.connection.execute("VACUUM ANALYZE")
        by_type = {
            kind: [s for s in everything[:stored] if s.type == kind] for kind in ("Patient", "Task")
        }
        for turn in range(_ROUNDS):
            begin = stored + turn * _EACH
            asked = {kind: chosen.sample(found, 100) for kind, found in by_type.items()}
            for bench in benches.values():
                bench.insert(everything[begin : begin + _EACH])
                bench.search(asked)
        for layout, bench in benches.items():
            figures[layout] = {
                f"{name}/s": bench.counts[name] / bench.seconds[name] for name in bench.counts
            }
            figures[layout]["WAL bytes an insert"] = bench.wal / bench.counts["inserts"]
            figures[layout]["bytes a resource"] = bench.size() / len(everything)
            for name, search in bench.searches.items():
                made = search(by_type[_ASKED_OF[name]][0])
                for table in _scanned(bench.connection, made):
                    figures[layout][f"{name} reads all of {table}"] = 1
    return figures


@contextmanager
def _opened(
    base: str,
    layout: str,
    write: Callable[[Sample], Iterator[Statement]],
    searches: dict[str, Callable[[Sample], Statement]],
) -> Iterator[Bench]:
    """Make a database for a layout and give what measures it."""
    with psycopg.connect(base.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE bench_{layout}".encode())
    # The database is the last part of the path, before any options.
    head, mark, options = base.partition("?")
    url = f"{head.rpartition('/')[0]}/bench_{layout}{mark}{options}"
    with psycopg.connect(
        url.replace("+psycopg", ""), autocommit=True, options=_OPTIONS
    ) as connection:
        _create(connection, url, layout)
        yield Bench(connection, write, searches, {}, {})


def main() -> None:
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    figures = measure(people)
    names = list(dict.fromkeys(name for found in figures.values() for name in found))
    print(f"{people} people, {12 * people} resources")
    print(f"{'':24}" + "".join(f"{layout:>12}" for layout in figures))
    for name in names:
        print(f"{name:24}" + "".join(f"{found.get(name, 0):12.0f}" for found in figures.values()))


if __name__ == "__main__":
    main()
