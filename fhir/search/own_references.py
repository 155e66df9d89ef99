"""References that name this very server by its full address mean the same as relative ones.

https://hl7.org/fhir/R4/search.html#reference
"""

from dataclasses import replace

from fhir.search.criteria import (
    AllCriterion,
    AnyCriterion,
    ChainCriterion,
    CompositeCriterion,
    Criterion,
    HasCriterion,
    NotCriterion,
    Query,
    ReferenceCriterion,
)


def relative(query: Query, base: str) -> Query:
    """Return the query with references to records below ``base`` made relative."""
    return replace(query, criteria=tuple(_relative(each, base) for each in query.criteria))


def _relative(criterion: Criterion, base: str) -> Criterion:
    match criterion:
        case ReferenceCriterion() if "canonical" not in criterion.parameter.types:
            values = tuple(value.removeprefix(f"{base}/") for value in criterion.values)
            return replace(criterion, values=values)
        case ChainCriterion():
            inner = tuple((target, _relative(each, base)) for target, each in criterion.inner)
            return replace(criterion, inner=inner)
        case HasCriterion() | NotCriterion():
            return replace(criterion, inner=_relative(criterion.inner, base))
        case AllCriterion() | AnyCriterion():
            return replace(
                criterion, inner=tuple(_relative(each, base) for each in criterion.inner)
            )
        case CompositeCriterion():
            pairs = tuple(
                (_relative(first, base), _relative(second, base))
                for first, second in criterion.values
            )
            return replace(criterion, values=pairs)
        case _:
            return criterion
