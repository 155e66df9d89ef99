"""Tokens, references and uris: keys of the hashed index column, or columns of their own."""

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from fhir.registry.search_parameters import SearchParameter, patient_parameters, search_parameters
from fhir.search import keys
from fhir.search.cover import cover
from fhir.search.criteria import (
    CanonicalCriterion,
    Criterion,
    IdentifierCriterion,
    OfTypeCriterion,
    ReferenceCriterion,
    TokenCriterion,
    TokenValue,
    UriCriterion,
)
from fhir.search.emitters import folded
from fhir.search.index import patient_column_parameters
from fhir.search.keys import hashed
from fhir.search.paths import without_version
from fhir.search.text import telephone
from hub.records.content import in_content, other_tokens, with_system
from hub.records.promoted import PROMOTED
from hub.records.sql import FALSE, Sql, any_of

if TYPE_CHECKING:
    from hub.records.criteria import Scope

_CODE_ONLY = frozenset({"code", "string", "id", "uri", "boolean", "exists"})
_BARE_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")


@cache
def promoted_columns(resource_type: str) -> dict[str, str]:
    """Return the columns that answer a parameter exactly: code -> column."""
    return {p.parameter: p.column for p in PROMOTED.get(resource_type, ()) if p.parameter}


def by_column(resource_type: str, criterion: Criterion) -> bool:
    """Say whether a promoted column alone answers a criterion."""
    return (
        isinstance(criterion, TokenCriterion | ReferenceCriterion)
        and criterion.parameter.code in promoted_columns(resource_type)
        and getattr(criterion, "modifier", None) is None
    )


def single_key(scope: "Scope", criterion: Criterion) -> int | None:
    """Return the one key that answers a criterion, where one does: the commonest case."""
    if isinstance(criterion, TokenCriterion):
        if criterion.modifier is None and _column(scope, criterion) is None:
            found = _token_keys(scope.type, criterion.parameter, criterion.values)
            return found[0] if len(found) == 1 else None
    elif isinstance(criterion, ReferenceCriterion):
        parts = _References(scope, criterion)
        if len(parts.keys) == 1 and not parts.columns:
            return parts.keys[0]
    elif (
        isinstance(criterion, UriCriterion)
        and criterion.modifier is None
        and len(criterion.values) == 1
    ):
        return hashed(keys.uri(criterion.parameter.code, criterion.values[0]))
    return None


def overlaps(scope: "Scope", found: list[int]) -> Sql:
    return Sql(f"{scope.alias}.idx && %s::bigint[]", (found,)) if found else FALSE


# Tokens ------------------------------------------------------------------------------------


def token(scope: "Scope", criterion: TokenCriterion) -> Sql:
    if criterion.modifier == "ne":
        return other_tokens(scope, criterion.parameter, criterion.values[0])
    condition = _column(scope, criterion)
    if condition is None:
        condition = _of_own_system(scope, criterion)
    if condition is None and criterion.parameter.types == {"ContactPoint"}:
        condition = _of_contact_system(scope, criterion)
    if condition is None:
        condition = overlaps(scope, _token_keys(scope.type, criterion.parameter, criterion.values))
    if criterion.modifier == "not":
        # R4: :not also finds what has no value at all; a column that is NULL must not hide it.
        return Sql(f"({condition.text}) IS NOT TRUE", condition.params)
    return condition


def _column(scope: "Scope", criterion: TokenCriterion) -> Sql | None:
    column = promoted_columns(scope.type).get(criterion.parameter.code)
    if column is None:
        return None
    codes = []
    for value in criterion.values:
        if value.code is None:
            return None
        if _is_meant(criterion.parameter, value):
            codes.append(folded(value.code))
    return _equals(scope, column, codes)


def _of_own_system(scope: "Scope", criterion: TokenCriterion) -> Sql | None:
    """Answer ``system|`` for codes without a system: any value, or none, is of it."""
    parameter = criterion.parameter
    if not parameter.types <= _CODE_ONLY or all(v.code is not None for v in criterion.values):
        return None
    if any(v.code is None and v.system in parameter.systems for v in criterion.values):
        return Sql(f"{scope.alias}.present & %s::bigint <> 0", (1 << parameter.bit,))
    return None


def _of_contact_system(scope: "Scope", criterion: TokenCriterion) -> Sql | None:
    """Answer ``phone|``: any contact point of that kind."""
    systems = [value.system for value in criterion.values if value.code is None]
    if not systems:
        return None
    codes = tuple(value for value in criterion.values if value.code is not None)
    found = overlaps(scope, _token_keys(scope.type, criterion.parameter, codes))
    return any_of([with_system(scope, criterion.parameter, systems), found])


def _equals(scope: "Scope", column: str, values: list[str]) -> Sql:
    if len(values) == 1:
        return Sql(f"{scope.alias}.{column} = %s", (values[0],))
    return Sql(f"{scope.alias}.{column} = ANY(%s::text[])", (values,))


_TRUTH = "http://terminology.hl7.org/CodeSystem/special-values"
"""The implicit system of true and false."""


def _is_meant(parameter: SearchParameter, value: TokenValue) -> bool:
    """Say whether a code that stands without a system can be the one that is asked for."""
    if not value.system or value.system in parameter.systems:
        return True
    return value.system == _TRUTH and "boolean" in parameter.types


def _token_keys(
    resource_type: str, parameter: SearchParameter, values: tuple[TokenValue, ...]
) -> list[int]:
    found: dict[int, None] = {}
    for value in values:
        for key in token_keys(resource_type, parameter, value):
            found[hashed(key)] = None
    return list(found)


def token_keys(resource_type: str, parameter: SearchParameter, value: TokenValue) -> Iterator[str]:
    """Yield the keys under which a token would be found, whichever holds the parameter."""
    known = search_parameters(resource_type)
    covered = cover(resource_type, parameter.code) if parameter.code in known else None
    holders = covered.holders if covered else (parameter.code,)
    if covered and covered.system:
        # phone=1234 is telecom=phone|1234; a system here would say the same again.
        if value.code and value.system in {None, "", covered.system}:
            yield from (keys.token(h, covered.system, telephone(value.code)) for h in holders)
        return
    for holder in holders:
        yield from own_keys(holder, parameter, value)


def own_keys(name: str, parameter: SearchParameter, value: TokenValue) -> Iterator[str]:
    """Yield the keys that a value has under one name."""
    if parameter.types <= _CODE_ONLY:
        if value.code is not None and _is_meant(parameter, value):
            yield keys.token_code(name, folded(value.code))
        return
    code = value.code
    is_contact = parameter.types == {"ContactPoint"}
    if code is not None:
        code = telephone(code) if is_contact else folded(code)
    # A contact point's phone or email is no code system, though phone|1234 is understood.
    if is_contact and code is None:
        # phone| is answered by a look at the elements: no key says so.
        return
    if value.system is None or (is_contact and not value.system):
        yield keys.token_code(name, code or "")
    elif code is None:
        yield keys.token_system(name, value.system)
    else:
        yield keys.token(name, value.system, code)


def of_type(scope: "Scope", criterion: OfTypeCriterion) -> Sql:
    name = criterion.parameter.code
    return overlaps(
        scope,
        [
            hashed(keys.of_type(name, system, folded(code), folded(value)))
            for system, code, value in criterion.values
        ],
    )


# References --------------------------------------------------------------------------------


class _References:
    """The values of a reference criterion: as keys, and as conditions on columns."""

    def __init__(self, scope: "Scope", criterion: ReferenceCriterion) -> None:
        self.keys: list[int] = []
        self.columns: list[Sql] = []
        parameter = criterion.parameter
        covered = cover(scope.type, parameter.code)
        targets = [
            target
            for target in (*parameter.targets, *parameter.foreign_targets)
            if covered.target in {None, target}
        ]
        values = [target for value in criterion.values for target in _targets(value, targets)]
        if covered.target:
            values = [v for v in values if _type_of(v) in {covered.target, None}]
        if parameter.code in patient_column_parameters(scope.type):
            people = [v.removeprefix("Patient/") for v in values if v.startswith("Patient/")]
            values = [v for v in values if not v.startswith("Patient/")]
            if people:
                self.columns.append(_patient(scope, people))
        if column := promoted_columns(scope.type).get(parameter.code):
            if values:
                self.columns.append(_equals(scope, column, values))
            return
        self.keys = [hashed(keys.reference(h, v)) for h in covered.holders for v in values]


def _patient(scope: "Scope", ids: list[str]) -> Sql:
    condition = _equals(scope, "patient_id", ids)
    if len(patient_parameters(scope.type)) == 1:
        return condition
    # The column may come from another parameter (a performer), where the subject is no Patient.
    first = search_parameters(scope.type)[patient_parameters(scope.type)[0]]
    return Sql(
        f"{condition.text} AND {scope.alias}.present & %s::bigint <> 0",
        (*condition.params, 1 << first.bit),
    )


def _targets(value: str, targets: list[str]) -> Iterator[str]:
    """Yield what a value may stand for: a bare id for that id in every type."""
    if _BARE_ID.fullmatch(value):
        yield from (f"{target}/{value}" for target in targets)
    else:
        yield without_version(value)


def _type_of(target: str) -> str | None:
    head, slash, _ = target.partition("/")
    return head if slash and head.isalpha() else None


def reference(scope: "Scope", criterion: ReferenceCriterion) -> Sql:
    parts = _References(scope, criterion)
    conditions = [*parts.columns, *([overlaps(scope, parts.keys)] if parts.keys else [])]
    return any_of(conditions)


def identifier(scope: "Scope", criterion: IdentifierCriterion) -> Sql:
    found = []
    for holder in cover(scope.type, criterion.parameter.code).holders:
        name = keys.identifier_of(holder)
        for value in criterion.values:
            code = None if value.code is None else folded(value.code)
            if value.system is None:
                found.append(hashed(keys.token_code(name, code or "")))
            elif code is None:
                found.append(hashed(keys.token_system(name, value.system)))
            else:
                found.append(hashed(keys.token(name, value.system, code)))
    return overlaps(scope, found)


# Uris --------------------------------------------------------------------------------------


def uri(scope: "Scope", criterion: UriCriterion) -> Sql:
    name = criterion.parameter.code
    if criterion.modifier == "below":
        return any_of(_below(scope, criterion.parameter, value) for value in criterion.values)
    values = criterion.values
    if criterion.modifier == "above":
        values = tuple(prefix for value in values for prefix in _prefixes(value))
    return overlaps(scope, [hashed(keys.uri(name, value)) for value in values])


def _prefixes(value: str) -> Iterator[str]:
    """Yield what stands above a uri: all that it begins with, and itself."""
    yield from (value[:length] for length in range(1, len(value) + 1))


def canonical(scope: "Scope", criterion: CanonicalCriterion) -> Sql:
    """``url|1`` is above ``url|1.2``; a url without version is above all its versions."""
    parameter = criterion.parameter
    if criterion.below:
        found = []
        for value in criterion.values:
            deeper = f"{value}." if "|" in value else f"{value}|"
            found.append(
                in_content(scope, parameter, "v = %s OR starts_with(v, %s)", (value, deeper))
            )
        return any_of(found)
    coarser = [each for value in criterion.values for each in _coarser(value)]
    return in_content(scope, parameter, "v = ANY(%s::text[])", (coarser,))


def _coarser(value: str) -> Iterator[str]:
    address, bar, version = value.partition("|")
    yield address
    parts = version.split(".") if bar else []
    for place in range(len(parts)):
        yield f"{address}|{'.'.join(parts[: place + 1])}"


def _below(scope: "Scope", parameter: SearchParameter, value: str) -> Sql:
    """Look into the texts themselves: the few types that have uris are small."""
    return in_content(scope, parameter, "starts_with(v, %s)", (value,))
