"""Conditions and orders that look into the stored text itself, with SQL/JSON paths.

For what is asked seldom (``:exact``, ``:text``, sorting by an odd element): nothing is stored for
it, other criteria narrow the rows first.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fhir.registry.search_parameters import SearchParameter
from hub.records.sql import FALSE, Sql, jsonpath

if TYPE_CHECKING:
    from hub.records.criteria import Scope

_LEAVES = {
    "HumanName": ("text", "family", "given", "prefix", "suffix"),
    "Address": ("text", "line", "city", "district", "state", "postalCode", "country"),
}
_TEXTS = {
    "CodeableConcept": ("text", "coding.display"),
    "Coding": ("display",),
    "Identifier": ("type.text", "type.coding.display"),
    "Reference": ("display",),
}
# What a value is ordered by, where it has parts.
_ORDERS = {
    "HumanName": "family",
    "Address": "text",
    "CodeableConcept": "coding.code",
    "Coding": "code",
    "Identifier": "value",
    "ContactPoint": "value",
    "Reference": "reference",
    "Quantity": "value",
    "Period": "start",
    "Range": "low.value",
}


def _joined(path: str, leaf: str) -> str:
    return f"{path}.{leaf}" if path else leaf


def _leaves(parameter: SearchParameter, *, texts: bool) -> Iterator[str]:
    for path, kind in parameter.paths:
        if texts:
            yield from (_joined(path, leaf) for leaf in _TEXTS.get(kind, ()))
        elif kind in _LEAVES:
            yield from (_joined(path, leaf) for leaf in _LEAVES[kind])
        else:
            yield path


def in_content(
    scope: "Scope",
    parameter: SearchParameter,
    condition: str,
    params: tuple[Any, ...],
    *,
    texts: bool = False,
) -> Sql:
    """Say that a text ``v`` of the parameter meets ``condition``.

    ``texts`` takes the texts that go with a token (display, text) instead of its value.
    """
    paths = [jsonpath(path) for path in _leaves(parameter, texts=texts)]
    if not paths:
        return FALSE
    each = " UNION ALL ".join(
        f"SELECT jsonb_path_query({scope.alias}.content::jsonb, %s::jsonpath) #>> '{{}}' AS v"
        for _ in paths
    )
    return Sql(f"EXISTS (SELECT 1 FROM ({each}) c WHERE {condition})", (*paths, *params))


def order_of(alias: str, parameter: SearchParameter) -> Sql:
    """Return the expression that orders by the first value of a parameter."""
    firsts = []
    params = []
    for path, kind in parameter.paths:
        leaf = _ORDERS.get(kind)
        firsts.append(f"(jsonb_path_query_first({alias}.content::jsonb, %s::jsonpath) #>> '{{}}')")
        params.append(jsonpath(_joined(path, leaf) if leaf else path))
    first = f"COALESCE({', '.join(firsts)})"
    if parameter.kind in {"quantity", "number"}:
        return Sql(f"({first})::numeric", tuple(params))
    return Sql(f'lower({first}) COLLATE "C"', tuple(params))
