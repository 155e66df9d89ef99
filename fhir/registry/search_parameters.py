"""The search parameters of each supported type and the compartments, as R4 defines them.

Data: definitions/search.json, made by generate_search.py. https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import orjson

from fhir.registry.types import SUPPORTED_TYPES


@dataclass(frozen=True, slots=True)
class Component:
    """One half of a composite parameter; its paths begin at an element that the composite names."""

    code: str
    kind: str
    paths: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """A search parameter as one resource type has it."""

    code: str
    kind: str
    """``token reference string date number quantity uri composite special``."""
    url: str
    expression: str
    """The branches of the official FHIRPath expression that begin at this type."""
    number: int
    """Stable over releases and unique over all types: a short name for index rows."""
    bit: int
    """The place of this parameter among those of its type: for ``:missing``."""
    paths: tuple[tuple[str, str], ...]
    """Where the values are: JSON path (with ``[is Type]`` and ``[name=value]``), data type."""
    targets: tuple[str, ...] = ()
    """Types that a reference may point to, of those supported here."""
    foreign_targets: tuple[str, ...] = ()
    """The others: what points to them is found, though not what they are."""
    multi: bool = False
    """Whether one resource can have several values."""
    components: tuple[Component, ...] = ()
    systems: tuple[str, ...] = ()
    """The code systems of codes that stand without one, from their required binding."""
    absent: str | None = None
    """The token that a resource has where none of the paths has a value."""
    types: frozenset[str] = field(default_factory=frozenset)
    """The data types at the ends of the paths."""


def _pairs(paths: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((path, kind) for path, kind in paths)


def _parameter(code: str, source: dict[str, Any], bit: int) -> SearchParameter:
    paths = _pairs(source["paths"])
    return SearchParameter(
        code=code,
        kind=source["kind"],
        url=source["url"],
        expression=source["expression"],
        number=source["number"],
        bit=bit,
        paths=paths,
        targets=tuple(t for t in source.get("targets", ()) if t in SUPPORTED_TYPES),
        foreign_targets=tuple(t for t in source.get("targets", ()) if t not in SUPPORTED_TYPES),
        multi=source.get("multi", False),
        components=tuple(
            Component(code=c["code"], kind=c["kind"], paths=_pairs(c["paths"]))
            for c in source.get("components", ())
        ),
        systems=tuple(source.get("systems", ())),
        absent=source.get("absent"),
        types=frozenset(kind for _, kind in paths),
    )


@cache
def _definitions() -> dict[str, Any]:
    source = files("fhir.registry").joinpath("definitions/search.json").read_bytes()
    definitions: dict[str, Any] = orjson.loads(source)
    return definitions


@cache
def search_parameters(resource_type: str) -> Mapping[str, SearchParameter]:
    """Return the parameters of a type by their code, in the order of their numbers.

    Raises KeyError for a type that is not supported.
    """
    sources = _definitions()["parameters"][resource_type]
    ordered = sorted(sources.items(), key=lambda item: int(item[1]["number"]))
    return MappingProxyType(
        {code: _parameter(code, source, bit) for bit, (code, source) in enumerate(ordered)}
    )


def date_parameters(resource_type: str) -> tuple[SearchParameter, ...]:
    """Return the date parameters of a type that have at most one value in a resource."""
    return tuple(
        parameter
        for parameter in search_parameters(resource_type).values()
        if parameter.kind == "date" and not parameter.multi and not parameter.code.startswith("_")
    )


_OWN_COMPARTMENT: Mapping[str, tuple[str, ...]] = {
    # R4 leaves Task out of the patient compartment. A hub's tasks are about a person.
    "Task": ("patient",),
}

_SUBJECT_FIRST = ("patient", "subject")


@cache
def patient_parameters(resource_type: str) -> tuple[str, ...]:
    """Return the parameters that put a resource into a Patient's compartment, the subject first.

    https://hl7.org/fhir/R4/compartmentdefinition-patient.html; ``Patient`` itself has its own id.
    """
    members: dict[str, list[str]] = _definitions()["compartments"]["Patient"]
    codes = (*members.get(resource_type, ()), *_OWN_COMPARTMENT.get(resource_type, ()))
    known = search_parameters(resource_type)
    subject = [c for c in _SUBJECT_FIRST if c in known] if codes else []
    # Where "patient" is "subject restricted to Patient" the two say the same.
    return tuple(dict.fromkeys((*subject[:1], *(c for c in codes if c in known))))


@cache
def compartment_parameters(compartment: str, resource_type: str) -> tuple[str, ...]:
    """Return the parameters that make ``resource_type`` a member of a compartment.

    None where it is no member, and none where only the compartment's own record is one.
    """
    if compartment == "Patient":
        return patient_parameters(resource_type)
    members: dict[str, list[str]] = _definitions()["compartments"].get(compartment, {})
    return tuple(c for c in members.get(resource_type, ()) if c in search_parameters(resource_type))


@cache
def compartments() -> Mapping[str, tuple[str, ...]]:
    """Return the types that can be in each compartment, its own among them.

    https://hl7.org/fhir/R4/compartmentdefinition.html. R4 says ``{def}``, the record itself, of
    three compartments; a Patient's or Device's holds its own record too.
    """
    return {
        compartment: tuple(
            each
            for each in SUPPORTED_TYPES
            if each == compartment or compartment_parameters(compartment, each)
        )
        for compartment in _definitions()["compartments"]
    }


@cache
def whole_parameter(resource_type: str) -> SearchParameter | None:
    """Return the reference to the whole that a record is part of (``Location.partOf``).

    Only where whole and part are of one type: https://hl7.org/fhir/R4/search.html#recursive.
    """
    for parameter in search_parameters(resource_type).values():
        if parameter.paths == (("partOf", "Reference"),) and resource_type in parameter.targets:
            return parameter
    return None
