"""Every official example is found by what its search parameters say, and not by what they do not.

Values come from R4's own expressions, evaluated by an engine that is not ours.
"""

from typing import Any

import pytest
from flask import Flask

from fhir.outcomes import InvalidResourceError
from fhir.registry.search_parameters import search_parameters
from hub import records
from hub.domain.actor import Actor
from hub.transaction import transaction
from tests.conformance.official_values import evaluated, examples, official, parameters
from tests.conformance.self_search import Probe, escaped, probes, tokens

_SERVER_OWNED = {"_id", "_lastUpdated"}


def _loaded(actor: Actor) -> list[tuple[dict[str, Any], str]]:
    """Store the examples; return them with their ids here."""
    stored = []
    with transaction():
        for resource in examples():
            try:
                record = records.create(actor, resource)
            except InvalidResourceError:
                # A few official examples are not valid R4: the tests of validation list them.
                continue
            stored.append((resource, record.id))
    return stored


def _wrong(actor: Actor, kind: str, record_id: str, probe: Probe) -> str | None:
    page = records.search(actor, kind, [("_id", record_id), (probe.name, probe.value)])
    found = [record.id for record in page.records] == [record_id]
    return None if found is probe.finds else f"{kind}/{record_id} {probe}"


@pytest.mark.slow
def test_each_example_is_found_by_its_values_and_not_by_neighbours(
    app: Flask, system_actor: Actor
) -> None:
    stored = _loaded(system_actor)
    wrong = []
    asked = 0
    for resource, record_id in stored:
        kind = resource["resourceType"]
        for parameter in parameters(kind):
            if parameter.code in _SERVER_OWNED:
                continue
            values = official(resource, parameter)
            for probe in set(probes(parameter, values)) if values else ():
                asked += 1
                if problem := _wrong(system_actor, kind, record_id, probe):
                    wrong.append(problem)

    assert not wrong, "\n".join(wrong[:40]) + f"\n{len(wrong)} of {asked}"
    assert len(stored) > 280
    assert asked > 10_000


@pytest.mark.slow
def test_composites_find_pairs_of_one_element_only(app: Flask, system_actor: Actor) -> None:
    wrong = []
    asked = 0
    for resource, record_id in _loaded(system_actor):
        kind = resource["resourceType"]
        for parameter in search_parameters(kind).values():
            if parameter.kind != "composite":
                continue
            pairs = [
                (code, value)
                for element in evaluated(resource, parameter.expression)
                for code in _halves(element, parameter, 0)
                for value in _halves(element, parameter, 1)
            ]
            for first, second in pairs:
                others = {value for code, value in pairs if code == first}
                strangers = {value for _, value in pairs} - others
                for value, finds in ((second, True), *((other, False) for other in strangers)):
                    asked += 1
                    probe = Probe(parameter.code, f"{first}${value}", finds)
                    if problem := _wrong(system_actor, kind, record_id, probe):
                        wrong.append(problem)

    assert not wrong, "\n".join(wrong[:40]) + f"\n{len(wrong)} of {asked}"
    assert asked > 100


def _halves(element: Any, parameter: Any, which: int) -> list[str]:
    component = parameter.components[which]
    values = [leaf for path, _ in component.paths if (leaf := element.get(path)) is not None]
    kinds = frozenset(kind for _, kind in component.paths)
    match component.kind:
        case "token":
            return [
                escaped(code) if system is None else f"{escaped(system)}|{escaped(code)}"
                for value in values
                for system, code in tokens(kinds, value)
            ]
        case "quantity":
            return [str(value["value"]) for value in values if "value" in value]
        case "reference":
            return [value["reference"] for value in values if "reference" in value]
        case "string":
            return [escaped(value) for value in values if isinstance(value, str)]
        case _:
            return [value for value in values if isinstance(value, str)]
