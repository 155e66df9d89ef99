"""FHIRPath Patch: a Parameters resource of operations, https://hl7.org/fhir/R4/fhirpatch.html."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fhir import jsontext
from fhir.outcomes import (
    BadRequestError,
    FHIRError,
    InvalidResourceError,
    Issue,
    UnprocessableError,
)
from fhir.patch import exact, values
from fhir.patch.json_patch import MOST_OPERATIONS
from fhir.patch.nodes import Node, collection, element_of, find, one, pairs_of, put_pairs, tidy
from fhir.registry import Element
from fhir.validation import validate

_PARTS = {
    "add": ("path", "name", "value"),
    "insert": ("path", "index", "value"),
    "delete": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "source", "destination"),
}
_TYPES = {
    "type": ("valueCode", "valueString"),
    "path": ("valueString",),
    "name": ("valueString",),
    "index": ("valueInteger", "valueUnsignedInt", "valuePositiveInt"),
    "source": ("valueInteger", "valueUnsignedInt", "valuePositiveInt"),
    "destination": ("valueInteger", "valueUnsignedInt", "valuePositiveInt"),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a FHIRPath Patch."""

    index: int
    type: str
    parts: dict[str, Any]
    """Part -> its plain value; ``value`` -> the whole part."""

    @property
    def expression(self) -> str:
        return f"Parameters.parameter[{self.index}]"


@dataclass(frozen=True, slots=True)
class FHIRPathPatch:
    """The operations of one patch, in order."""

    operations: tuple[Operation, ...]

    def apply(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Return the patched resource, which is ``resource`` changed.

        Raises BadRequestError or UnprocessableError that names the operation.
        """
        for operation in self.operations:
            try:
                _APPLY[operation.type](resource, **operation.parts)
            except FHIRError as error:
                raise type(error)(
                    f"operation {operation.index} ({operation.type}): {error.text}",
                    code=error.issues[0].code,
                    expression=operation.expression,
                ) from error
        tidy(resource)
        return resource


def read(raw: str | bytes) -> FHIRPathPatch:
    """Read the Parameters resource of a patch. Raises BadRequestError that names the operation."""
    parameters = exact.loads(raw)
    if not isinstance(parameters, dict) or parameters.get("resourceType") != "Parameters":
        raise BadRequestError("a FHIRPath Patch is a Parameters resource", code="structure")
    if faults := faults_of(jsontext.loads(raw)):
        raise InvalidResourceError(faults)
    listed = parameters.get("parameter", [])
    if len(listed) > MOST_OPERATIONS:
        raise UnprocessableError(
            f"a patch may have at most {MOST_OPERATIONS} operations", code="too-costly"
        )
    return FHIRPathPatch(tuple(_operation(index, each) for index, each in enumerate(listed)))


def faults_of(parameters: dict[str, Any]) -> list[Issue]:
    """Return what is wrong with the Parameters (numbers as ``jsontext`` reads them).

    A reference to something contained is legal: what it points at is in the patched resource.
    """
    return [each for each in validate(parameters) if not each.text.endswith("(ref-1)")]


def _operation(index: int, parameter: dict[str, Any]) -> Operation:
    at = f"Parameters.parameter[{index}]"
    if parameter["name"] != "operation":
        raise BadRequestError(
            "a parameter of a FHIRPath Patch is called operation", expression=f"{at}.name"
        )
    parts: dict[str, Any] = {}
    for part in parameter.get("part", ()):
        name = part["name"]
        if name in parts or (name not in _TYPES and name != "value"):
            known = ", ".join([*_TYPES, "value"])
            raise BadRequestError(f"an operation has, once each: {known}", expression=f"{at}.part")
        parts[name] = part if name == "value" else _plain(part, at)
    kind = parts.pop("type", None)
    if kind not in _PARTS:
        raise BadRequestError(
            f"type must be one of {', '.join(_PARTS)}", code="value", expression=at
        )
    if set(parts) != set(_PARTS[kind]):
        raise BadRequestError(
            f"{kind} takes {', '.join(_PARTS[kind])}", code="required", expression=at
        )
    return Operation(index, kind, parts)


def _plain(part: dict[str, Any], at: str) -> Any:
    allowed = _TYPES[part["name"]]
    for member in allowed:
        if member in part:
            return part[member]
    raise BadRequestError(
        f"{part['name']} is a {allowed[0]}", code="value", expression=f"{at}.part"
    )


def _add(resource: dict[str, Any], *, path: str, name: str, value: dict[str, Any]) -> None:
    node = one(find(resource, path))
    element = element_of(node, name)
    values.put(node.grown(), element, value)


def _insert(resource: dict[str, Any], *, path: str, index: int, value: dict[str, Any]) -> None:
    owner, element = collection(resource, path)
    member, pair = values.given(value, element)
    pairs = pairs_of(owner.body(), member)
    _check_place("index", index, len(pairs))
    put_pairs(owner.grown(), member, [*pairs[:index], pair, *pairs[index:]], many=True)


def _delete(resource: dict[str, Any], *, path: str) -> None:
    nodes = find(resource, path)
    if not nodes:
        return  # "to delete (if found)"
    node = _inside(one(nodes))
    pairs = pairs_of(node.holder, node.member)
    del pairs[node.index or 0]
    put_pairs(node.holder, node.member, pairs, many=node.index is not None)


def _replace(resource: dict[str, Any], *, path: str, value: dict[str, Any]) -> None:
    node = _inside(one(find(resource, path)))
    assert node.element is not None
    member, pair = values.given(value, node.element)
    if member != node.member:
        # A choice of another type takes the place of the old one.
        _renamed(node, node.element, member)
    pairs = pairs_of(node.holder, member) or [(None, None)]
    pairs[node.index or 0] = pair
    put_pairs(node.holder, member, pairs, many=node.index is not None)


def _renamed(node: Node, element: Element, member: str) -> None:
    old = dict(node.holder)
    node.holder.clear()
    for name, value in old.items():
        if name == node.member:
            node.holder[member] = value
        elif name.removeprefix("_") not in element.members:
            node.holder[name] = value


def _move(resource: dict[str, Any], *, path: str, source: int, destination: int) -> None:
    owner, element = collection(resource, path)
    member = element.name
    pairs = pairs_of(owner.body(), member)
    _check_place("source", source, len(pairs) - 1)
    _check_place("destination", destination, len(pairs) - 1)
    pairs.insert(destination, pairs.pop(source))
    put_pairs(owner.body(), member, pairs, many=True)


def _inside(node: Node) -> Node:
    if node.element is None:
        raise UnprocessableError("the path leads to the whole resource", code="processing")
    return node


def _check_place(name: str, place: int, last: int) -> None:
    if not 0 <= place <= last:
        raise UnprocessableError(f"{name} must be between 0 and {max(last, 0)}", code="processing")


_APPLY: dict[str, Callable[..., None]] = {
    "add": _add,
    "insert": _insert,
    "delete": _delete,
    "replace": _replace,
    "move": _move,
}
