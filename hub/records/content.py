"""Conditions and orders that look into the stored text itself, with SQL/JSON paths.

For what is asked seldom (``:exact``, ``:text``, sorting by an odd element): nothing is stored for
it, other criteria narrow the rows first.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhir.registry.search_parameters import SearchParameter
from fhir.search.criteria import TokenValue
from hub.records.sql import FALSE, Sql, any_of, jsonpath

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
    "HumanName": ("family",),
    "Address": ("text",),
    "CodeableConcept": ("coding.code",),
    "Coding": ("code",),
    "Identifier": ("value",),
    "ContactPoint": ("value",),
    "Reference": ("reference",),
    "Quantity": ("value",),
    "Period": ("start",),
    "Range": ("low.value",),
    "Timing": ("event", "repeat.boundsPeriod.start"),
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


# Where a value keeps its code and its system: relative to the path of the parameter.
_TOKENS = {
    "CodeableConcept": ("coding", "code", "system"),
    "Coding": ("", "code", "system"),
    "Identifier": ("", "value", "system"),
    "ContactPoint": ("", "value", "system"),
}


def other_tokens(scope: "Scope", parameter: SearchParameter, value: TokenValue) -> Sql:
    """Say that a token of the parameter is not ``value``: another code, or another system."""
    found = []
    for path, kind in parameter.paths:
        inner, code, system = _TOKENS.get(kind, ("", "", ""))
        which = jsonpath(_joined(path, inner) if inner else path)
        tests, params = [], []
        if value.code is not None:
            spelt = f"v ->> '{code}'" if code else "v #>> '{}'"
            tests.append(f"lower({spelt}) IS DISTINCT FROM %s")
            params.append(value.code.lower())
        if value.system is not None and system:
            tests.append(f"COALESCE(v ->> '{system}', '') <> %s")
            params.append(value.system)
        if tests:
            found.append(
                Sql(
                    "EXISTS (SELECT 1 FROM jsonb_path_query("
                    f"{scope.alias}.content::jsonb, %s::jsonpath) v WHERE {' OR '.join(tests)})",
                    (which, *params),
                )
            )
    return any_of(found)


# A date that is not whole is ordered by its beginning; a text that is no date by nothing.
_INSTANT = (
    "CASE WHEN v ~ '^\\d{4}$' THEN (v || '-01-01')::timestamptz"
    " WHEN v ~ '^\\d{4}-\\d\\d$' THEN (v || '-01')::timestamptz"
    " WHEN v ~ '^\\d{4}-\\d\\d-\\d\\d' THEN v::timestamptz END"
)


def with_system(scope: "Scope", parameter: SearchParameter, systems: list[str | None]) -> Sql:
    """Say that an element of the parameter has one of these systems."""
    return any_of(
        Sql(
            f"EXISTS (SELECT 1 FROM jsonb_path_query({scope.alias}.content::jsonb, %s::jsonpath) v"
            " WHERE v ->> 'system' = ANY(%s::text[]))",
            (jsonpath(path), systems),
        )
        for path, _ in parameter.paths
    )


def included_in_precision(scope: "Scope", parameter: SearchParameter, value: Decimal) -> Sql:
    """Say that a number of the parameter, as exact as it is written, can be ``value``."""
    paths = [jsonpath(path) for path, kind in parameter.paths if kind == "decimal"]
    each = " UNION ALL ".join(
        f"SELECT (jsonb_path_query({scope.alias}.content::jsonb, %s::jsonpath) #>> '{{}}')::numeric"
        " AS v"
        for _ in paths
    )
    return Sql(
        f"EXISTS (SELECT 1 FROM ({each}) c WHERE abs(v - %s) <= 0.5 * 10::numeric ^ -scale(v))",
        (*paths, value),
    )


def order_of(alias: str, parameter: SearchParameter, *, descending: bool) -> Sql:
    """Return the expression that orders by a parameter.

    Of several values it takes the one that comes first in the order that is asked for:
    https://hl7.org/fhir/R4/search.html#sort.
    """
    paths = [
        jsonpath(_joined(path, leaf) if leaf else path)
        for path, kind in parameter.paths
        for leaf in _ORDERS.get(kind, ("",))
        # Words are no dates, and samples no single quantity: they come last.
        if (parameter.kind, kind) not in {("date", "string"), ("quantity", "SampledData")}
    ]
    each = " UNION ALL ".join(
        f"SELECT jsonb_path_query({alias}.content::jsonb, %s::jsonpath) #>> '{{}}' AS v"
        for _ in paths
    )
    match parameter.kind:
        case "quantity" | "number":
            value = "v::numeric"
        case "date":
            value = _INSTANT
        case _:
            value = 'lower(v) COLLATE "C"'
    best = "max" if descending else "min"
    return Sql(f"(SELECT {best}({value}) FROM ({each}) c)", tuple(paths))
