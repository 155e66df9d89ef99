"""FHIR search over the records: one statement for ids, texts and the includes that have columns.

``search(actor, type, params)`` reads a query string; ``find(actor, query)`` a parsed one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fhir.search.criteria import Criterion, Include, Query
from fhir.search.query import parse
from hub import db
from hub.domain.actor import Actor
from hub.records import access, counting, cursor, includes, sorting, spool
from hub.records.criteria import Scope
from hub.records.criteria_keys import by_column
from hub.records.cursor import Cursor
from hub.records.includes import COLUMNS
from hub.records.page import Page
from hub.records.reading import supported
from hub.records.record import Record
from hub.records.sorting import Order
from hub.records.sql import Sql, all_of


def search(
    actor: Actor,
    resource_type: str,
    params: Sequence[tuple[str, str]],
    *,
    lenient: bool = False,
    also: Sequence[Criterion] = (),
) -> Page:
    """Return one page of what ``params`` ask for.

    ``also`` are criteria that the client did not write, such as those of a compartment. Raises
    BadRequestError, ForbiddenError (scopes), NotFoundError (type not held).
    """
    supported(resource_type)
    return find(actor, parse(resource_type, params, lenient=lenient), also=also)


def find(actor: Actor, query: Query, *, also: Sequence[Criterion] = ()) -> Page:
    access.authorise(actor, "search", query.type)
    scope = Scope(actor, query.type)
    where = scope.where((*query.criteria, *also))
    order = sorting.chosen(scope, query.sort, query.criteria, few=bool(also))
    start = cursor.decode(query, query.cursor, also) if query.cursor is not None else None
    if query.summary == "count" or query.count == 0:
        counted, estimated = counting.count(scope, where, accurate=query.total == "accurate")
        return Page(query, (), total=counted, estimated=estimated)
    asked = statement(scope, query, where, order, start)
    found = db.fetch(asked.sql.text, asked.sql.params)
    overflow = len(found) > query.count
    rows = found[: query.count]
    matches = [Record.of_page(query.type, row) for row in rows]
    brought = _brought(asked.joined, rows, matches) if asked.joined else []
    if asked.rest:
        brought += includes.included(actor, asked.rest, matches, brought)
    if start is not None:
        # Later pages keep the total of the first.
        total, estimated = start.total, start.estimated
    elif query.total == "none":
        total, estimated = None, False
    elif not overflow:
        total, estimated = len(rows), False
    else:
        accurate = query.total == "accurate"
        total, estimated = counting.count(scope, where, accurate=accurate, found=rows[0][_TOTAL])
    following = None
    if overflow:
        last = rows[-1]
        values = (*last[_TOTAL + 1 + len(asked.joined) :], last[0])
        following = cursor.encode(query, Cursor(values, total, estimated), also)
    spool.looked_at(
        actor,
        "search",
        query.type,
        [record.version_reference for record in (*matches, *brought)],
    )
    return Page(
        query,
        tuple(matches),
        included=tuple(brought),
        total=total,
        estimated=estimated,
        next=following,
    )


_TOTAL = len(COLUMNS)
"""Place of the total in a row; behind it what was brought along, then the sort values."""


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement of a search, and the includes that it does not bring."""

    sql: Sql
    joined: tuple[str, ...]
    """Types of the records that each row brings along, in the order of their places."""
    rest: tuple[Include, ...]


def statement(
    scope: Scope, query: Query, where: Sql, order: tuple[Order, ...], start: Cursor | None
) -> Statement:
    """Return the statement for the rows of a page and one more, and what can be joined.

    A row is (id, version, text, total or nothing, records brought along ..., sort values ...).
    A worklist is mostly longer than a page, and an index counts it: its total comes on the way.
    What is found in a costlier manner is counted when a page turns out not to hold it.
    """
    total = Sql("NULL::int")
    if start is None and query.total != "none" and _is_worklist(query):
        total = counting.counted(scope, where, accurate=query.total == "accurate")
    if start is not None:
        where = all_of([where, sorting.after(order, start.values)])
    joins = {
        include: join
        for include in query.includes
        if (join := includes.joined_column(include, query.type))
        and access.allows(scope.actor, "read", join[1])
    }
    wanted = tuple(dict.fromkeys(joins.values()))
    brought = [includes.joined(scope, column, target) for column, target in wanted]
    # Sort values as text: that of the last row stands in the link to the next page, no other.
    shown = [Sql(f"({each.by.text})::text", each.by.params) for each in order[:-1]]
    by = [each.sql() for each in order]
    columns = [Sql(f"{scope.alias}.{name}") for name in COLUMNS]
    selected = [*columns, total, *brought, *shown]
    text = (
        f"SELECT {', '.join(part.text for part in selected)}"
        f" FROM {scope.table} {scope.alias} WHERE {where.text}"
        f" ORDER BY {', '.join(part.text for part in by)} LIMIT {query.count + 1}"
    )
    params = tuple(p for part in (*selected, where, *by) for p in part.params)
    return Statement(
        Sql(text, params),
        joined=tuple(target for _, target in wanted),
        rest=tuple(include for include in query.includes if include not in joins),
    )


def _is_worklist(query: Query) -> bool:
    """Say whether a list is in an order, of what columns say (owner, status)."""
    return bool(query.sort and query.criteria) and all(
        by_column(query.type, each) for each in query.criteria
    )


def _brought(
    joined: tuple[str, ...], rows: Sequence[tuple[Any, ...]], matches: Sequence[Record]
) -> list[Record]:
    """Return the records that the rows bring along, each once and none that is a match."""
    known = {record.reference for record in matches}
    found = []
    for place, target in enumerate(joined, _TOTAL + 1):
        for text in dict.fromkeys(row[place] for row in rows if row[place] is not None):
            record = includes.read_joined(target, text)
            if record.reference not in known:
                known.add(record.reference)
                found.append(record)
    return found
