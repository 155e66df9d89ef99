"""``_sort`` as ORDER BY, and the condition for what comes after a row: missing values last."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from fhir.search.criteria import (
    AllCriterion,
    CompositeCriterion,
    Criterion,
    DateCriterion,
    IdCriterion,
    IdentifierCriterion,
    ListCriterion,
    OfTypeCriterion,
    Prefix,
    ReferenceCriterion,
    SortKey,
    StringCriterion,
    TokenCriterion,
    UriCriterion,
)
from fhir.search.index import patient_column_parameters
from hub.records.content import order_of
from hub.records.criteria import Scope
from hub.records.criteria_keys import promoted_columns
from hub.records.promoted import DATE_INDEXES
from hub.records.sql import FALSE, Sql, all_of, any_of
from hub.records.tables import date_columns


@dataclass(frozen=True, slots=True)
class Order:
    """One expression of ORDER BY."""

    by: Sql
    descending: bool
    nullable: bool
    kind: str
    """``text``, ``number`` or ``instant``: orders of several types compare only like with like."""

    def sql(self) -> Sql:
        direction = " DESC" if self.descending else ""
        return Sql(
            f"{self.by.text}{direction}{' NULLS LAST' if self.nullable else ''}", self.by.params
        )

    def after(self, value: Any) -> Sql:
        if value is None:
            return FALSE
        sign = "<" if self.descending else ">"
        beyond = Sql(f"{self.by.text} {sign} %s", (*self.by.params, value))
        if not self.nullable:
            return beyond
        return any_of([beyond, Sql(f"{self.by.text} IS NULL", self.by.params)])

    def same(self, value: Any) -> Sql:
        if value is None:
            return Sql(f"{self.by.text} IS NULL", self.by.params)
        return Sql(f"{self.by.text} = %s", (*self.by.params, value))


def orders(scope: Scope, sort: tuple[SortKey, ...]) -> tuple[Order, ...]:
    """Return the whole order: the keys asked for, then the id."""
    found = []
    descending = False
    for key in sort:
        if key.parameter.code == "_id":
            # Nothing is left to order after it.
            descending = key.descending
            break
        found.append(_order(scope, key))
    last = Order(Sql(f"{scope.alias}.id"), descending=descending, nullable=False, kind="text")
    return (*found, last)


def chosen(
    scope: Scope, sort: tuple[SortKey, ...], criteria: Iterable[Criterion], *, few: bool = False
) -> tuple[Order, ...]:
    """Return the whole order of a search; ``few``: what is searched is known to be little.

    A generic plan does not know how many rows a key has. It guesses one in 200, and of a large
    table would rather read all rows in their order until a page is full. Where few rows can be
    expected the order is put in words that no index has: they are found first, then sorted.
    """
    order = orders(scope, sort)
    if not few and not any(_is_narrow(scope, each) for each in criteria):
        return order
    return tuple(
        replace(each, by=Sql(f"({each.by.text} {_NOTHING[each.kind]})", each.by.params))
        for each in order
    )


def _is_narrow(scope: Scope, criterion: Criterion) -> bool:
    """Say whether few rows meet a criterion, and the planner has no statistics that say so."""
    match criterion:
        case TokenCriterion():
            return criterion.modifier is None and not _NAMING.isdisjoint(criterion.parameter.types)
        case ReferenceCriterion():
            code = criterion.parameter.code
            return code not in promoted_columns(
                scope.type
            ) and code not in patient_column_parameters(scope.type)
        case StringCriterion() | UriCriterion():
            return criterion.modifier in {None, "exact"}
        case DateCriterion():
            return criterion.parameter.code in DATE_INDEXES.get(scope.type, ()) and all(
                value.prefix is Prefix.EQ and value.lo and value.hi and value.hi - value.lo <= _DAY
                for value in criterion.values
            )
        case AllCriterion():
            return any(_is_narrow(scope, each) for each in criterion.inner)
        case _:
            return isinstance(criterion, _ALWAYS_NARROW)


_NAMING = frozenset({"Identifier", "ContactPoint"})
_DAY = timedelta(days=1)
_ALWAYS_NARROW = (
    CompositeCriterion,
    IdCriterion,
    IdentifierCriterion,
    ListCriterion,
    OfTypeCriterion,
)
_NOTHING = {"text": "|| ''", "instant": "+ interval '0'", "number": "+ 0"}
_KINDS = {"date": "instant", "number": "number", "quantity": "number"}


def _order(scope: Scope, key: SortKey) -> Order:
    code, descending = key.parameter.code, key.descending
    if code == "_lastUpdated":
        return Order(Sql(f"{scope.alias}.last_updated"), descending, nullable=False, kind="instant")
    if stem := date_columns(scope.type).get(code):
        return Order(Sql(f"{scope.alias}.{stem}_lo"), descending, nullable=True, kind="instant")
    if column := promoted_columns(scope.type).get(code):
        return Order(Sql(f"{scope.alias}.{column}"), descending, nullable=True, kind="text")
    kind = _KINDS.get(key.parameter.kind, "text")
    by = order_of(scope.alias, key.parameter, descending=descending)
    return Order(by, descending, nullable=True, kind=kind)


def after(order: tuple[Order, ...], values: tuple[Any, ...]) -> Sql:
    """Return the condition for rows that come after the row with these values."""
    return any_of(
        all_of(
            [
                *(earlier.same(v) for earlier, v in zip(order[:place], values, strict=False)),
                order[place].after(values[place]),
            ]
        )
        for place in range(len(order))
    )
