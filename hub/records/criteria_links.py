"""Criteria on what a record points to, on what points to it, and composites.

What a link leads through is seen by the actor too: a chain is no way round the access predicate.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fhir.registry.search_parameters import (
    SearchParameter,
    patient_parameters,
    search_parameters,
    whole_parameter,
)
from fhir.search import composites, criteria, keys
from fhir.search.cover import cover
from fhir.search.criteria import (
    ChainCriterion,
    CompositeCriterion,
    Criterion,
    HasCriterion,
    HierarchyCriterion,
    IdCriterion,
    ListCriterion,
    ReferenceCriterion,
    TokenCriterion,
)
from fhir.search.index import patient_column_parameters
from fhir.search.keys import HASH_SQL, hashed
from hub.records import access
from hub.records.content import in_content
from hub.records.criteria_keys import overlaps, own_keys, promoted_columns
from hub.records.criteria_values import quantity_rows
from hub.records.sql import Sql, all_of, any_of, jsonpath

if TYPE_CHECKING:
    from hub.records.criteria import Scope


def chain(scope: "Scope", criterion: ChainCriterion) -> Sql:
    allowed = [(t, i) for t, i in criterion.inner if access.allows(scope.actor, "search", t)]
    if not allowed:
        access.authorise(scope.actor, "search", criterion.inner[0][0])
    return any_of(_chained(scope, criterion.parameter, target, inner) for target, inner in allowed)


def _chained(scope: "Scope", parameter: SearchParameter, target: str, inner: Criterion) -> Sql:
    there = scope.inner(target)
    where = there.where([inner])
    if "canonical" in parameter.types:
        return _defined(scope, parameter, there, where)
    return _pointing(
        scope,
        parameter,
        target,
        Sql(f"{there.alias}.id"),
        Sql(f"FROM {there.table} {there.alias} WHERE {where.text}", where.params),
    )


def _defined(scope: "Scope", parameter: SearchParameter, there: "Scope", where: Sql) -> Sql:
    """Say that a canonical names a definition, whatever its version or that very one."""
    url, version = _url_and_version(there)
    source = f"FROM {there.table} {there.alias} WHERE {where.text}"
    return in_content(
        scope,
        parameter,
        f"v IN (SELECT {url} {source} UNION ALL SELECT {url} || '|' || {version} {source})",
        (*where.params, *where.params),
    )


def _url_and_version(scope: "Scope") -> tuple[str, str]:
    content = f"({scope.alias}.content::jsonb)"
    return f"({content} ->> 'url')", f"({content} ->> 'version')"


def _pointing(
    scope: "Scope", parameter: SearchParameter, target: str, found: Sql, source: Sql
) -> Sql:
    """Say that a reference of the parameter points to a ``target`` whose id is ``found``."""
    code, params = parameter.code, source.params
    if target == "Patient" and code in patient_column_parameters(scope.type):
        condition = Sql(f"{scope.alias}.patient_id IN (SELECT {found.text} {source.text})", params)
        if len(patient_parameters(scope.type)) == 1:
            return condition
        bit = 1 << search_parameters(scope.type)[patient_parameters(scope.type)[0]].bit
        return all_of([condition, Sql(f"{scope.alias}.present & %s::bigint <> 0", (bit,))])
    if column := promoted_columns(scope.type).get(code):
        return Sql(
            f"{scope.alias}.{column} IN (SELECT %s || {found.text} {source.text})",
            (f"{target}/", *params),
        )
    return any_of(
        Sql(
            f"{scope.alias}.idx && ARRAY(SELECT "
            + HASH_SQL.format(f"%s || {found.text}")
            + f" {source.text})",
            (keys.reference(holder, f"{target}/"), *params),
        )
        for holder in cover(scope.type, code).holders
    )


def hierarchy(scope: "Scope", criterion: HierarchyCriterion) -> Sql:
    """``:below``: a record or what is part of it; ``:above``: it or what it is part of."""
    found = []
    for value in criterion.values:
        target, _, record_id = value.partition("/")
        there = scope.inner(target)
        whole = whole_parameter(target)
        assert whole is not None
        tree = f"h{next(scope.aliases)}"
        where = there.where(())
        if criterion.below:
            step = (
                f"SELECT {there.alias}.id FROM {tree} JOIN {there.table} {there.alias}"
                f" ON {there.alias}.idx @> ARRAY["
                + HASH_SQL.format(f"%s || {tree}.id")
                + f"] WHERE {where.text}"
            )
            first: tuple[Any, ...] = (keys.reference(whole.code, f"{target}/"),)
        else:
            step = (
                f"SELECT split_part(v #>> '{{}}', '/', 2) FROM {tree} JOIN {there.table}"
                f" {there.alias} ON {there.alias}.id = {tree}.id, jsonb_path_query("
                f"{there.alias}.content::jsonb, '$.partOf[*].reference') v"
                f" WHERE starts_with(v #>> '{{}}', %s) AND {where.text}"
            )
            first = (f"{target}/",)
        # UNION, not UNION ALL: a circle of wholes ends.
        source = Sql(
            f'FROM (WITH RECURSIVE {tree} (id) AS (SELECT %s::text COLLATE "C" UNION {step})'
            f" SELECT id FROM {tree}) {tree}",
            (record_id, *first, *where.params),
        )
        found.append(_pointing(scope, criterion.parameter, target, Sql(f"{tree}.id"), source))
    return any_of(found)


def listed(scope: "Scope", criterion: ListCriterion) -> Sql:
    """``_list``: what is on a List that the actor may see, and not marked as taken off it."""
    access.authorise(scope.actor, "search", "List")
    there = scope.inner("List")
    where = there.where([IdCriterion(criterion.values)])
    return Sql(
        f"{scope.alias}.id IN (SELECT split_part(v #>> '{{item,reference}}', '/', 2)"
        f" FROM {there.table} {there.alias},"
        f" jsonb_path_query({there.alias}.content::jsonb, '$.entry[*]') v"
        f" WHERE starts_with(v #>> '{{item,reference}}', %s)"
        f" AND v ->> 'deleted' IS DISTINCT FROM 'true' AND {where.text})",
        (f"{scope.type}/", *where.params),
    )


def has(scope: "Scope", criterion: HasCriterion) -> Sql:
    access.authorise(scope.actor, "search", criterion.type)
    there = scope.inner(criterion.type)
    where = there.where([criterion.inner])
    source = f"FROM {there.table} {there.alias}"
    code = criterion.reference.code
    if scope.type == "Patient" and code in patient_column_parameters(criterion.type):
        first = search_parameters(criterion.type)[patient_parameters(criterion.type)[0]]
        return Sql(
            f"{scope.alias}.id IN (SELECT {there.alias}.patient_id {source}"
            f" WHERE {there.alias}.present & %s::bigint <> 0 AND {where.text})",
            (1 << first.bit, *where.params),
        )
    if column := promoted_columns(criterion.type).get(code):
        return Sql(
            f"{scope.alias}.id IN (SELECT substr({there.alias}.{column}, %s::int) {source}"
            f" WHERE starts_with({there.alias}.{column}, %s) AND {where.text})",
            (len(scope.type) + 2, f"{scope.type}/", *where.params),
        )
    # The references themselves are only in the text: the inner criterion narrows the rows first.
    found = []
    for path, kind in criterion.reference.paths:
        leaf = f"{path.partition('[is')[0]}{'.reference' if kind == 'Reference' else ''}"
        values = (
            f"{source}, jsonb_path_query({there.alias}.content::jsonb, %s::jsonpath) v"
            f" WHERE {where.text}"
        )
        params = (jsonpath(leaf), *where.params)
        if kind == "Reference":
            found.append(
                Sql(
                    f"{scope.alias}.id IN (SELECT split_part(v #>> '{{}}', '/', 2) {values}"
                    " AND starts_with(v #>> '{}', %s))",
                    (*params, f"{scope.type}/"),
                )
            )
        elif kind == "canonical":
            url, version = _url_and_version(scope)
            names = f"(SELECT v #>> '{{}}' {values})"
            found.append(
                Sql(f"({url} IN {names} OR {url} || '|' || {version} IN {names})", params * 2)
            )
    return any_of(found)


# Composites --------------------------------------------------------------------------------


def composite(scope: "Scope", criterion: CompositeCriterion) -> Sql:
    return any_of(
        _at(scope, criterion.parameter, base, first, second)
        for first, second in criterion.values
        for base, _ in criterion.parameter.paths
    )


def _at(
    scope: "Scope", parameter: SearchParameter, base: str, first: Criterion, second: Criterion
) -> Sql:
    if not base:
        # The element is the resource: both halves in it is the whole truth.
        return all_of(scope.condition(_at_root(scope, half)) for half in (first, second))
    known = search_parameters(scope.type)
    assert isinstance(first, TokenCriterion)
    companions = tuple(hashed(key) for key in _half_keys(first))
    if isinstance(second, criteria.QuantityCriterion):
        holder = composites.value_parameter(known, parameter, base)
        return any_of(
            quantity_rows(scope, holder, value, companions, exactly=True) for value in second.values
        )
    found = [
        hashed(keys.composite(parameter.code, one, other))
        for one in _half_keys(first)
        for other in _half_keys(second)
    ]
    return overlaps(scope, found)


def _half_keys(half: Criterion) -> list[str]:
    """Return the keys of one half as the index makes them: under the component's own name."""
    name = half.parameter.code if hasattr(half, "parameter") else ""
    if isinstance(half, TokenCriterion):
        return [key for value in half.values for key in own_keys(name, half.parameter, value)]
    assert isinstance(half, ReferenceCriterion)
    return [keys.reference(name, value) for value in half.values]


def _at_root(scope: "Scope", half: Criterion) -> Criterion:
    """Ask the narrowest parameter of the type that has the paths of a component."""
    assert isinstance(
        half,
        TokenCriterion
        | criteria.QuantityCriterion
        | criteria.DateCriterion
        | criteria.StringCriterion,
    )
    wanted = {path for path, _ in half.parameter.paths}
    holders = [
        parameter
        for parameter in search_parameters(scope.type).values()
        if parameter.kind == half.parameter.kind and wanted <= {p for p, _ in parameter.paths}
    ]
    parameter = min(holders, key=lambda p: len(p.paths))
    return replace(half, parameter=parameter)
