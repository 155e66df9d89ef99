"""FHIR search over the records: one statement for ids, texts and the includes that have columns.

``search(actor, type, params)`` reads a query string; ``find(actor, query)`` a parsed one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fhir.search.criteria import Criterion, Include, Query
from fhir.search.query import parse
from hub import db
from hub.domain.actor import Actor
from hub.records import access, counting, cursor, includes, sorting, spool
from hub.records.criteria import Scope
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
    rows = [row for row in found if not row[0]]
    joined = [Record.of_page(row[0], row[1:]) for row in found if row[0]]
    overflow = len(rows) > query.count
    rows = rows[: query.count]
    matches = [Record.of_page(query.type, row[1:]) for row in rows]
    brought = _once(joined, matches)
    if asked.rest:
        brought += includes.included(actor, asked.rest, matches, brought)
    total, estimated = _total(scope, query, where, start, len(rows) if not overflow else None)
    following = None
    if overflow:
        last = rows[-1]
        values = (*last[6:], last[1])
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


_SHAPE = ("id", "version", "last_updated", "managed", "content")
"""Names of the columns ``COLUMNS`` inside the statement."""


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement of a search, and the includes that it does not bring."""

    sql: Sql
    rest: tuple[Include, ...]


def statement(
    scope: Scope, query: Query, where: Sql, order: tuple[Order, ...], start: Cursor | None
) -> Statement:
    """Return the statement for the rows of a page and one more, and what can be joined.

    Its rows are (type of an included record or empty, id, version, instant, managed, text, sort
    values ...).
    """
    if start is not None:
        where = all_of([where, sorting.after(order, start.values)])
    joins = {
        include: join
        for include in query.includes
        if (join := includes.joined_column(include, query.type))
        and access.allows(scope.actor, "read", join[1])
    }
    shown = [each.by for each in order[:-1]]
    names = [f"o{place}" for place in range(len(shown))]
    # Sort values as text: that of the last row stands in the link to the next page, no other.
    selected = ", ".join(f"{scope.alias}.{name}" for name in COLUMNS) + "".join(
        f", ({part.text})::text AS {name}" for part, name in zip(shown, names, strict=True)
    )
    by = [each.sql() for each in order]
    tail = (
        f" FROM {scope.table} {scope.alias} WHERE {where.text}"
        f" ORDER BY {', '.join(part.text for part in by)} LIMIT {query.count + 1}"
    )
    params = tuple(p for part in (*shown, where, *by) for p in part.params)
    rest = tuple(include for include in query.includes if include not in joins)
    if not joins:
        return Statement(Sql(f"SELECT ''::text AS k, {selected}{tail}", params), rest)
    columns = sorted({column for column, _ in joins.values()})
    carried = "".join(f", {scope.alias}.{name}" for name in columns)
    # Brought along: the same columns, with nothing where the sort values are.
    nothing = "".join(f", NULL::text AS {name}" for name in names)
    shape = ", ".join([*_SHAPE, *names])
    text = (
        f"WITH page AS MATERIALIZED (SELECT {selected}{carried}{tail})"
        f" SELECT ''::text AS k, {shape} FROM page"
    )
    for column, target in dict.fromkeys(joins.values()):
        part = includes.joined(scope, column, target, query.count)
        text += f" UNION ALL SELECT '{target}', j.*{nothing} FROM ({part.text}) j"
        params += part.params
    return Statement(Sql(text, params), rest)


def _once(joined: list[Record], matches: list[Record]) -> list[Record]:
    known = {record.reference for record in matches}
    found = []
    for record in joined:
        if record.reference not in known:
            known.add(record.reference)
            found.append(record)
    return found


def _total(
    scope: Scope, query: Query, where: Sql, start: Cursor | None, whole: int | None
) -> tuple[int | None, bool]:
    """Return the total: the first page's own, if it holds all; later pages keep the first's."""
    if start is not None:
        return start.total, start.estimated
    if query.total == "none":
        return None, False
    if whole is not None:
        return whole, False
    return counting.count(scope, where, accurate=query.total == "accurate")
