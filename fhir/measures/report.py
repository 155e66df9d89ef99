"""Counting: from who belongs where to populations, strata and scores of a MeasureReport."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fhir.measures.definition import (
    COHORT,
    DENOMINATOR,
    DENOMINATOR_EXCEPTION,
    DENOMINATOR_EXCLUSION,
    INITIAL,
    NUMERATOR,
    NUMERATOR_EXCLUSION,
    RATIO,
    Criterion,
    Group,
    Stratifier,
)

_PLACES = Decimal("0.0001")
NO_VALUE = "none"
"""The stratum of those for whom the stratifier yields nothing."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One subject in one group: the populations it is in, and its stratum of each stratifier."""

    reference: str
    populations: frozenset[str]
    strata: tuple[tuple[str, ...], ...]


def place(
    reference: str,
    group: Group,
    holds: Callable[[Criterion], bool],
    value: Callable[[Criterion], str],
) -> Subject:
    """Say where a subject belongs; asks no more criteria than needed."""
    criteria = {each.code: each.criterion for each in group.populations}

    def meets(code: str) -> bool:
        return code in criteria and holds(criteria[code])

    found = frozenset(_populations(group.scoring, criteria, meets))
    strata: tuple[tuple[str, ...], ...] = ()
    if INITIAL in found:
        strata = tuple(
            tuple(value(criterion) or NO_VALUE for _, criterion in each.parts)
            for each in group.stratifiers
        )
    return Subject(reference, found, strata)


def _populations(
    scoring: str, declared: Mapping[str, Criterion], meets: Callable[[str], bool]
) -> Iterable[str]:
    if not meets(INITIAL):
        return
    yield INITIAL
    if scoring == COHORT:
        return
    if scoring == RATIO:
        for code, exclusion in (
            (DENOMINATOR, DENOMINATOR_EXCLUSION),
            (NUMERATOR, NUMERATOR_EXCLUSION),
        ):
            if meets(code):
                yield code
                if meets(exclusion):
                    yield exclusion
        return
    # A proportion: without a denominator of its own it is the initial population.
    if DENOMINATOR in declared and not meets(DENOMINATOR):
        return
    yield DENOMINATOR
    if meets(DENOMINATOR_EXCLUSION):
        yield DENOMINATOR_EXCLUSION
    elif meets(NUMERATOR):
        yield NUMERATOR
        if meets(NUMERATOR_EXCLUSION):
            yield NUMERATOR_EXCLUSION
    elif meets(DENOMINATOR_EXCEPTION):
        yield DENOMINATOR_EXCEPTION


def report(
    groups: Sequence[Group], subjects: Sequence[Sequence[Subject]], *, listed: bool = False
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return MeasureReport.group and the Lists of subjects that it refers to, if ``listed``."""
    lists: list[dict[str, Any]] = []
    made = []
    for group, placed in zip(groups, subjects, strict=True):
        found = _counted(group, placed, lists if listed else None)
        if group.code is not None:
            found = {"code": group.code, **found}
        if group.stratifiers:
            found["stratifier"] = [
                _stratified(group, each, place_of, placed)
                for place_of, each in enumerate(group.stratifiers)
            ]
        made.append(found)
    return made, lists


def _counted(
    group: Group, placed: Sequence[Subject], lists: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    populations = []
    for each in group.populations:
        inside = [subject for subject in placed if each.code in subject.populations]
        population: dict[str, Any] = {"code": each.concept, "count": len(inside)}
        if lists is not None:
            name = f"subjects-{len(lists) + 1}"
            lists.append(_list(name, inside))
            population["subjectResults"] = {"reference": f"#{name}"}
        populations.append(population)
    found: dict[str, Any] = {"population": populations}
    score = _score(group.scoring, placed)
    if score is not None:
        found["measureScore"] = {"value": score}
    return found


def _list(name: str, inside: Sequence[Subject]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "List",
        "id": name,
        "status": "current",
        "mode": "snapshot",
    }
    if inside:
        made["entry"] = [{"item": {"reference": each.reference}} for each in inside]
    return made


def _score(scoring: str, placed: Sequence[Subject]) -> Decimal | None:
    if scoring == COHORT:
        return None

    def count(code: str) -> int:
        return sum(code in subject.populations for subject in placed)

    below = count(DENOMINATOR) - count(DENOMINATOR_EXCLUSION) - count(DENOMINATOR_EXCEPTION)
    if below <= 0:
        return None
    above = count(NUMERATOR) - count(NUMERATOR_EXCLUSION)
    return (Decimal(above) / Decimal(below)).quantize(_PLACES)


def _stratified(
    group: Group, stratifier: Stratifier, number: int, placed: Sequence[Subject]
) -> dict[str, Any]:
    strata: dict[tuple[str, ...], list[Subject]] = {}
    for subject in placed:
        if subject.strata:
            strata.setdefault(subject.strata[number], []).append(subject)
    found: dict[str, Any] = {}
    if stratifier.code is not None:
        found["code"] = [stratifier.code]
    if strata:
        found["stratum"] = [
            _valued(stratifier, values) | _counted(group, inside)
            for values, inside in sorted(strata.items())
        ]
    return found


def _valued(stratifier: Stratifier, values: tuple[str, ...]) -> dict[str, Any]:
    if stratifier.parts[0][0] is None:
        return {"value": {"text": values[0]}}
    return {
        "component": [
            {"code": code, "value": {"text": value}}
            for (code, _), value in zip(stratifier.parts, values, strict=True)
        ]
    }
