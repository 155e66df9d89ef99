"""The accepting pass: each type compiled once to closures that say yes or no, and no more.

What it accepts is legal. What it refuses may still be legal in a rare form (extensions in arrays
of primitives): ``report`` then has the last word.
"""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from fhir import registry
from fhir.registry import Element
from fhir.validation import bindings, bundle_invariants, contained, resource_invariants
from fhir.validation.contained import Container
from fhir.validation.invariants import RULES, Rule
from fhir.validation.primitives import CHECKS, Check, is_absolute_uri, is_code
from fhir.validation.references import is_absolute, is_well_formed, target_type

__all__ = ["accepts", "rules_of"]

# The modules that register their rules.
_REGISTERED = (bundle_invariants, resource_invariants)

CONCEPT_CODING = "CodeableConcept.coding"
"""A Coding that gives a concept its meaning: its system must be absolute. Labels (meta.tag) need
not: they mean something to whoever set them."""

QUANTITIES = frozenset({"Age", "Count", "Distance", "Duration", "Money", "MoneyQuantity"})
"""Types that are a Quantity: its invariant qty-3 binds them too."""


def rules_of(owner: str) -> Mapping[str, Rule]:
    """Return the invariants of a type or backbone."""
    if owner in QUANTITIES and owner != "Money":
        return {**RULES["Quantity"], **RULES.get(owner, {})}
    return RULES.get(owner, {})


def _many(check: Check) -> Check:
    def accepts(value: Any) -> bool:
        if value.__class__ is not list or not value:
            return False
        for item in value:  # noqa: SIM110 - a generator would double the cost of the hot path
            if not check(item):
                return False
        return True

    return accepts


def _coded(element: Element, kind: str, check: Check) -> Check:
    canonical = element.codes
    if canonical is None:
        return check
    if kind != "code":
        return lambda value: check(value) and bindings.is_bound(kind, canonical, value)
    codes = bindings.codes(canonical)
    if codes is None:
        return is_code
    return lambda value: value.__class__ is str and value in codes


def _reference(element: Element) -> Check:
    plain = _compiled("Reference")
    usual = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}").fullmatch
    targets = element.targets
    known = registry.resource_types()
    allowed = targets & known if targets else known

    def accepts(value: Any) -> bool:
        if not plain(value):
            return False
        reference, declared = value.get("reference"), value.get("type")
        if declared is None:
            if reference is None:
                return True
            found = usual(reference)
            if found is not None and found[1] in allowed:
                return True
        kinds = {declared} & known
        if reference is not None:
            if not is_well_formed(reference):
                return False
            if reference[0] == "#":
                container = _container.get()
                if container is None or not container.holds(reference[1:]):
                    return False
                kinds.add(container.type_of(reference[1:]))
            else:
                kinds.add(target_type(reference))
        kinds.discard(None)
        return len(kinds) <= 1 and (not targets or kinds <= targets)

    return accepts


def _defined(check: Check) -> Check:
    """Only inside another extension may a URL be relative: https://hl7.org/fhir/R4/extensibility.html."""
    return lambda value: check(value) and is_absolute(value.get("url", ""))


_container: ContextVar[Container | None] = ContextVar("container", default=None)
"""The resource whose contained ones ``#id`` means, while it is being checked."""


def accepts(value: Any) -> bool:
    """Say whether a resource, with what it contains, is legal for sure."""
    if value.__class__ is not dict:
        return False
    kind = value.get("resourceType")
    if kind.__class__ is not str or kind not in registry.resource_types():
        return False
    if "contained" not in value and _container.get() is None:
        return _compiled(kind)(value)
    container = Container.of(value)
    outer = _container.set(container)
    try:
        return _compiled(kind)(value) and not any(contained.faults(value, kind))
    finally:
        _container.reset(outer)


def _inside(value: Any) -> bool:
    """Check a contained resource: its references are those of the resource around it."""
    if value.__class__ is not dict:
        return False
    kind = value.get("resourceType")
    if kind.__class__ is not str or kind not in registry.resource_types():
        return False
    return _compiled(kind)(value)


def _element_check(owner: str, element: Element, kind: str) -> Check:
    check: Check
    if owner == CONCEPT_CODING and element.name == "system":
        check = is_absolute_uri
    elif kind in CHECKS:
        check = CHECKS[kind]
    elif kind == "Reference":
        check = _reference(element)
    elif kind == "Resource":
        check = _inside if element.name == "contained" else accepts
    elif element.path == CONCEPT_CODING:
        check = _compiled(CONCEPT_CODING)
    else:
        check = _compiled(element.owner or kind)
    if kind == "Extension" and owner != "Extension":
        check = _defined(check)
    check = _coded(element, kind, check)
    return _many(check) if element.many else check


def _rare(_value: Any) -> bool:
    """Leave to the reporting pass."""
    return False


_cache: dict[str, Check] = {}


def _compiled(owner: str) -> Check:
    """Return the check of a complex type or backbone, compiled when first asked for."""
    if owner in _cache:
        return _cache[owner]
    checks: dict[str, Check] = {}
    choices: dict[str, tuple[str, str]] = {}
    required: list[tuple[str, str]] = []
    required_choices: list[str] = []
    # Entered before it is filled: types refer to themselves (Extension.extension).
    _cache[owner] = compiled = _object(checks, choices, required, required_choices, owner)
    for element in registry.elements("Coding" if owner == CONCEPT_CODING else owner).values():
        for member, kind in element.members.items():
            checks[member] = _element_check(owner, element, kind)
            if kind in CHECKS:
                checks[f"_{member}"] = _rare if element.many else _compiled("Element")
            if element.choice:
                choices[member] = choices[f"_{member}"] = (element.name, member)
        if element.min and element.choice:
            required_choices.append(element.name)
        elif element.min:
            required.append((element.name, f"_{element.name}"))
    if owner in registry.resource_types():
        checks["resourceType"] = owner.__eq__
    return compiled


def _object(
    checks: dict[str, Check],
    choices: dict[str, tuple[str, str]],
    required: list[tuple[str, str]],
    required_choices: list[str],
    owner: str,
) -> Check:
    rules = tuple(rules_of(owner).values())
    check_of = checks.get

    def choices_hold(value: dict[str, Any]) -> bool:
        chosen: dict[str, str] = {}
        for name in value:
            choice = choices.get(name)
            if choice is not None and chosen.setdefault(choice[0], choice[1]) != choice[1]:
                return False
        return all(name in chosen for name in required_choices)

    def accepts(value: Any) -> bool:
        if value.__class__ is not dict or not value:
            return False
        for name, child in value.items():
            check = check_of(name)
            if check is None or not check(child):
                return False
        for name, shadow in required:
            if name not in value and shadow not in value:
                return False
        if len(value) == 1 and "id" in value:
            return False
        if choices and not choices_hold(value):
            return False
        for rule in rules:  # noqa: SIM110 - a generator would double the cost of the hot path
            if not rule(value):
                return False
        return True

    return accepts
