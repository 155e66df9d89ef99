"""Single faults put into every official example, one for each element: all are refused in place.

The published mutants cover some elements of some types; these cover what the examples hold.
"""

import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest

from fhir import registry
from fhir.registry import Element
from fhir.validation import validate
from tests.conformance.test_round_trip import examples
from tests.shared_data import data

Mutant = tuple[str, Any, str, str]
"""Member, its new value, the issue code, the place of the fault below the owner."""
_TARGET = {"reference": "Medication/1"}
REMOVED = object()


def mutants(element: Element, kind: str, member: str, value: Any) -> Iterator[Mutant]:
    """Yield faults that can be put into a member that is there."""
    at = element.name
    yield member, None, "invalid", at
    if element.many:
        yield member, [], "invalid", at
        yield member, value[0], "structure", at
        yield member, [*value, None], "invalid", f"{at}[{len(value)}]"
        at = f"{at}[0]"
        value = value[0]
    else:
        yield member, [value], "structure", at
    wrap = (lambda wrong: [wrong]) if element.many else (lambda wrong: wrong)
    if isinstance(value, dict):
        yield member, wrap({}), "invalid", at
        yield member, wrap("text"), "structure", at
    else:
        yield member, wrap({"value": 1}), "structure", at
    if isinstance(value, str) and kind != "xhtml":
        yield member, wrap(""), "invalid", at
        yield member, wrap(17), "value", at
    if isinstance(value, bool):
        yield member, wrap("true"), "value", at
    if kind in {"date", "dateTime", "instant"}:
        yield member, wrap("31/12/2026"), "value", at
        yield member, wrap("2026-13-45"), "value", at
    if kind == "code" and element.codes and registry.required_codes(element.codes):
        yield member, wrap("no-such-code"), "code-invalid", at
    if kind == "Reference" and element.targets and "Medication" not in element.targets:
        yield member, wrap(_TARGET), "structure", at
    if element.min and not element.choice:
        yield member, REMOVED, "required", element.name


def places(
    owner: str, value: dict[str, Any], path: str
) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield (owner, object, path) of a resource and the objects inside it."""
    yield owner, value, path
    known = registry.members(owner)
    for member, child in value.items():
        element, kind = known.get(member, (None, ""))
        if element is None or kind in {"Resource", "Extension"}:
            continue
        for index, each in enumerate(child if element.many else [child]):
            if isinstance(each, dict):
                at = f"{path}.{element.name}" + (f"[{index}]" if element.many else "")
                yield from places(element.owner or kind, each, at)


def test_every_fault_in_every_example_is_refused_where_it_is() -> None:
    chosen = random.Random(7)
    missed: list[tuple[str, str, str]] = []
    tried = 0
    for path, resource in examples("r4-examples", "ukcore-examples"):
        for owner, value, at in places(
            resource["resourceType"], resource, resource["resourceType"]
        ):
            known = registry.members(owner)
            for member in list(value):
                element, kind = known.get(member, (None, ""))
                # A fault in every fourth member keeps this short; all of them pass too.
                if element is None or kind == "Resource" or chosen.random() > 0.25:
                    continue
                name, wrong, code, below = chosen.choice(
                    list(mutants(element, kind, member, value[member]))
                )
                if wrong is REMOVED and len(value) == 1:
                    continue  # an empty object is another fault
                kept = value[name]
                shadow = value.pop(f"_{name}", None) if wrong is REMOVED else None
                if wrong is REMOVED:
                    del value[name]
                else:
                    value[name] = copy.deepcopy(wrong)
                issues = validate(resource)
                value[name] = kept
                if shadow is not None:
                    value[f"_{name}"] = shadow
                tried += 1
                if not any(i.code == code and i.expression == f"{at}.{below}" for i in issues):
                    missed.append((path.name, f"{at}.{below}", code))
    assert missed == []
    assert tried > 2_000


@pytest.mark.parametrize("kind", ["Task", "CarePlan", "Observation"])
def test_an_unknown_member_is_refused_at_every_depth(kind: str) -> None:
    tried = 0
    data("r4-examples")
    for path, resource in examples("r4-examples", "ukcore-examples"):
        if resource["resourceType"] != kind:
            continue
        for _, value, at in places(kind, resource, kind):
            value["bogusElement"] = "x"
            found = {(i.code, i.expression) for i in validate(resource)}
            del value["bogusElement"]
            assert ("structure", f"{at}.bogusElement") in found, path.name
            tried += 1
    assert tried > 20
