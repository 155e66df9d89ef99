"""A version of a record as the rows it becomes: promoted columns, hashed keys, strings, dates."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from fhir.search.index import index
from hub.records.promoted import PROMOTED, Promoted
from hub.records.record import is_managed
from hub.records.relationships import relationships
from hub.records.tables import date_columns


def key_hash(key: str) -> int:
    """Return the signed 64-bit hash of an index key.

    The first eight bytes of its SHA-256: the SQL function ``fhir_key`` computes the same. Two
    keys of one table collide with a chance below 1 in 30,000 at two million tasks (ADR 0001).
    """
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big", signed=True)


@dataclass(slots=True)
class Row:
    """What is stored of one version, beside its text."""

    patient_id: str | None
    managed: bool
    idx: list[int]
    scalars: dict[str, Any]
    """Promoted and date columns by name; every column of the type is present."""
    strings: set[tuple[str, str]]
    dates: set[tuple[str, datetime, datetime]]
    quantities: set[tuple[str, Decimal, Decimal, str]]
    relationships: set[tuple[str, str, str]]
    """(patient id, party, basis)."""


EMPTY = Row(
    patient_id=None,
    managed=False,
    idx=[],
    scalars={},
    strings=set(),
    dates=set(),
    quantities=set(),
    relationships=set(),
)
"""What a deleted version is found by: nothing."""


def row_of(resource: dict[str, Any]) -> Row:
    """Derive the rows of a valid resource."""
    resource_type = resource["resourceType"]
    entries = index(resource)
    scalars: dict[str, Any] = dict.fromkeys(scalar_columns(resource_type))
    for promoted in PROMOTED.get(resource_type, ()):
        scalars[promoted.column] = _promoted_value(resource, promoted)
    columns = date_columns(resource_type)
    dates: set[tuple[str, datetime, datetime]] = set()
    for code, ranges in entries.dates.items():
        stem = columns.get(code)
        if stem and ranges:
            scalars[f"{stem}_lo"], scalars[f"{stem}_hi"] = ranges[0]
        else:
            dates.update((code, low, high) for low, high in ranges)
    patient_id = resource.get("id") if resource_type == "Patient" else entries.patient
    return Row(
        patient_id=patient_id,
        managed=is_managed(resource),
        idx=sorted({key_hash(key) for key in entries.keys}),
        scalars=scalars,
        strings=set(entries.strings),
        dates=dates,
        quantities=set(entries.quantities),
        relationships=relationships(resource, patient_id),
    )


@cache
def scalar_columns(resource_type: str) -> tuple[str, ...]:
    """Return the promoted and date columns of a type, in the order of its table."""
    promoted = tuple(p.column for p in PROMOTED.get(resource_type, ()))
    stems = date_columns(resource_type).values()
    return promoted + tuple(f"{stem}_{end}" for stem in stems for end in ("lo", "hi"))


def _promoted_value(resource: dict[str, Any], promoted: Promoted) -> Any:
    node: Any = resource
    for name in promoted.path:
        if isinstance(node, list):
            node = node[0] if node else None
        if not isinstance(node, dict):
            return None
        node = node.get(name)
    if isinstance(node, list):
        node = node[0] if node else None
    if not isinstance(node, str):
        return None
    return _instant(node) if promoted.kind == "instant" else node


def _instant(text: str) -> datetime | None:
    """Read a dateTime as one instant; a date without a time stands for its last moment, UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if "T" not in text:
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
