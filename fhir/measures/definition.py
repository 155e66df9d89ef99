"""What a Measure asks, checked: nothing that cannot be evaluated here passes unsaid."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fhir.expressions import FHIRPATH
from fhir.outcomes import UnprocessableError

QUERY_LANGUAGES = frozenset({"application/x-fhir-query", "text/x-fhir-query"})
"""The first is R4's code, the second is what many write."""

INITIAL = "initial-population"
DENOMINATOR, NUMERATOR = "denominator", "numerator"
DENOMINATOR_EXCLUSION, NUMERATOR_EXCLUSION = "denominator-exclusion", "numerator-exclusion"
DENOMINATOR_EXCEPTION = "denominator-exception"
POPULATIONS = (
    INITIAL,
    DENOMINATOR,
    DENOMINATOR_EXCLUSION,
    DENOMINATOR_EXCEPTION,
    NUMERATOR,
    NUMERATOR_EXCLUSION,
)
COHORT, PROPORTION, RATIO = "cohort", "proportion", "ratio"
SCORINGS = (COHORT, PROPORTION, RATIO)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One expression of a measure."""

    text: str
    query: bool
    """A FHIR search instead of FHIRPath."""
    where: str
    """The FHIRPath of the Expression in the Measure, for errors."""


@dataclass(frozen=True, slots=True)
class Population:
    code: str
    concept: Mapping[str, Any]
    criterion: Criterion


@dataclass(frozen=True, slots=True)
class Stratifier:
    """One stratifier: a single criterion without code of its own, or components with theirs."""

    code: Mapping[str, Any] | None
    parts: tuple[tuple[Mapping[str, Any] | None, Criterion], ...]


@dataclass(frozen=True, slots=True)
class Group:
    code: Mapping[str, Any] | None
    scoring: str
    populations: tuple[Population, ...]
    stratifiers: tuple[Stratifier, ...]

    def criterion(self, code: str) -> Criterion:
        """Return the criterion of a population that the group has."""
        return next(each.criterion for each in self.populations if each.code == code)


def read_measure(measure: Mapping[str, Any]) -> tuple[Group, ...]:
    """Return the groups of a Measure. Raises UnprocessableError for what cannot be evaluated."""
    groups = tuple(
        _group(measure, group, f"Measure.group[{place}]")
        for place, group in enumerate(measure.get("group", ()))
    )
    if not groups:
        raise _refused("the measure has no group, so there is nothing to count", "Measure.group")
    return groups


def _group(measure: Mapping[str, Any], group: Mapping[str, Any], where: str) -> Group:
    populations = tuple(
        _population(each, f"{where}.population[{place}]")
        for place, each in enumerate(group.get("population", ()))
    )
    codes = [each.code for each in populations]
    if INITIAL not in codes or len(set(codes)) < len(codes):
        raise _refused(
            "a group has one initial-population, and each population once", f"{where}.population"
        )
    scoring = _code(measure.get("scoring")) or (PROPORTION if NUMERATOR in codes else COHORT)
    if scoring not in SCORINGS:
        raise _refused(f"scoring {scoring} is not computed here", "Measure.scoring", SCORINGS)
    return Group(
        code=group.get("code"),
        scoring=scoring,
        populations=populations,
        stratifiers=tuple(
            _stratifier(each, f"{where}.stratifier[{place}]")
            for place, each in enumerate(group.get("stratifier", ()))
        ),
    )


def _population(population: Mapping[str, Any], where: str) -> Population:
    code = _code(population.get("code"))
    if code not in POPULATIONS:
        raise _refused(
            f"population {code or 'without a code'} is not computed here",
            f"{where}.code",
            POPULATIONS,
        )
    return Population(code, population["code"], _criterion(population, where))


def _stratifier(stratifier: Mapping[str, Any], where: str) -> Stratifier:
    if components := stratifier.get("component"):
        parts = tuple(
            (
                each.get("code") or {"text": str(place)},
                _criterion(each, f"{where}.component[{place}]"),
            )
            for place, each in enumerate(components)
        )
        return Stratifier(stratifier.get("code"), parts)
    return Stratifier(stratifier.get("code"), ((None, _criterion(stratifier, where)),))


def _criterion(element: Mapping[str, Any], where: str) -> Criterion:
    where = f"{where}.criteria"
    criteria = element.get("criteria") or {}
    language, text = criteria.get("language"), criteria.get("expression")
    if language not in {FHIRPATH, *QUERY_LANGUAGES}:
        raise _refused(
            f"criteria in {language or 'no language'} cannot be evaluated here",
            where,
            (FHIRPATH, *sorted(QUERY_LANGUAGES)),
        )
    if not isinstance(text, str) or not text.strip():
        raise _refused("criteria need their expression; a library is not read", where)
    return Criterion(text.strip(), language in QUERY_LANGUAGES, where)


def _code(concept: Mapping[str, Any] | None) -> str | None:
    for coding in (concept or {}).get("coding", ()):
        if "code" in coding:
            code: str = coding["code"]
            return code
    return None


def _refused(text: str, where: str, allowed: tuple[str, ...] = ()) -> UnprocessableError:
    if allowed:
        text += f"; it can be {', '.join(allowed)}"
    return UnprocessableError(text, expression=where, code="not-supported")
