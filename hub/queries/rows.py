"""From rows of a SELECT to Records, for queries that read several records in one statement."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, RowMapping
from sqlalchemy.sql.expression import FromClause

from hub.records import Record

_PARTS = ("id", "version", "last_updated", "managed", "content")


def columns(table: FromClause, prefix: str) -> list[ColumnElement[Any]]:
    """Return the columns that make a Record, labelled so that several types fit in one row."""
    return [table.c[name].label(f"{prefix}_{name}") for name in _PARTS]


def record(row: RowMapping, resource_type: str, prefix: str) -> Record | None:
    """Return the Record of a prefix; None where an outer join found nothing."""
    values: Sequence[Any] = [row[f"{prefix}_{name}"] for name in _PARTS]
    if values[0] is None:
        return None
    identity, version, last_updated, managed, content = values
    return Record(resource_type, identity, version, last_updated, content, managed=managed)


def required(row: RowMapping, resource_type: str, prefix: str) -> Record:
    """Return the Record of the table that the statement selects from."""
    found = record(row, resource_type, prefix)
    assert found is not None
    return found
