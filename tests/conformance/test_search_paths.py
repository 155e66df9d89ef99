"""The resolved paths of the registry reach what R4's own expressions reach, in every example."""

from typing import Any

import pytest

from fhir.registry.search_parameters import SearchParameter
from fhir.search.index import index
from fhir.search.paths import compiled, steps_of
from tests.conformance.official_values import examples, official, parameters

# "Is dead" is a truth, not a value at a path: the index makes it from two (test below).
_DERIVED = {"deceased"}


def _reached(resource: dict[str, Any], parameter: SearchParameter) -> list[Any]:
    return [
        leaf
        for path, _ in parameter.paths
        for leaf in compiled(steps_of(path))(resource, resource)
        if leaf is not None
    ]


def _comparable(values: list[Any]) -> set[str]:
    return {str(value) for value in values}


@pytest.mark.slow
def test_every_path_reaches_what_the_official_expression_yields() -> None:
    compared = 0
    different = []
    for resource in examples():
        for parameter in parameters(resource["resourceType"]):
            if parameter.code in _DERIVED:
                continue
            expected = _comparable(official(resource, parameter))
            compared += 1
            if _comparable(_reached(resource, parameter)) != expected:
                different.append((resource["resourceType"], resource.get("id"), parameter.code))

    assert not different
    assert compared > 4000


@pytest.mark.slow
def test_presence_is_what_the_official_expression_says() -> None:
    different = []
    for resource in examples():
        present = index(resource).present
        different += [
            (resource["resourceType"], resource.get("id"), parameter.code)
            for parameter in parameters(resource["resourceType"])
            if parameter.code not in {"_id", "_lastUpdated"}
            and bool(present >> parameter.bit & 1) != bool(official(resource, parameter))
        ]

    assert not different
