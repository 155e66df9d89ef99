"""Populations follow from one another, scores from populations; what is not computed is refused."""

from decimal import Decimal
from typing import Any

import pytest

from fhir.measures import Criterion, Group, place, read_measure, report
from fhir.outcomes import UnprocessableError

SYSTEM = "http://terminology.hl7.org/CodeSystem/measure-population"
SCORING = "http://terminology.hl7.org/CodeSystem/measure-scoring"
ALL = (
    *("initial-population", "denominator", "denominator-exclusion"),
    *("denominator-exception", "numerator", "numerator-exclusion"),
)


def population(code: str, **criteria: str) -> dict[str, Any]:
    return {
        "code": {"coding": [{"system": SYSTEM, "code": code}]},
        "criteria": {"language": "text/fhirpath", "expression": code} | criteria,
    }


def measure(*codes: str, scoring: str | None = None, **group: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "Measure",
        "status": "active",
        "group": [{"population": [population(code) for code in codes]} | group],
    }
    if scoring:
        made["scoring"] = {"coding": [{"system": SCORING, "code": scoring}]}
    return made


def group(*codes: str, scoring: str | None = None, **elements: Any) -> Group:
    (found,) = read_measure(measure(*codes, scoring=scoring, **elements))
    return found


@pytest.mark.parametrize(
    ("scoring", "met", "expected"),
    [
        ("proportion", set(ALL), {"initial-population", "denominator", "denominator-exclusion"}),
        (
            "proportion",
            {"initial-population", "denominator", "numerator", "denominator-exception"},
            {"initial-population", "denominator", "numerator"},
        ),
        (
            "proportion",
            {"initial-population", "denominator", "denominator-exception"},
            {"initial-population", "denominator", "denominator-exception"},
        ),
        ("proportion", {"denominator", "numerator"}, set()),
        ("proportion", {"initial-population", "numerator"}, {"initial-population"}),
        ("ratio", {"initial-population", "numerator"}, {"initial-population", "numerator"}),
        (
            "ratio",
            set(ALL),
            set(ALL) - {"denominator-exception"},
        ),
        ("cohort", set(ALL), {"initial-population"}),
    ],
)
def test_who_belongs_where(scoring: str, met: set[str], expected: set[str]) -> None:
    found = place("Patient/1", group(*ALL, scoring=scoring), lambda c: c.text in met, _nothing)
    assert found.populations == expected


def _nothing(_criterion: Criterion) -> str:
    return ""


def test_criteria_are_asked_only_where_they_matter() -> None:
    asked: list[str] = []

    def holds(criterion: Criterion) -> bool:
        asked.append(criterion.text)
        return False

    place("Patient/1", group(*ALL), holds, _nothing)
    assert asked == ["initial-population"]


def test_a_score_leaves_out_the_excluded_and_strata_have_their_own() -> None:
    sexes = {"code": {"text": "sex"}, "criteria": population("sex")["criteria"]}
    asked = group(*ALL, stratifier=[sexes])
    people: dict[str, tuple[set[str], str]] = {
        "a": ({"numerator"}, "f"),
        "b": (set(), "f"),
        "c": ({"numerator", "numerator-exclusion"}, "m"),
        "d": ({"denominator-exclusion"}, "m"),
        "e": ({"denominator-exception"}, ""),
    }
    placed = []
    for name, (met, sex) in people.items():
        met |= {"initial-population", "denominator"}
        placed.append(place(name, asked, lambda c: c.text in met, lambda _: sex))  # noqa: B023
    (found,), lists = report([asked], [placed])
    assert [each["count"] for each in found["population"]] == [5, 5, 1, 1, 2, 1]
    assert found["measureScore"] == {"value": Decimal("0.3333")}
    assert lists == []
    (stratifier,) = found["stratifier"]
    assert stratifier["code"] == [{"text": "sex"}]
    assert [
        (each["value"]["text"], each["population"][0]["count"], each.get("measureScore"))
        for each in stratifier["stratum"]
    ] == [
        ("f", 2, {"value": Decimal("0.5000")}),
        ("m", 2, {"value": Decimal("0.0000")}),
        ("none", 1, None),
    ]


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"group": []}, "Measure.group"),
        (measure("numerator"), "Measure.group[0].population"),
        (
            measure("initial-population", "measure-observation"),
            "Measure.group[0].population[1].code",
        ),
        (measure("initial-population", scoring="continuous-variable"), "Measure.scoring"),
        (
            {"group": [{"population": [population("initial-population", language="text/cql")]}]},
            "Measure.group[0].population[0].criteria",
        ),
        (
            {"group": [{"population": [population("initial-population", expression=" ")]}]},
            "Measure.group[0].population[0].criteria",
        ),
    ],
)
def test_what_is_not_computed_here_is_refused_by_its_place(
    wrong: dict[str, Any], where: str
) -> None:
    with pytest.raises(UnprocessableError) as refused:
        read_measure(wrong)
    assert refused.value.issues[0].expression == where
