"""Values of a FHIRPath Patch: what a Parameters part gives, as the element it becomes.

https://hl7.org/fhir/R4/fhirpatch.html: an anonymous type (a backbone element) and a type that
Parameters cannot hold are given by ``part``, one for each of its elements.
"""

from typing import Any

from fhir import jsontext, registry
from fhir.outcomes import BadRequestError, UnprocessableError
from fhir.patch.nodes import Pair, pairs_of, put_pairs
from fhir.registry import PRIMITIVES, Element

_VALUES = dict(registry.element("Parameters.parameter.value").members)
_PARENTS = {
    **dict.fromkeys(("code", "id", "markdown"), "string"),
    **dict.fromkeys(("url", "canonical", "oid", "uuid"), "uri"),
    **dict.fromkeys(("positiveInt", "unsignedInt"), "integer"),
    **dict.fromkeys(("Age", "Count", "Distance", "Duration"), "Quantity"),
}
"""Specialisation -> what it may stand for: https://hl7.org/fhir/R4/datatypes.html."""


def given(part: dict[str, Any], element: Element) -> tuple[str, Pair]:
    """Return (JSON member, value) of a part for a place of ``element``.

    Raises UnprocessableError where the type is wrong for the place.
    """
    members = [m for m in _VALUES if m in part or f"_{m}" in part]
    if members:
        member = members[0]
        kind = _VALUES[member]
        place = _place(element, kind)
        return place, (jsontext.copied(part.get(member)), jsontext.copied(part.get(f"_{member}")))
    if "resource" in part:
        return _place(element, "Resource"), (jsontext.copied(part["resource"]), None)
    if not part.get("part"):
        raise BadRequestError("a value is missing", code="required")
    kind = element.types[0]
    if element.choice or kind in PRIMITIVES or kind in {"Resource", "xhtml"}:
        raise _wrong(element)
    return element.name, (_built(element.owner or kind, part["part"]), None)


def _place(element: Element, kind: str) -> str:
    """Return the JSON member under which a value of this type stands."""
    for member, wanted in element.members.items():
        # Parameters has no valueXhtml: the div of a narrative comes as a string.
        if kind == wanted or (wanted == "xhtml" and kind == "string"):
            if element.owner and wanted == "BackboneElement":
                break
            return member
    for member, wanted in element.members.items():
        if _PARENTS.get(kind) == wanted:
            return member
    raise _wrong(element)


def _wrong(element: Element) -> UnprocessableError:
    kinds = ", ".join(element.types)
    how = f"takes {kinds}"
    if element.types[0] == "BackboneElement" or element.owner:
        how = "is given by parts, one for each of its elements"
    return UnprocessableError(f"the type of the value is wrong: {element.path} {how}", code="value")


def _built(owner: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the JSON object of the elements that parts give."""
    body: dict[str, Any] = {}
    for part in parts:
        element = registry.elements(owner).get(part["name"])
        if element is None:
            raise BadRequestError(f"{owner} has no element {part['name']}", code="value")
        put(body, element, part)
    return body


def put(body: dict[str, Any], element: Element, part: dict[str, Any]) -> None:
    """Append a value to a list, or set a single element that is not there yet."""
    member, pair = given(part, element)
    pairs = pairs_of(body, member)
    if not element.many and any(pairs_of(body, each) for each in element.members):
        raise UnprocessableError(f"{element.path} is there already: replace it", code="processing")
    put_pairs(body, member, [*pairs, pair], many=element.many)


def part_of(name: str, element: Element, kind: str, pair: Pair) -> dict[str, Any]:
    """Return the Parameters part for a value: what ``given`` reads."""
    value, shadow = pair
    part: dict[str, Any] = {"name": name}
    if kind == "Resource":
        return {**part, "resource": value}
    if kind == "xhtml":
        kind = "string"
    member = f"value{kind[0].upper()}{kind[1:]}"
    if element.owner is None and member in _VALUES:
        if value is not None:
            part[member] = value
        if shadow is not None:
            part[f"_{member}"] = shadow
        return part
    return {**part, "part": list(_parts(element.owner or kind, value))}


def _parts(owner: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        part_of(element.name, element, kind, pair)
        for element in registry.elements(owner).values()
        for member, kind in element.members.items()
        for pair in pairs_of(body, member)
    ]
