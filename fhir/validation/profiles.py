"""Does a resource keep the rules of a profile? Cardinality, values, types, slices, codes.

https://hl7.org/fhir/R4/profiling.html. The rules of R4 itself are not repeated here; what a
profile says of an element that R4 finds malformed is left to R4.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import fhirpathpy
from fhirpathpy.models import models

from fhir import registry
from fhir.outcomes import Issue
from fhir.registry.profiles import Node, Profile, profile
from fhir.validation.items import Item, items
from fhir.validation.membership import Members, Pair
from fhir.validation.references import target_type

_SEVERITIES = {"required": "error", "extensible": "warning"}
_BASE = "http://hl7.org/fhir/StructureDefinition/"


def check(item: Item, found: Profile, members: Members) -> Iterator[Issue]:
    """Yield every breach of a profile, and what it must support and is not there."""
    for issue in _content(found.root, item, members):
        text = f"{issue.text} ({found.name})"
        yield Issue(issue.code, text, issue.expression, issue.severity)


def _content(node: Node, item: Item, members: Members) -> Iterator[Issue]:
    """Check one value against what the profile says of its element."""
    if node.fixed is not None and item.value != node.fixed:
        yield Issue("value", "must have the value that the profile fixes", item.path)
    if node.pattern is not None and not _contains(item.value, node.pattern):
        yield Issue("value", "must have at least what the profile's pattern has", item.path)
    if node.types:
        yield from _type(node, item)
    if node.binding is not None:
        yield from bound(*node.binding, item, members)
    for key, severity, text, expression in node.rules:
        if not _holds(expression, item):
            yield Issue("invariant", f"{text} ({key})", item.path, severity)
    for name in dict.fromkeys(child.name for child in node.children):
        named = [child for child in node.children if child.name == name]
        yield from _element(name, named, item, members)


def _element(name: str, nodes: list[Node], parent: Item, members: Members) -> Iterator[Issue]:
    """Check the values of one element: all of them, then slice by slice."""
    found = list(items(parent, name))
    at = f"{parent.path}.{name}"
    whole = next((node for node in nodes if node.slice is None), None)
    if whole is not None:
        yield from _number(whole, found, at)
        for each in found:
            yield from _content(whole, each, members)
    sliced = [node for node in nodes if node.slice is not None]
    discriminators = _discriminators(name, whole, sliced)
    if not discriminators:
        return
    taken: list[Item] = []
    told = True
    for node in sliced:
        wanted = [_wanted(node, kind, path) for kind, path in discriminators]
        if None in wanted:
            # What tells this slice apart is a binding or a profile that is not known here.
            told = False
            continue
        matching = [
            each
            for each in found
            if all(
                value in _told(each, path)
                for (_, path), value in zip(discriminators, wanted, strict=True)
            )
        ]
        taken += matching
        yield from _number(node, matching, at)
        for each in matching:
            yield from _content(node, each, members)
    if whole is not None and whole.closed and told:
        for each in found:
            if each not in taken:
                text = f"must be one of the slices {', '.join(str(n.slice) for n in sliced)}"
                yield Issue("structure", text, each.path)


def _number(node: Node, found: list[Item], at: str) -> Iterator[Issue]:
    what = f"the slice {node.slice}" if node.slice else "it"
    if len(found) < node.min:
        yield Issue("required", f"{what} must be there at least {node.min} times", at)
    elif node.must and not found:
        text = f"must support: {what if node.slice else 'the element'} was not sent"
        yield Issue("informational", text, at, "information")
    if node.max is not None and len(found) > node.max:
        yield Issue("structure", f"{what} may be there at most {node.max} times", at)


def _discriminators(
    name: str, whole: Node | None, sliced: list[Node]
) -> tuple[tuple[str, str], ...]:
    if not sliced:
        return ()
    if whole is not None and whole.slicing:
        return whole.slicing
    if name in {"extension", "modifierExtension"}:
        return (("value", "url"),)
    return ()


def _wanted(node: Node, kind: str, path: str) -> Any:
    """Return the value that tells a slice apart; None where the profile does not say it."""
    if kind not in {"value", "pattern"}:
        return None
    if path == "url":
        for declared in node.types:
            for canonical in declared.get("profile", ()):
                return canonical
    here = node
    for step in path.split("."):
        if here.fixed is not None or here.pattern is not None:
            return None
        below = [child for child in here.children if child.name == step and child.slice is None]
        if not below:
            return None
        here = below[0]
    return here.fixed if here.fixed is not None else here.pattern


def _told(item: Item, path: str) -> list[Any]:
    """Return the values at a discriminator's path."""
    reached = [item]
    for step in path.split("."):
        reached = [below for each in reached for below in items(each, step)]
    return [each.value for each in reached]


def _contains(value: Any, pattern: Any) -> bool:
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(
            name in value and _contains(value[name], wanted) for name, wanted in pattern.items()
        )
    if isinstance(pattern, list):
        return isinstance(value, list) and all(
            any(_contains(each, wanted) for each in value) for wanted in pattern
        )
    return bool(value == pattern)


def _type(node: Node, item: Item) -> Iterator[Issue]:
    declared = {each["code"] for each in node.types}
    if item.kind in {"BackboneElement", "Resource"} or declared & {"BackboneElement", "Element"}:
        return
    if item.kind not in declared:
        yield Issue("structure", f"must be a {' or '.join(sorted(declared))}", item.path)
        return
    targets = {
        _type_of(canonical) for each in node.types for canonical in each.get("targetProfile", ())
    }
    reference = item.below.get("reference")
    if item.kind != "Reference" or not targets or "Resource" in targets:
        return
    target = target_type(reference) if isinstance(reference, str) else None
    if target is not None and target not in targets:
        yield Issue("structure", f"must refer to: {', '.join(sorted(targets))}", item.path)


def _type_of(canonical: str) -> str:
    """Return the type that a profile constrains; a profile that is not known: any."""
    known = profile(canonical)
    if known is not None:
        return known.type
    name = canonical.removeprefix(_BASE)
    return name if name in registry.resource_types() else "Resource"


def bound(strength: str, value_set: str, item: Item, members: Members) -> Iterator[Issue]:
    """Check a code against a value set; nothing where its codes are not known."""
    pairs = _pairs(item)
    held = members(value_set, pairs)
    if held or held is None:
        return
    severity = _SEVERITIES[strength]
    if not pairs:
        if strength == "required" and item.kind == "CodeableConcept" and item.below:
            yield Issue("code-invalid", f"needs a code of {value_set}", item.path, severity)
        return
    verb = "must" if strength == "required" else "should, where one fits,"
    text = f"{verb} have a code of {value_set}"
    yield Issue("code-invalid", text, item.path, severity)


def _pairs(item: Item) -> list[Pair]:
    """Return (system, code) of a coded value; without a system where the type has none."""
    if isinstance(item.value, str):
        return [(None, item.value)]
    if item.kind == "CodeableConcept":
        listed = item.below.get("coding")
        found = [
            each for each in (listed if isinstance(listed, list) else ()) if isinstance(each, dict)
        ]
    else:
        found = [item.below]
    return [
        (each.get("system") if isinstance(each.get("system"), str) else None, each["code"])
        for each in found
        if isinstance(each.get("code"), str)
    ]


@cache
def _compiled(expression: str) -> Callable[..., list[Any]]:
    compiled: Callable[..., list[Any]] = fhirpathpy.compile(expression, models["r4"])
    return compiled


def _holds(expression: str, item: Item) -> bool:
    """Evaluate a constraint. fhirpathpy fails on values of the wrong form: those R4 reports."""
    try:
        result = _compiled(expression)(item.below)
    except Exception:  # noqa: BLE001 - the library raises whatever it meets
        return True
    return result != [False]
