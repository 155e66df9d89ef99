"""Searches of several types at once: all of them, or what is in a compartment.

One statement: each type's own search up to a page, put together in one order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fhir.outcomes import BadRequestError, ForbiddenError
from fhir.search.criteria import Criterion, Query
from hub.db import driver
from hub.domain.actor import Actor
from hub.records import access, counting, cursor, includes, sorting, spool
from hub.records.criteria import Scope
from hub.records.cursor import Cursor
from hub.records.page import Page
from hub.records.record import Record
from hub.records.sorting import Order
from hub.records.sql import Sql, all_of, any_of


@dataclass(frozen=True, slots=True)
class _Branch:
    """One type's share of the search."""

    scope: Scope
    where: Sql
    order: tuple[Order, ...]

    def rows(self) -> Sql:
        text = f"SELECT 1 FROM {self.scope.table} {self.scope.alias} WHERE {self.where.text}"
        return Sql(text, self.where.params)

    def page(self, limit: int, start: Cursor | None) -> Sql:
        """Select (type, id, version, text, sort values ...) of a page."""
        where = self.where if start is None else all_of([self.where, self._after(start)])
        columns = ", ".join(f"{self.scope.alias}.{name}" for name in includes.COLUMNS)
        shown = [each.by for each in self.order[:-1]]
        values = "".join(f", {part.text} AS o{place}" for place, part in enumerate(shown))
        by = [each.sql() for each in self.order]
        text = (
            f"(SELECT '{self.scope.type}'::text AS k, {columns}{values} FROM {self.scope.table}"
            f" {self.scope.alias} WHERE {where.text}"
            f" ORDER BY {', '.join(part.text for part in by)} LIMIT {limit})"
        )
        return Sql(text, tuple(p for part in (*shown, where, *by) for p in part.params))

    def _after(self, start: Cursor) -> Sql:
        """Go on after a row that may be of another type: equal ids are in the order of types."""
        *values, last_type = start.values
        beyond = sorting.after(self.order, tuple(values))
        if self.scope.type <= last_type:
            return beyond
        same = all_of(each.same(v) for each, v in zip(self.order, values, strict=True))
        return any_of([beyond, same])


def allowed_types(actor: Actor, types: Sequence[str]) -> tuple[str, ...]:
    """Return those of ``types`` that the actor may search. Raises ForbiddenError: none."""
    found = tuple(each for each in types if access.allows(actor, "search", each))
    if not found:
        raise ForbiddenError("the token's scopes do not allow a search of any of these types")
    return found


def find_all(
    actor: Actor, queries: Sequence[Query], also: Mapping[str, Criterion] | None = None
) -> Page:
    """Return one page of what the queries, the same but for their types, ask for together.

    ``also`` has what a type's records must meet beside, such as to be in a compartment. Raises
    BadRequestError, ForbiddenError (scopes).
    """
    besides = dict(also or {})
    branches = [_branch(actor, query, besides.get(query.type)) for query in queries]
    query = replace(queries[0], type=",".join(each.type for each in queries))
    bound = tuple(besides.values())
    _check_comparable(query, branches)
    everything = _united([branch.rows() for branch in branches])
    accurate = query.total == "accurate"
    if query.summary == "count" or query.count == 0:
        counted, estimated = counting.count_rows(everything, accurate=accurate)
        return Page(query, (), total=counted, estimated=estimated)
    start = cursor.decode(query, query.cursor, bound) if query.cursor is not None else None
    found = _fetched(query, branches, start)
    matches = [Record.of_page(row[0], row[1:]) for row in found[: query.count]]
    brought = includes.included(actor, query.includes, matches) if query.includes else []
    overflow = len(found) > query.count
    total, estimated = (start.total, start.estimated) if start else (len(found), False)
    if start is None and query.total == "none":
        total = None
    elif start is None and overflow:
        total, estimated = counting.count_rows(everything, accurate=accurate)
    following = None
    if overflow:
        last = found[query.count - 1]
        values = (*last[4:], last[1], last[0])
        following = cursor.encode(query, Cursor(values, total, estimated), bound)
    seen = [record.version_reference for record in (*matches, *brought)]
    spool.looked_at(actor, "search", "*", seen)
    return Page(query, tuple(matches), tuple(brought), total, estimated, following)


def _branch(actor: Actor, query: Query, beside: Criterion | None) -> _Branch:
    access.authorise(actor, "search", query.type)
    scope = Scope(actor, query.type)
    criteria = query.criteria if beside is None else (*query.criteria, beside)
    order = sorting.chosen(scope, query.sort, query.criteria, few=beside is not None)
    return _Branch(scope, scope.where(criteria), order)


def _check_comparable(query: Query, branches: Sequence[_Branch]) -> None:
    alike = zip(*(branch.order for branch in branches), strict=True)
    for key, orders in zip(query.sort, alike, strict=False):
        if len({order.kind for order in orders}) > 1:
            raise BadRequestError(
                f"_sort: {key.parameter.code} has no common order in these types", code="value"
            )


def _united(parts: Sequence[Sql]) -> Sql:
    text = " UNION ALL ".join(part.text for part in parts)
    return Sql(text, tuple(p for part in parts for p in part.params))


def _fetched(
    query: Query, branches: Sequence[_Branch], start: Cursor | None
) -> list[tuple[Any, ...]]:
    limit = query.count + 1
    united = _united([branch.page(limit, start) for branch in branches])
    *keys, by_id = branches[0].order
    by = [
        replace(key, by=Sql(f'o{place} COLLATE "C"' if key.kind == "text" else f"o{place}"))
        for place, key in enumerate(keys)
    ]
    by.append(replace(by_id, by=Sql('id COLLATE "C"')))
    order = ", ".join(each.sql().text for each in by)
    sql = f'SELECT * FROM ({united.text}) u ORDER BY {order}, k COLLATE "C" LIMIT {limit}'
    with driver() as connection:
        rows: list[tuple[Any, ...]] = connection.execute(
            sql.encode(), united.params, prepare=True
        ).fetchall()
    return rows
