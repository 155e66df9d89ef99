"""Which parameters hold the values of which: what is stored once is searched under several names.

``name`` is ``family`` and ``given`` and the rest; ``combo-code`` is ``code`` and
``component-code``; ``phone`` is a ``telecom`` whose system is phone; an Appointment's ``patient``
is an ``actor`` that is a Patient.
"""

from dataclasses import dataclass
from functools import cache

from fhir.registry.search_parameters import SearchParameter, search_parameters
from fhir.search.paths import Step, steps_of

_PARTED = frozenset({"HumanName", "Address"})
_PARTS = {
    "HumanName": ("text", "family", "given", "prefix", "suffix"),
    "Address": ("text", "line", "city", "district", "state", "postalCode", "country"),
}


@dataclass(frozen=True, slots=True)
class Cover:
    """Where the values of a parameter are stored."""

    holders: tuple[str, ...]
    """The parameters under whose names they are; often just the parameter itself."""
    target: str | None = None
    """Only references to this type are meant."""
    system: str | None = None
    """Only contact points of this system are meant."""


@cache
def cover(resource_type: str, code: str) -> Cover:
    """Return where the values of a parameter are stored."""
    known = search_parameters(resource_type)
    parameter = known[code]
    if parameter.kind == "string":
        return Cover(_string_holders(resource_type, parameter))
    if parameter.kind in {"composite", "special", "date"} or not parameter.paths:
        return Cover((code,))
    plain = {_plain(path) for path, _ in parameter.paths}
    filters = {_last(path) for path, _ in parameter.paths}
    own = {path for path, _ in parameter.paths}
    holders = [
        other
        for other in known.values()
        if other.kind == parameter.kind
        and other.code != code
        and other.paths
        and {path for path, _ in other.paths} <= plain
        and {path for path, _ in other.paths} != own
        and other.types <= parameter.types
    ]
    covered = {path for other in holders for path, _ in other.paths}
    if not holders or covered != plain or (len(filters) > 1 and plain != own):
        return Cover((code,))
    step = _last(parameter.paths[0][0]) if plain != own else Step("")
    if step.attribute and (step.attribute != "system" or parameter.types != {"ContactPoint"}):
        return Cover((code,))
    return Cover(tuple(h.code for h in holders), target=step.target, system=step.value)


def is_stored(resource_type: str, code: str) -> bool:
    """Say whether a parameter has index values under its own name."""
    return code in cover(resource_type, code).holders


def parts_left(resource_type: str, path: str, kind: str) -> tuple[str, ...]:
    """Return the parts of a name or address that no narrower parameter of the type holds."""
    known = search_parameters(resource_type)
    held = {p for other in known.values() if other.kind == "string" for p, _ in other.paths}
    return tuple(part for part in _PARTS.get(kind, ()) if f"{path}.{part}" not in held)


def _string_holders(resource_type: str, parameter: SearchParameter) -> tuple[str, ...]:
    if parameter.code == "phonetic":
        # Its values are sounds, which are keys.
        return (parameter.code,)
    own = {path for path, kind in parameter.paths if kind in _PARTED}
    narrower = (
        other.code
        for other in search_parameters(resource_type).values()
        if other.kind == "string" and any(p.rpartition(".")[0] in own for p, _ in other.paths)
    )
    return tuple(dict.fromkeys((parameter.code, *narrower)))


def _plain(path: str) -> str:
    """Return a path without the filter at its end."""
    return path[: path.rindex("[")] if path.endswith("]") else path


def _last(path: str) -> Step:
    step = steps_of(path)[-1]
    return step._replace(name="")
