"""``dynamicValue``: an element of the result is what an expression yields.

https://hl7.org/fhir/R4/plandefinition-definitions.html#PlanDefinition.action.dynamicValue.path
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from fhir.apply.setting import Setting
from fhir.outcomes import UnprocessableError
from fhir.registry import Element, elements, members
from fhir.validation.primitives import is_date_time

_STEP = re.compile(r"([A-Za-z]+)(?:\[x\])?(?:\[(\d{1,3})\])?")
_DEEPEST = 12


def customise(
    owner: str,
    target: dict[str, Any],
    values: Iterable[Mapping[str, Any]],
    setting: Setting,
    where: str,
) -> None:
    """Put dynamic values into ``target``, a resource or a backbone of the type ``owner``."""
    for place, each in enumerate(values):
        here = f"{where}.dynamicValue[{place}]"
        found = setting.value(each.get("expression"), f"{here}.expression")
        if found:
            _put(owner, target, str(each.get("path", "")), found, f"{here}.path")


class _Place(NamedTuple):
    """Where in the JSON of a type an element stands."""

    member: str
    element: Element
    kind: str


def _put(owner: str, target: dict[str, Any], path: str, found: list[Any], where: str) -> None:
    steps = [_STEP.fullmatch(part) for part in path.split(".")]
    if not path or len(steps) > _DEEPEST:
        raise _wrong(path, where)
    for number, step in enumerate(steps):
        if step is None:
            raise _wrong(path, where)
        name, index = step[1], int(step[2] or 0)
        last = number == len(steps) - 1
        place = _member(owner, name, found[0] if last else None, where)
        if last:
            _set(target, place, step[2], found, where)
            return
        child = target.get(place.member)
        if place.element.many:
            listed = target.setdefault(place.member, [])
            if index > len(listed):
                raise _wrong(path, where)
            if index == len(listed):
                listed.append({})
            child = listed[index]
        elif child is None:
            child = target[place.member] = {}
        if not isinstance(child, dict):
            raise _wrong(path, where)
        target, owner = child, place.element.owner or place.kind


def _set(
    target: dict[str, Any], place: _Place, index: str | None, found: list[Any], where: str
) -> None:
    member = place.member
    for other in place.element.members:
        if other != member:
            # A choice has one value.
            target.pop(other, None)
    if not place.element.many:
        if len(found) > 1:
            raise UnprocessableError(
                f"{member} has one value, the expression yields {len(found)}", expression=where
            )
        target[member] = found[0]
        return
    if index is None:
        target[member] = found
        return
    listed = target.setdefault(member, [])
    if int(index) > len(listed):
        raise _wrong(member, where)
    listed[int(index) : int(index) + 1] = found


def _member(owner: str, name: str, value: Any, where: str) -> _Place:
    """Return where an element stands: for a choice by its value's type."""
    known = members(owner)
    if name in known:
        return _Place(name, *known[name])
    element = elements(owner).get(name)
    for member, kind in element.members.items() if element is not None else ():
        if element is not None and value is not None and kind == _kind(value):
            return _Place(member, element, kind)
    raise _wrong(name, where)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, str):
        return "dateTime" if is_date_time(value) else "string"
    for member, kind in (
        ("coding", "CodeableConcept"),
        ("reference", "Reference"),
        ("repeat", "Timing"),
        ("start", "Period"),
        ("end", "Period"),
        ("low", "Range"),
        ("value", "Quantity"),
    ):
        if isinstance(value, dict) and member in value:
            return kind
    return ""


def _wrong(path: str, where: str) -> UnprocessableError:
    return UnprocessableError(f"{path!r} is no element that can be set here", expression=where)
