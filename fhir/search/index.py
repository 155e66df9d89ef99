"""Resource -> index values: what the search parameters of R4 find it by.

``index(resource)`` is on the path of every write: plain dict walking over paths that the registry
resolved beforehand, no FHIRPath engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from fhir.registry.search_parameters import patient_parameters, search_parameters
from fhir.search import emitters
from fhir.search.composites import CompositeEmitter, repeating_bases
from fhir.search.cover import is_stored, parts_left
from fhir.search.dates import DateRange
from fhir.search.emitters import Found, QuantityRange
from fhir.search.paths import Step, Walk, compiled, kept, local_reference, steps_of

__all__ = ["DateRange", "IndexEntries", "QuantityRange", "index"]


@dataclass(slots=True)
class IndexEntries:
    """Everything a resource is found by. Not frozen: that would cost more than its making."""

    keys: tuple[str, ...] = ()
    """Token, reference, uri and composite keys: fhir/search/keys.py. To be hashed."""
    strings: tuple[tuple[str, str], ...] = ()
    """(parameter, normalised value), each part once."""
    dates: Mapping[str, tuple[DateRange, ...]] = field(default_factory=dict)
    quantities: tuple[QuantityRange, ...] = ()
    patient: str | None = None
    """Id of the Patient whose compartment it is in (of a Patient: its own id)."""
    others: tuple[str, ...] = ()
    """Ids of further Patients in whose compartments it is."""
    present: int = 0
    """Bit ``SearchParameter.bit`` is set where the resource has a value for that parameter."""


@dataclass(frozen=True, slots=True)
class _Extractor:
    """What is to be done with one top-level element for one parameter."""

    head: Step | None
    """None: it takes every value of the element."""
    walk: Walk | None
    emit: emitters.Emit
    mask: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done with the elements of one resource type."""

    extractors: Mapping[str, tuple[_Extractor, ...]]
    absent: tuple[tuple[int, str], ...]
    """(bit, key) of tokens that a resource has where the parameter found nothing."""
    composites: tuple[CompositeEmitter, ...]


def index(resource: Mapping[str, Any], *, without: frozenset[str] = frozenset()) -> IndexEntries:
    """Return the index values of a valid resource of a supported type.

    ``without`` names token and reference parameters that have a column of their own, so that
    their keys are not made.
    """
    resource_type = resource["resourceType"]
    plan = _plan(resource_type, without)
    found = Found(resource)
    present = 0
    for name, value in resource.items():
        wanted = plan.extractors.get(name)
        if wanted is None:
            continue
        values = value if value.__class__ is list else [value]
        for extractor in wanted:
            leaves = values
            if extractor.head is not None:
                leaves = kept(extractor.head, leaves, resource)
            if extractor.walk is not None:
                leaves = extractor.walk(leaves, resource)
            if not leaves:
                continue
            present |= extractor.mask
            for leaf in leaves:
                # null stands for an element that has only extensions.
                if leaf is not None:
                    extractor.emit(leaf, found)
    for mask, key in plan.absent:
        if not present & mask:
            present |= mask
            found.keys.append(key)
    for composite in plan.composites:
        if not composite.heads.isdisjoint(resource):
            composite(resource, found)
    about = patients(resource)
    return IndexEntries(
        keys=tuple(dict.fromkeys(found.keys)),
        strings=tuple(dict.fromkeys(found.strings)),
        dates={code: tuple(dict.fromkeys(ranges)) for code, ranges in found.dates.items()},
        quantities=found.merged_quantities(),
        patient=about[0] if about else None,
        others=tuple(about[1:]),
        present=present,
    )


def patients(resource: Mapping[str, Any]) -> list[str]:
    """Return the ids of the Patients in whose compartments it is, the subject's first."""
    resource_type = resource["resourceType"]
    found = [resource["id"]] if resource_type == "Patient" and "id" in resource else []
    for head, walk in _patient_steps(resource_type):
        value = resource.get(head.name)
        if value is None:
            continue
        leaves = value if isinstance(value, list) else [value]
        if head.filters:
            leaves = kept(head, leaves, resource)
        if walk is not None:
            leaves = walk(leaves, resource)
        for leaf in leaves:
            if not isinstance(leaf, dict):
                continue
            target = leaf.get("reference") or ""
            # Only our own people: an absolute address is somebody else's Patient.
            if target.startswith("Patient/") and (local := local_reference(target)):
                patient = local[8:]
                if patient not in found:
                    found.append(patient)
    return found


@cache
def _patient_steps(resource_type: str) -> tuple[tuple[Step, Walk | None], ...]:
    """Return where the Patients of the compartment's parameters are, each element once."""
    codes = patient_parameters(resource_type)
    same = patient_column_parameters(resource_type)
    known = search_parameters(resource_type)
    paths = dict.fromkeys(
        path
        for code in codes
        if code == codes[0] or code not in same
        for path, _ in known[code].paths
    )
    return tuple(_headed(path) for path in paths)


@cache
def patient_column_parameters(resource_type: str) -> frozenset[str]:
    """Return the reference parameters that the column patient_id answers for a local Patient.

    Those that look at the same single-valued element as the first patient parameter; their keys
    are not made where it refers to a Patient of this system.
    """
    codes = patient_parameters(resource_type)
    if not codes or resource_type == "Patient":
        return frozenset()
    known = search_parameters(resource_type)
    first = known[codes[0]]
    if first.multi or len(first.paths) != 1:
        return frozenset()
    element = first.paths[0][0].partition("[")[0]
    return frozenset(
        code
        for code, parameter in known.items()
        if parameter.kind == "reference"
        and not parameter.multi
        and [path.partition("[")[0] for path, _ in parameter.paths] == [element]
    )


@cache
def _plan(resource_type: str, without: frozenset[str]) -> _Plan:
    known = search_parameters(resource_type)
    extractors: dict[str, list[_Extractor]] = {}
    for parameter in known.values():
        if parameter.kind in {"composite", "special"} or parameter.code in _META_COLUMNS:
            continue
        stored = is_stored(resource_type, parameter.code)
        for path, kind in parameter.paths:
            head, *rest = steps_of(path)
            emit: emitters.Emit = emitters.nothing
            if stored:
                emit = emitters.emitter(
                    parameter,
                    kind,
                    parts=parts_left(resource_type, path, kind),
                    silent=parameter.code in without,
                    column=parameter.code in patient_column_parameters(resource_type),
                )
            walk = compiled(tuple(rest)) if rest else None
            extractors.setdefault(head.name, []).append(
                _Extractor(head if head.filters else None, walk, emit, 1 << parameter.bit)
            )
    return _Plan(
        extractors={name: tuple(found) for name, found in extractors.items()},
        absent=tuple(
            (1 << p.bit, emitters.absent_key(p)) for p in known.values() if p.absent is not None
        ),
        composites=tuple(
            CompositeEmitter(known, p)
            for p in known.values()
            if p.kind == "composite" and repeating_bases(p)
        ),
    )


# The id and the instant of the last change are columns of every table.
_META_COLUMNS = frozenset({"_id", "_lastUpdated"})


def _headed(path: str) -> tuple[Step, Walk | None]:
    head, *rest = steps_of(path)
    return head, compiled(tuple(rest)) if rest else None
