"""Totals, with a budget: past it an estimate, since nobody reads a list of a million to its end."""

from typing import Any

import psycopg

from hub import db
from hub.records.criteria import Scope
from hub.records.sql import Sql

BUDGET = 10_000
"""Rows that are counted one by one for a total that was not asked for as accurate."""


def count(scope: Scope, where: Sql, *, accurate: bool) -> tuple[int, bool]:
    """Return (total, whether it is an estimate)."""
    return count_rows(
        Sql(f"SELECT 1 FROM {scope.table} {scope.alias} WHERE {where.text}", where.params),
        accurate=accurate,
    )


def count_rows(rows: Sql, *, accurate: bool) -> tuple[int, bool]:
    """Do the same for any SELECT."""
    limit = "" if accurate else f" LIMIT {BUDGET + 1}"
    found = int(db.fetch(f"SELECT count(*) FROM ({rows.text}{limit}) c", rows.params)[0][0])
    if accurate or found <= BUDGET:
        return found, False
    with db.driver() as connection:
        return max(found, _planned(connection, rows)), True


def _planned(connection: psycopg.Connection[Any], rows: Sql) -> int:
    """Return what the planner expects, with the values in their places."""
    client = psycopg.ClientCursor(connection)
    row = client.execute(f"EXPLAIN (FORMAT JSON) {rows.text}".encode(), rows.params).fetchone()
    assert row is not None
    return int(row[0][0]["Plan"]["Plan Rows"])
