"""Totals, with a budget: past it an estimate, since nobody reads a list of a million to its end."""

from typing import Any

import psycopg

from hub.db import driver
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
    with driver() as connection:
        sql = f"SELECT count(*) FROM ({rows.text}{limit}) c"
        row = connection.execute(sql.encode(), rows.params, prepare=True).fetchone()
        assert row is not None
        found = int(row[0])
        if accurate or found <= BUDGET:
            return found, False
        return max(found, _planned(connection, rows)), True


def _planned(connection: psycopg.Connection[Any], rows: Sql) -> int:
    """Return what the planner expects, with the values in their places."""
    client = psycopg.ClientCursor(connection)
    row = client.execute(f"EXPLAIN (FORMAT JSON) {rows.text}".encode(), rows.params).fetchone()
    assert row is not None
    return int(row[0][0]["Plan"]["Plan Rows"])
