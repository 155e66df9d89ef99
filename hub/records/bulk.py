"""Writing many new records in one transaction: one statement a table, arrays into unnest."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Boolean, DateTime
from sqlalchemy.dialects.postgresql import ARRAY

from hub import clock, db
from hub.domain.actor import Actor
from hub.records import access, audit, guards
from hub.records.ids import new_id
from hub.records.record import instant
from hub.records.row import scalar_columns
from hub.records.saving import Body, Version, check, prepare, read_body
from hub.records.statements import WATCHED
from hub.records.tables import TABLES
from hub.transaction import current

LATEST = timedelta(seconds=0.5)
"""Preparing thousands of versions takes a while; they reach the database with a time that is no
older than this, so that an export knows what may still come (hub/records/horizon.py)."""


def new_version(
    actor: Actor,
    resource: Body,
    *,
    type: str | None = None,  # noqa: A002 - the field's name
    id: str | None = None,  # noqa: A002 - the element's name
    managed: bool = False,
    at: datetime | None = None,
) -> Version:
    """Validate, authorise and guard a new record without writing it (see ``insert_many``)."""
    value, text = read_body(resource, type)
    access.authorise(actor, "create", value["resourceType"])
    check(value, server_meta=False)
    version = prepare(value, text, id=id or new_id(), number=1, managed=managed, at=at)
    if managed:
        guards.check(actor, None, version.as_record().resource)
    return version


def insert_many(actor: Actor, versions: Sequence[Version]) -> set[str]:
    """Insert first versions inside the open transaction; return the references written.

    A version whose id is taken is left out, so the caller sees which: nothing is overwritten.
    """
    if current() is None:
        raise RuntimeError("many records belong to a transaction")
    if versions and clock.now() - versions[0].at > LATEST:
        _date_anew(versions)
    by_type: dict[str, list[Version]] = {}
    for version in versions:
        by_type.setdefault(version.type, []).append(version)
    written: set[str] = set()
    for resource_type, group in sorted(by_type.items()):
        written |= _insert_rows(resource_type, group)
    kept = [v for v in versions if f"{v.type}/{v.id}" in written]
    _insert_index_rows(kept)
    _insert_trail(actor, kept)
    return written


def _date_anew(versions: Sequence[Version]) -> None:
    at = clock.now()
    for version in versions:
        # The first instant in a stored text is meta.lastUpdated: splice puts it behind the id.
        version.text = version.text.replace(instant(version.at), instant(at), 1)
        version.at = at


@cache
def _insert_sql(resource_type: str) -> str:
    table = TABLES[resource_type]
    columns = ["id", "last_updated", "managed", "patient_id", "content", "idx", "present"]
    columns += scalar_columns(resource_type)
    casts, values = [], []
    for name in columns:
        kind = table.c[name].type
        if isinstance(kind, ARRAY):
            # Rows have keys of different number and SQL arrays are rectangular: literals.
            casts.append("%s::text[]")
            values.append(f"u.{name}::bigint[]")
            continue
        if isinstance(kind, DateTime):
            casts.append("%s::timestamptz[]")
        elif isinstance(kind, Boolean):
            casts.append("%s::boolean[]")
        else:
            casts.append("%s::bigint[]" if name == "present" else "%s::text[]")
        values.append(f"u.{name}")
    return (
        f"INSERT INTO {table.name} (version, {', '.join(columns)})"
        f" SELECT 1, {', '.join(values)} FROM unnest({', '.join(casts)})"
        f" AS u({', '.join(columns)}) ON CONFLICT (id) DO NOTHING RETURNING id"
    )


def _insert_rows(resource_type: str, group: Sequence[Version]) -> set[str]:
    columns: list[list[Any]] = [
        [v.id for v in group],
        [v.at for v in group],
        [v.row.managed for v in group],
        [v.row.patient_id for v in group],
        [v.text for v in group],
        ["{" + ",".join(map(str, v.row.idx)) + "}" for v in group],
        [v.row.present for v in group],
        *([v.row.scalars[name] for v in group] for name in scalar_columns(resource_type)),
    ]
    rows = db.fetch(_insert_sql(resource_type), columns)
    return {f"{resource_type}/{record_id}" for (record_id,) in rows}


_INDEX_SQL = {
    "strings": (
        "INSERT INTO fhir_string (type, id, param, value)"
        " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])"
    ),
    "dates": (
        "INSERT INTO fhir_date (type, id, param, lo, hi) SELECT * FROM unnest"
        "(%s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])"
    ),
    "quantities": (
        "INSERT INTO fhir_quantity (type, id, param, lo, hi, unit, companion)"
        " SELECT t, i, p, l, h, u, c::bigint[] FROM unnest(%s::text[], %s::text[], %s::text[],"
        " %s::numeric[], %s::numeric[], %s::text[], %s::text[]) AS x(t, i, p, l, h, u, c)"
    ),
    "relationships": (
        "INSERT INTO relationship (source, patient_id, party, basis)"
        " SELECT t || '/' || i, a, p, b FROM unnest(%s::text[], %s::text[], %s::text[],"
        " %s::text[], %s::text[]) AS x(t, i, a, p, b)"
    ),
}


def _insert_index_rows(versions: Iterable[Version]) -> None:
    found: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _INDEX_SQL}
    for version in versions:
        for name, rows in found.items():
            rows.extend((version.type, version.id, *r) for r in getattr(version.row, name))
    for name, rows in found.items():
        if rows:
            db.fetch(_INDEX_SQL[name], [list(column) for column in zip(*sorted(rows), strict=True)])


def _insert_trail(actor: Actor, versions: Sequence[Version]) -> None:
    if not versions:
        return
    types = [v.type for v in versions]
    ids = [v.id for v in versions]
    db.fetch(
        "INSERT INTO audit (at, actor, action, subject, version, request_id)"
        " SELECT %s::timestamptz, %s, 'create', t || '/' || i, 1, %s"
        " FROM unnest(%s::text[], %s::text[]) AS u(t, i)",
        (clock.now(), actor.id, audit.request_id.get(), types, ids),
    )
    db.fetch(
        "INSERT INTO record_change (type, record_id, version, actor)"
        " SELECT t, i, 1, %s FROM unnest(%s::text[], %s::text[]) AS u(t, i)"
        f" WHERE t IN (SELECT * FROM ({WATCHED}) watched)",
        (actor.id, types, ids),
    )
