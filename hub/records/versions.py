"""Versions of records: one of them, or the history of a record, a type or everything."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fhir.outcomes import BadRequestError, GoneError, NotFoundError
from hub.db import driver
from hub.domain.actor import Actor
from hub.records import access, spool
from hub.records.reading import fetch, supported
from hub.records.record import Record
from hub.records.tables import TABLES

MAX_COUNT = 500

Position = tuple[datetime, str, int]
"""Where a page of history ended: last_updated, id, version of its last entry."""


def vread(actor: Actor, resource_type: str, record_id: str, version: int) -> Record:
    """Return one version. Raises NotFoundError, or GoneError for a version that is a deletion."""
    access.authorise(actor, "read", resource_type)
    stored = fetch(actor, resource_type, record_id, locked=False)
    if stored is None:
        raise NotFoundError(f"{resource_type}/{record_id} is not here")
    if stored.version == version:
        found = stored.as_record(resource_type, record_id)
    else:
        # An earlier version may have been about somebody else.
        condition, bound = access.predicate(actor, "t")
        with driver() as connection:
            row = connection.execute(
                "SELECT version, last_updated, deleted, content FROM fhir_history t"
                f" WHERE type = %s AND id = %s AND version = %s AND {condition}".encode(),
                (resource_type, record_id, version, *bound),
                prepare=True,
            ).fetchone()
        if row is None:
            raise NotFoundError(f"{resource_type}/{record_id} has no version {version}")
        found = Record(resource_type, record_id, row[0], row[1], row[3], deleted=row[2])
    if found.deleted:
        raise GoneError(f"version {version} of {resource_type}/{record_id} is its deletion")
    spool.looked(actor, "vread", found.reference, version)
    return found


def history(
    actor: Actor,
    resource_type: str | None = None,
    record_id: str | None = None,
    *,
    since: datetime | None = None,
    count: int = 100,
    before: Position | None = None,
) -> list[Record]:
    """Return versions, newest first, deletions among them (``deleted``, empty text).

    ``before`` continues after the last entry of the page before. Never counts all history.
    Raises NotFoundError for a record that never was or is hidden.
    """
    if not 1 <= count <= MAX_COUNT:
        raise BadRequestError(f"_count must be between 1 and {MAX_COUNT}", expression="_count")
    if resource_type is not None:
        supported(resource_type)
    types = [resource_type] if resource_type else list(TABLES)
    for each in types:
        access.authorise(actor, "read", each)
    if record_id is not None and resource_type is not None:
        stored = fetch(actor, resource_type, record_id, locked=False)
        if stored is None:
            raise NotFoundError(f"{resource_type}/{record_id} is not here")
    limits, limit_parameters = _limits(record_id, since, before)
    parts: list[str] = []
    parameters: list[Any] = []
    for each in types:
        condition, bound = access.predicate(actor, "t")
        for source, of_type in ((TABLES[each].name, ""), ("fhir_history", " AND t.type = %s")):
            parts.append(
                f"(SELECT %s::text AS type, t.id, t.version, t.last_updated, t.deleted, t.content"
                f" FROM {source} t WHERE {condition}{of_type}{limits}"
                " ORDER BY t.last_updated DESC, t.id DESC, t.version DESC LIMIT %s)"
            )
            parameters += [each, *bound]
            if of_type:
                parameters.append(each)
            parameters += [*limit_parameters, count]
    sql = " UNION ALL ".join(parts) + " ORDER BY last_updated DESC, id DESC, version DESC LIMIT %s"
    with driver() as connection:
        rows = connection.execute(sql.encode(), [*parameters, count]).fetchall()
    spool.looked(actor, "history", f"{resource_type or '*'}/{record_id or '*'}")
    return [Record(r[0], r[1], r[2], r[3], r[5], deleted=r[4]) for r in rows]


def _limits(
    record_id: str | None, since: datetime | None, before: Position | None
) -> tuple[str, Sequence[Any]]:
    sql = ""
    parameters: list[Any] = []
    if record_id is not None:
        sql += " AND t.id = %s"
        parameters.append(record_id)
    if since is not None:
        sql += " AND t.last_updated >= %s"
        parameters.append(since)
    if before is not None:
        sql += " AND (t.last_updated, t.id, t.version) < (%s, %s, %s)"
        parameters += list(before)
    return sql, parameters
