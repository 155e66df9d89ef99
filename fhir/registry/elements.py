"""Elements of every R4 type: names, types, cardinality, required codes, reference targets.

An owner is a type (``Patient``) or a backbone inside one (``Patient.contact``); a path names an
element of it (``Patient.contact.name``). Choice elements are named without ``[x]``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from fhir.registry.types import SUPPORTED_TYPES

_DEFINITIONS = Path(__file__).parent / "definitions"

PRIMITIVES = frozenset(
    {
        *("base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id"),
        *("instant", "integer", "markdown", "oid", "positiveInt", "string", "time"),
        *("unsignedInt", "uri", "url", "uuid", "xhtml"),
    }
)


@dataclass(frozen=True)
class Element:
    """One element as R4 defines it."""

    path: str
    """``Patient.contact.name``; a choice keeps its mark: ``Observation.value[x]``."""
    types: tuple[str, ...]
    min: int
    max: int | None
    """None: as many as you like."""
    targets: frozenset[str]
    """Types that a Reference may point at; empty: any type."""
    codes: str | None
    """Canonical of the value set whose codes are required."""
    summary: bool
    """Part of the answer to ``_summary=true``."""
    owner: str | None
    """Owner of its own elements, if it is a backbone or refers to one: ``Questionnaire.item``."""

    @cached_property
    def name(self) -> str:
        """The name without ``[x]``."""
        return self.path.rpartition(".")[2].removesuffix("[x]")

    @property
    def choice(self) -> bool:
        return self.path.endswith("[x]")

    @property
    def many(self) -> bool:
        return self.max is None or self.max > 1

    @cached_property
    def members(self) -> Mapping[str, str]:
        """JSON member name -> type: ``valueQuantity`` -> ``Quantity``."""
        if not self.choice:
            return {self.name: self.types[0]}
        return {f"{self.name}{kind[0].upper()}{kind[1:]}": kind for kind in self.types}


@cache
def _definitions(name: str) -> dict[str, Any]:
    content: dict[str, Any] = orjson.loads((_DEFINITIONS / name).read_bytes())
    return content


def _element(owner: str, name: str, definition: dict[str, Any]) -> Element:
    path = f"{owner}.{name}"
    declared: list[str] = definition.get("types", ["BackboneElement"])
    targets: set[str] = set()
    types = []
    for kind in declared:
        base, _, allowed = kind.partition("(")
        types.append(base)
        targets.update(allowed.rstrip(")").split("|") if allowed else ())
    backbone = definition.get("same") or (path if path in _definitions("elements.json") else None)
    maximum = definition.get("max", "1")
    return Element(
        path=path,
        types=tuple(types),
        min=definition.get("min", 0),
        max=None if maximum == "*" else int(maximum),
        targets=frozenset(targets),
        codes=definition.get("codes"),
        summary=definition.get("summary", False),
        owner=backbone,
    )


@cache
def elements(owner: str) -> Mapping[str, Element]:
    """Return the elements of a type or backbone by name, inherited ones first.

    Raises KeyError for what R4 does not define.
    """
    definition = _definitions("elements.json")[owner]
    found = dict(elements(definition["base"])) if definition["base"] else {}
    for name, described in definition["elements"].items():
        found[name.removesuffix("[x]")] = _element(owner, name, described)
    return MappingProxyType(found)


@cache
def owners() -> frozenset[str]:
    """Return every type and backbone that ``elements`` knows of."""
    return frozenset(_definitions("elements.json"))


@cache
def element(path: str) -> Element:
    """Return the element at a path such as ``Patient.contact.name.family``.

    Raises KeyError where R4 has none (also below a choice: its type is not known).
    """
    owner, *names = path.split(".")
    found: Element | None = None
    for name in names:
        if found is not None:
            if found.choice:
                raise KeyError(path)
            owner = found.owner or found.types[0]
        found = elements(owner)[name]
    if found is None:
        raise KeyError(path)
    return found


@cache
def members(owner: str) -> Mapping[str, tuple[Element, str]]:
    """Return JSON member name -> (element, type) of a type or backbone, choices spelled out."""
    return MappingProxyType(
        {
            member: (found, kind)
            for found in elements(owner).values()
            for member, kind in found.members.items()
        }
    )


@cache
def resource_types() -> frozenset[str]:
    """Return every concrete resource type of R4, stored or not."""
    kinds = _definitions("kinds.json")
    return frozenset(name for name, kind in kinds.items() if kind == "resource")


def is_supported(name: str) -> bool:
    return name in _SUPPORTED


_SUPPORTED = frozenset(SUPPORTED_TYPES)


def is_domain_resource(name: str) -> bool:
    return bool(_definitions("elements.json")[name]["base"] == "DomainResource")


def required_codes(canonical: str) -> Mapping[str, frozenset[str]] | None:
    """Return system -> codes of a required value set, None if no finite list stands behind it."""
    systems = _definitions("codes.json").get(canonical)
    if systems is None:
        return None
    return {system: frozenset(codes) for system, codes in systems.items()}


def invariants(path: str) -> Mapping[str, str]:
    """Return key -> sentence of the constraints on a type or element (those that are errors)."""
    found: dict[str, str] = _definitions("invariants.json").get(path, {})
    return found


def constrained_paths() -> tuple[str, ...]:
    """Return every path that ``invariants`` knows of."""
    return tuple(_definitions("invariants.json"))


def sentence(owner: str, key: str) -> str:
    """Return what an invariant of a type, backbone or element of it says."""
    for path, found in _definitions("invariants.json").items():
        if key in found and (path == owner or path.startswith(f"{owner}.")):
            return str(found[key])
    if owner == "Quantity":
        raise KeyError(key)
    return sentence("Quantity", key)  # Age, Count, Distance, Duration are Quantities
