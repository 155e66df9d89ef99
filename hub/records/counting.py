"""Totals, with a budget: past it an estimate, since nobody reads a list of a million to its end."""

from typing import Any

import psycopg

from hub import db
from hub.records.criteria import Scope
from hub.records.sql import Sql

BUDGET = 10_000
"""Rows that are counted one by one for a total that was not asked for as accurate."""


def counted(scope: Scope, where: Sql, *, accurate: bool) -> Sql:
    """Return the expression of the total, up to one more than the budget."""
    return _counted(_matching(scope, where), accurate=accurate)


def count(
    scope: Scope, where: Sql, *, accurate: bool, found: int | None = None
) -> tuple[int, bool]:
    """Return (total, whether it is an estimate); ``found`` is what ``counted`` gave, if it did."""
    return count_rows(_matching(scope, where), accurate=accurate, found=found)


def count_rows(rows: Sql, *, accurate: bool, found: int | None = None) -> tuple[int, bool]:
    """Do the same for any SELECT."""
    if found is None:
        counting = _counted(rows, accurate=accurate)
        found = int(db.fetch(f"SELECT {counting.text}", counting.params)[0][0])
    if accurate or found <= BUDGET:
        return found, False
    with db.driver() as connection:
        return max(found, _planned(connection, rows)), True


def _matching(scope: Scope, where: Sql) -> Sql:
    return Sql(f"SELECT 1 FROM {scope.table} {scope.alias} WHERE {where.text}", where.params)


def _counted(rows: Sql, *, accurate: bool) -> Sql:
    limit = "" if accurate else f" LIMIT {BUDGET + 1}"
    return Sql(f"(SELECT count(*)::int FROM ({rows.text}{limit}) c)", rows.params)


def _planned(connection: psycopg.Connection[Any], rows: Sql) -> int:
    """Return what the planner expects, with the values in their places."""
    client = psycopg.ClientCursor(connection)
    row = client.execute(f"EXPLAIN (FORMAT JSON) {rows.text}".encode(), rows.params).fetchone()
    assert row is not None
    return int(row[0][0]["Plan"]["Plan Rows"])
