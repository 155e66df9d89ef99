"""Versions of records: one of them, or the history of a record, a type or everything."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fhir.outcomes import BadRequestError, ForbiddenError, GoneError, NotFoundError
from fhir.search.dates import DateRange
from hub.db import driver
from hub.domain.actor import Actor
from hub.records import access, spool
from hub.records.reading import fetch, supported
from hub.records.record import Record
from hub.records.tables import TABLES

MAX_COUNT = 500

Position = tuple[datetime, str, int, str]
"""Where a page of history ended: last_updated, id, version and type of its last entry."""

_ORDER = "last_updated DESC, id DESC, version DESC, type DESC"


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
    at: DateRange | None = None,
    count: int = 100,
    before: Position | None = None,
) -> list[Record]:
    """Return versions, newest first, deletions among them (``deleted``, empty text).

    ``at`` keeps those that were current at some moment of a period: ``_at`` of R4
    http.html#history. ``before`` continues after the last entry of the page before. Never counts
    all history. Raises NotFoundError for a record that never was or is hidden.
    """
    if not 1 <= count <= MAX_COUNT + 1:
        raise BadRequestError(f"_count must be between 1 and {MAX_COUNT}", expression="_count")
    types = _types(actor, resource_type)
    if record_id is not None and resource_type is not None:
        stored = fetch(actor, resource_type, record_id, locked=False)
        if stored is None:
            raise NotFoundError(f"{resource_type}/{record_id} is not here")
    parts: list[str] = []
    parameters: list[Any] = []
    condition, bound = access.predicate(actor, "t")
    for each in types:
        limits, limit_parameters = _limits(each, record_id, since, before)
        for source, of_type in ((TABLES[each].name, ""), ("fhir_history", " AND t.type = %s")):
            current, current_parameters = _current(each, at, superseded=bool(of_type))
            parts.append(
                f"(SELECT %s::text AS type, t.id, t.version, t.last_updated, t.deleted, t.content"
                f" FROM {source} t WHERE {condition}{of_type}{limits}{current}"
                " ORDER BY t.last_updated DESC, t.id DESC, t.version DESC LIMIT %s)"
            )
            parameters += [each, *bound]
            if of_type:
                parameters.append(each)
            parameters += [*limit_parameters, *current_parameters, count]
    sql = f"{' UNION ALL '.join(parts)} ORDER BY {_ORDER} LIMIT %s"
    with driver() as connection:
        rows = connection.execute(sql.encode(), [*parameters, count]).fetchall()
    spool.looked(actor, "history", f"{resource_type or '*'}/{record_id or '*'}")
    return [Record(r[0], r[1], r[2], r[3], r[5], deleted=r[4]) for r in rows]


def _types(actor: Actor, resource_type: str | None) -> list[str]:
    """Return the types whose history is asked for; of all, those that the actor may read."""
    if resource_type is not None:
        supported(resource_type)
        access.authorise(actor, "read", resource_type)
        return [resource_type]
    types = [each for each in TABLES if access.allows(actor, "read", each)]
    if not types:
        raise ForbiddenError("the token's scopes do not allow to read any type")
    return types


def _current(
    resource_type: str, at: DateRange | None, *, superseded: bool
) -> tuple[str, list[Any]]:
    """Return the condition for versions that were current at some moment of ``at``."""
    if at is None:
        return "", []
    low, high = at
    sql, parameters = "", []
    if high is not None:
        sql += " AND t.last_updated < %s"
        parameters.append(high)
    if low is not None:
        # What was deleted before is no version of that time.
        sql += " AND NOT (t.deleted AND t.last_updated < %s)"
        parameters.append(low)
        if superseded:
            sql += (
                " AND COALESCE((SELECT n.last_updated FROM fhir_history n WHERE n.type = t.type"
                " AND n.id = t.id AND n.version = t.version + 1), (SELECT c.last_updated"
                f" FROM {TABLES[resource_type].name} c WHERE c.id = t.id"
                " AND c.version = t.version + 1)) > %s"
            )
            parameters.append(low)
    return sql, parameters


def _limits(
    resource_type: str, record_id: str | None, since: datetime | None, before: Position | None
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
        # At the same moment, id and version stand several types: in the order of their names.
        than = "<=" if resource_type < before[3] else "<"
        sql += f" AND (t.last_updated, t.id, t.version) {than} (%s, %s, %s)"
        parameters += list(before[:3])
    return sql, parameters
