"""Writing many new records in one transaction: one statement a table, arrays into unnest."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Boolean, DateTime
from sqlalchemy.dialects.postgresql import ARRAY

from fhir import jsontext
from fhir.outcomes import BadRequestError, VersionConflictError
from hub import clock, db
from hub.domain.actor import Actor
from hub.records import access, audit, guards
from hub.records.ids import new_id
from hub.records.record import Record, instant
from hub.records.row import rows_apart, scalar_columns
from hub.records.saving import Body, Version, check, prepare, read_body
from hub.records.spool import IN_A_ROW
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
    _insert_trail(actor, kept, "create")
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
    casts = [_cast(resource_type, name) for name in columns]
    values = [f"u.{name}::bigint[]" if name == "idx" else f"u.{name}" for name in columns]
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


def _insert_trail(actor: Actor, versions: Sequence[Version], action: str) -> None:
    if not versions:
        return
    types = [v.type for v in versions]
    ids = [v.id for v in versions]
    numbers = [v.number for v in versions]
    _audit(actor, versions, action)
    db.fetch(
        "INSERT INTO record_change (type, record_id, version, actor)"
        " SELECT t, i, n, %s FROM unnest(%s::text[], %s::text[], %s::int[]) AS u(t, i, n)"
        f" WHERE t IN (SELECT * FROM ({WATCHED}) watched)",
        (actor.id, types, ids, numbers),
    )


def _audit(actor: Actor, versions: Sequence[Version], action: str) -> None:
    """Write who wrote these: one row that names them all, as one look at a page is one row.

    A row each was a tenth of the disk that a bundle takes. ``subject`` is the record where it is
    one, else the type where it is one, else ``Bundle``.
    """
    several = len(versions) > 1
    types = {v.type for v in versions}
    only = versions[0]
    subject = f"{only.type}/{only.id}"
    if several:
        subject = only.type if len(types) == 1 else "Bundle"
    for start in range(0, len(versions), IN_A_ROW):
        part = versions[start : start + IN_A_ROW]
        written = [f"{v.type}/{v.id}/_history/{v.number}" for v in part]
        db.fetch(
            "INSERT INTO audit (at, actor, action, subject, version, request_id, detail)"
            " VALUES (%s::timestamptz, %s, %s, %s, %s::int, %s, %s::json)",
            (
                clock.now(),
                actor.id,
                action,
                subject,
                None if several else only.number,
                audit.request_id.get(),
                jsontext.dumps({"written": written}) if several else None,
            ),
        )


def update_many(
    actor: Actor,
    changes: Sequence[tuple[Record, dict[str, Any]]],
    *,
    type: str,  # noqa: A002
) -> list[Record]:
    """Supersede many records of one type inside the open transaction; return the new versions.

    Each record is the version that the caller holds (``lock_many``); its resource is what it
    becomes. The same rules hold as for ``update``: validity, access, guards, the version; with
    statements for all of them together instead of for each. All are written or none.
    """
    if current() is None:
        raise RuntimeError("many records belong to a transaction")
    access.authorise(actor, "update", type)
    if not changes:
        return []
    at = clock.now()
    olds = [held.resource for held, _ in changes]
    versions: list[Version] = []
    for held, resource in changes:
        value, text = read_body(resource, type)
        if value.get("id") != held.id:
            raise BadRequestError(f"the resource's id must be {held.id}", expression=f"{type}.id")
        check(value)
        versions.append(
            prepare(value, text, id=held.id, number=held.version + 1, managed=held.managed, at=at)
        )
    guarded = [
        (old, version.as_record().resource)
        for (held, _), old, version in zip(changes, olds, versions, strict=True)
        if held.managed
    ]
    if guarded:
        guards.check_many(actor, type, guarded)
    if clock.now() - at > LATEST:
        _date_anew(versions)
    rows = db.fetch(_update_sql(type), _columns_of(type, versions))
    if len(rows) != len(versions):
        written = {record_id for (record_id,) in rows}
        lost = next(v for v in versions if v.id not in written)
        raise VersionConflictError(f"{type}/{lost.id}", current=lost.number, given=lost.number - 1)
    _exchange_index_rows(olds, versions)
    _insert_trail(actor, versions, "update")
    return [version.as_record() for version in versions]


def _columns_of(resource_type: str, versions: Sequence[Version]) -> list[list[Any]]:
    return [
        [v.id for v in versions],
        [v.number for v in versions],
        [v.at for v in versions],
        [v.row.patient_id for v in versions],
        [v.text for v in versions],
        ["{" + ",".join(map(str, v.row.idx)) + "}" for v in versions],
        [v.row.present for v in versions],
        *([v.row.scalars[name] for v in versions] for name in scalar_columns(resource_type)),
    ]


@cache
def _update_sql(resource_type: str) -> str:
    """Return the statement that supersedes many versions; it names those that it wrote."""
    table = TABLES[resource_type]
    columns = ["id", "version", "last_updated", "patient_id", "content", "idx", "present"]
    columns += scalar_columns(resource_type)
    casts = [_cast(resource_type, name) for name in columns]
    values = [
        f"{name} = u.{name}::bigint[]" if name == "idx" else f"{name} = u.{name}"
        for name in columns
        if name != "id"
    ]
    kept = "id, version, last_updated, deleted, patient_id, content"
    return (
        f"WITH u AS (SELECT * FROM unnest({', '.join(casts)}) AS u({', '.join(columns)})),"
        f" old AS (SELECT {', '.join(f't.{name}' for name in kept.split(', '))}"
        f" FROM {table.name} t JOIN u ON t.id = u.id AND t.version = u.version - 1"
        " AND NOT t.deleted ORDER BY t.id FOR UPDATE OF t),"
        f" hi AS (INSERT INTO fhir_history (type, {kept}) SELECT '{resource_type}', {kept}"
        " FROM old)"
        f" UPDATE {table.name} t SET {', '.join(values)} FROM u JOIN old ON old.id = u.id"
        " WHERE t.id = u.id RETURNING t.id"
    )


def _cast(resource_type: str, name: str) -> str:
    kind = TABLES[resource_type].c[name].type
    # Rows have keys of different number and SQL arrays are rectangular: literals.
    if isinstance(kind, ARRAY):
        return "%s::text[]"
    if isinstance(kind, DateTime):
        return "%s::timestamptz[]"
    if isinstance(kind, Boolean):
        return "%s::boolean[]"
    return "%s::bigint[]" if name in {"present", "version"} else "%s::text[]"


_REMOVE_SQL = {
    "strings": (
        "DELETE FROM fhir_string t USING unnest(%s::text[], %s::text[], %s::text[], %s::text[])"
        " AS u(t, i, p, v) WHERE t.type = u.t AND t.id = u.i AND t.param = u.p AND t.value = u.v"
    ),
    "dates": (
        "DELETE FROM fhir_date t USING unnest(%s::text[], %s::text[], %s::text[],"
        " %s::timestamptz[], %s::timestamptz[]) AS u(t, i, p, l, h) WHERE t.type = u.t"
        " AND t.id = u.i AND t.param = u.p AND t.lo = u.l AND t.hi = u.h"
    ),
    "quantities": (
        "DELETE FROM fhir_quantity t USING unnest(%s::text[], %s::text[], %s::text[],"
        " %s::numeric[], %s::numeric[], %s::text[], %s::text[]) AS u(t, i, p, l, h, u, c)"
        " WHERE t.type = u.t AND t.id = u.i AND t.param = u.p AND t.lo = u.l AND t.hi = u.h"
        " AND t.unit = u.u AND t.companion = u.c::bigint[]"
    ),
    "relationships": (
        "DELETE FROM relationship t USING unnest(%s::text[], %s::text[], %s::text[], %s::text[],"
        " %s::text[]) AS u(t, i, a, p, b) WHERE t.source = u.t || '/' || u.i"
        " AND t.patient_id = u.a AND t.party = u.p AND t.basis = u.b"
    ),
}


def _exchange_index_rows(olds: Sequence[dict[str, Any]], versions: Sequence[Version]) -> None:
    """Remove the index rows that only the old versions have and add those of the new ones."""
    gone: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _INDEX_SQL}
    come: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _INDEX_SQL}
    for resource, version in zip(olds, versions, strict=True):
        old, new = rows_apart(resource, version.value, version.row)
        for name in _INDEX_SQL:
            before, after = getattr(old, name), getattr(new, name)
            gone[name] += [(version.type, version.id, *row) for row in before - after]
            come[name] += [(version.type, version.id, *row) for row in after - before]
    for statements, found in ((_REMOVE_SQL, gone), (_INDEX_SQL, come)):
        for name, rows in found.items():
            if rows:
                columns = [list(column) for column in zip(*sorted(rows), strict=True)]
                db.fetch(statements[name], columns)
