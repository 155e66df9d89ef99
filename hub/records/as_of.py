"""Records as they were at one moment: what a bulk export lists, and gives (docs/adr/0006).

A list is (id, version, size) of every record, made in one snapshot of the database. The versions on
it can be read at any time after: a version is the current one or lies in the history, for good.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from fhir.search.criteria import Query
from hub.db import driver
from hub.domain.actor import Actor
from hub.records import access
from hub.records.criteria import Scope
from hub.records.record import Record
from hub.records.row import NOBODY_HERE
from hub.records.sql import TRUE, Sql, all_of, any_of
from hub.records.tables import TABLES
from hub.transaction import transaction

_STEP = 5_000
"""Rows of a list in memory at once."""

Listed = tuple[str, int, int]
"""Id, version, and bytes of the text, by which is decided how many are read at once. PostgreSQL
knows the length of a text without reading it."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records of a type, and as of when."""

    type: str
    as_of: datetime
    since: datetime | None = None
    """Only versions written after it."""
    of_people: bool = False
    """Only what is in the compartment of a Patient of this hub."""
    people: tuple[str, ...] | None = None
    """... of one of these Patients (ids); None: of any."""
    filters: tuple[Query, ...] = ()
    """Searches of which one must match. They see the records as they are now: what has changed
    between ``as_of`` and the list is given as it was, where the newest version matches."""


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Open a transaction in which every statement sees the same moment."""
    with transaction(), driver() as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def versions(actor: Actor, chosen: Selection) -> Iterator[Listed]:
    """Yield every record that ``actor`` may see; in ``one_snapshot``."""
    access.authorise(actor, "read", chosen.type)
    table, where = TABLES[chosen.type].name, _matching(actor, chosen)
    now = all_of([_upto("t", chosen), _visible(actor, "t", chosen), where])
    then = all_of([_visible(actor, "h", chosen), where])
    # What has changed since: the newest version of that time, if it was no deletion.
    before, bound = _before(table, chosen)
    yield from _streamed(
        f"SELECT {_LISTED.format('t')} FROM {table} t WHERE NOT t.deleted AND {now.text}"
        f" UNION ALL SELECT {_LISTED.format('h')} FROM {before}"
        f" AND NOT h.deleted AND {then.text}",
        (*now.params, *bound, *then.params),
    )


def deletions(actor: Actor, chosen: Selection) -> Iterator[Listed]:
    """Yield every deletion since ``chosen.since`` that stood at the moment."""
    access.authorise(actor, "read", chosen.type)
    table = TABLES[chosen.type].name
    now = all_of([_upto("t", chosen), _visible(actor, "t", chosen)])
    then = _visible(actor, "h", chosen)
    before, bound = _before(table, chosen)
    yield from _streamed(
        f"SELECT {_LISTED.format('t')} FROM {table} t WHERE t.deleted AND {now.text}"
        f" UNION ALL SELECT {_LISTED.format('h')} FROM {before} AND h.deleted AND {then.text}",
        (*now.params, *bound, *then.params),
    )


_LISTED = "{0}.id, {0}.version, octet_length({0}.content)"


def _upto(alias: str, chosen: Selection) -> Sql:
    return Sql(f"{alias}.last_updated <= %s", (chosen.as_of,))


def _before(table: str, chosen: Selection) -> tuple[str, Sequence[object]]:
    return (
        f"{table} t CROSS JOIN LATERAL (SELECT * FROM fhir_history x WHERE x.type = %s"
        " AND x.id = t.id AND x.last_updated <= %s ORDER BY x.version DESC LIMIT 1) h"
        " WHERE t.last_updated > %s",
        (chosen.type, chosen.as_of, chosen.as_of),
    )


def _visible(actor: Actor, alias: str, chosen: Selection) -> Sql:
    seen, params = access.predicate(actor, alias)
    parts = [] if seen == "TRUE" else [Sql(seen, tuple(params))]
    if chosen.since is not None:
        parts.append(Sql(f"{alias}.last_updated > %s", (chosen.since,)))
    if chosen.people is not None:
        parts.append(Sql(f"{alias}.patient_id = ANY(%s::text[])", (list(chosen.people),)))
    elif chosen.of_people:
        # Of nobody here, or of nobody at all (NULL): not in a compartment.
        parts.append(Sql(f"{alias}.patient_id <> %s", (NOBODY_HERE,)))
    return all_of(parts)


def _matching(actor: Actor, chosen: Selection) -> Sql:
    if not chosen.filters:
        return TRUE
    scope = Scope(actor, chosen.type)
    return any_of([all_of(scope.conditions(query.criteria)) for query in chosen.filters])


def _streamed(sql: str, params: Sequence[object]) -> Iterator[Listed]:
    with driver() as connection, connection.cursor(name="as_of") as cursor:
        cursor.itersize = _STEP
        cursor.execute(sql.encode(), params)
        yield from cursor


def texts(resource_type: str, wanted: Sequence[Listed]) -> list[Record]:
    """Return these versions in their order; what is lost is left out.

    For lists that ``versions`` has made for an actor: access was decided there.
    """
    sql = (
        "SELECT u.id, u.version, COALESCE(t.last_updated, h.last_updated),"
        " COALESCE(t.content, h.content)"
        " FROM unnest(%b::text[], %b::int[]) AS u(id, version)"
        f" LEFT JOIN {TABLES[resource_type].name} t ON t.id = u.id AND t.version = u.version"
        " LEFT JOIN LATERAL (SELECT x.last_updated, x.content FROM fhir_history x"
        # LIMIT keeps the planner from hashing all history of the type for a few of its versions.
        " WHERE t.id IS NULL AND x.type = %b AND x.id = u.id AND x.version = u.version"
        " LIMIT 1) h ON TRUE"
        " WHERE COALESCE(t.content, h.content) IS NOT NULL"
    )
    ids, numbers = [each[0] for each in wanted], [each[1] for each in wanted]
    with driver() as connection:
        rows = connection.execute(
            sql.encode(), (ids, numbers, resource_type), prepare=True
        ).fetchall()
    found = {(row[0], row[1]): row for row in rows}
    return [
        Record(resource_type, *found[key])
        for record_id, version, _ in wanted
        if (key := (record_id, version)) in found
    ]


def content(resource_type: str, record_id: str, as_of: datetime) -> str | None:
    """Return the text of a record as it was at the moment; None where it was not there."""
    upto: Iterable[object] = (record_id, as_of, resource_type, record_id, as_of)
    with driver() as connection:
        row = connection.execute(
            "SELECT content, deleted FROM (SELECT version, content, deleted"
            f" FROM {TABLES[resource_type].name} WHERE id = %s AND last_updated <= %s"
            " UNION ALL SELECT version, content, deleted FROM fhir_history"
            " WHERE type = %s AND id = %s AND last_updated <= %s) v"
            " ORDER BY version DESC LIMIT 1".encode(),
            tuple(upto),
        ).fetchone()
    return None if row is None or row[1] else row[0]
