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
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import create_engine

from hub.db import Base
from hub.records.tables import TABLES
from hub.supervisor.engines import start_engines
from tests.bench.layout_kinds import (
    GENERIC,
    Sample,
    Statement,
    generic_layout,
    generic_searches,
    hashed_layout,
    own_searches,
    samples,
    text_layout,
)

_ROUNDS = 10
_EACH = 200
_OPTIONS = "-c plan_cache_mode=force_generic_plan -c jit=off -c timezone=UTC"


def _create(connection: psycopg.Connection[Any], url: str, layout: str) -> None:
    if layout == "generic":
        connection.execute(GENERIC)
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
                ("hashed", hashed_layout, own_searches("bigint")),
                ("text", text_layout, own_searches("text")),
                ("generic", generic_layout, generic_searches()),
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
            asked = {
                kind: chosen.sample(found, min(100, len(found))) for kind, found in by_type.items()
            }
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
