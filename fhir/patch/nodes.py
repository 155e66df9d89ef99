"""Where a path leads: places in a resource's JSON, with their types.

A primitive has two places in JSON, ``birthDate`` and ``_birthDate`` with its extensions; both move
together (https://hl7.org/fhir/R4/json.html#primitive). A choice is found under its plain name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fhir import registry
from fhir.outcomes import BadRequestError, UnprocessableError
from fhir.patch.path import Step, meets, steps
from fhir.registry import PRIMITIVES, Element

_ANCESTORS = frozenset({"Resource", "DomainResource"})

Pair = tuple[Any, Any]
"""A value and what stands beside it under ``_name``; None where there is nothing."""


@dataclass(frozen=True, slots=True)
class Node:
    """One value in the resource: the member of a JSON object, or one place of its array."""

    holder: dict[str, Any]
    member: str
    index: int | None
    element: Element | None
    """None: the resource itself."""
    kind: str

    @property
    def pair(self) -> Pair:
        pairs = pairs_of(self.holder, self.member)
        return pairs[self.index or 0]

    @property
    def value(self) -> Any:
        return self.pair[0]

    @property
    def owner(self) -> str:
        """What the registry calls the owner of its elements."""
        if self.kind == "Resource":
            return str(self.value["resourceType"])
        if self.kind in PRIMITIVES:
            return "Element"
        return (self.element and self.element.owner) or self.kind

    def body(self) -> dict[str, Any]:
        """Return the JSON object of its elements; an empty, detached one where there is none."""
        value, shadow = self.pair
        found = shadow if self.kind in PRIMITIVES else value
        return found if isinstance(found, dict) else {}

    def grown(self) -> dict[str, Any]:
        """Return the JSON object of its elements, made where there is none."""
        if self.kind in PRIMITIVES and self.pair[1] is None:
            pairs = pairs_of(self.holder, self.member)
            pairs[self.index or 0] = (self.value, {})
            put_pairs(self.holder, self.member, pairs, many=self.index is not None)
        return self.body()


def root(resource: dict[str, Any]) -> Node:
    return Node({"resource": resource}, "resource", None, None, "Resource")


def pairs_of(holder: dict[str, Any], member: str) -> list[Pair]:
    """Return the values of a member with what stands beside them, one for each element."""
    value, shadow = holder.get(member), holder.get(f"_{member}")
    if value is None and shadow is None:
        return []
    if isinstance(value, list) or isinstance(shadow, list):
        values, shadows = value or [], shadow or []
        size = max(len(values), len(shadows))
        return list(
            zip(
                [*values, *[None] * (size - len(values))],
                [*shadows, *[None] * (size - len(shadows))],
                strict=True,
            )
        )
    return [(value, shadow)]


def put_pairs(holder: dict[str, Any], member: str, pairs: list[Pair], *, many: bool) -> None:
    """Put the values of a member back; without any, the member goes."""
    for name, column in ((member, 0), (f"_{member}", 1)):
        found = [pair[column] for pair in pairs]
        if all(each is None for each in found):
            holder.pop(name, None)
        else:
            holder[name] = found if many else found[0]


def tidy(value: Any) -> None:
    """Take away what stood beside a primitive and is empty now: in FHIR it is no element."""
    if isinstance(value, dict):
        for name in [name for name in value if name.startswith("_")]:
            pairs = pairs_of(value, name[1:])
            full = [(plain, shadow or None) for plain, shadow in pairs]
            if full != pairs:
                many = isinstance(value[name], list)
                put_pairs(value, name[1:], [p for p in full if p != (None, None)], many=many)
    for child in value.values() if isinstance(value, dict) else value:
        if isinstance(child, dict | list):
            tidy(child)


def element_of(node: Node, name: str) -> Element:
    """Return the element of a node that is called so. Raises BadRequestError."""
    found = registry.elements(node.owner).get(name)
    if found is None:
        raise BadRequestError(f"{node.owner} has no element {name}", code="value")
    return found


def children(node: Node, name: str) -> Iterator[Node]:
    """Yield the values of one element of a node."""
    element = element_of(node, name)
    body = node.body()
    for member, kind in element.members.items():
        for index, _ in enumerate(pairs_of(body, member)):
            yield Node(body, member, index if element.many else None, element, kind)


def find(resource: dict[str, Any], text: str) -> list[Node]:
    """Return the places that a path leads to."""
    return _walk(resource, steps(text))


def collection(resource: dict[str, Any], text: str) -> tuple[Node, Element]:
    """Return the one owner and the element of a path that ends with a list: ``Patient.name``."""
    path = steps(text)
    last = path[-1]
    if last.index is not None or last.argument is not None:
        raise BadRequestError("the path must end with the name of a list", code="value")
    owner = one(_walk(resource, path[:-1]))
    element = element_of(owner, last.name)
    if not element.many:
        raise BadRequestError(f"{element.path} is no list", code="value")
    return owner, element


def one(nodes: list[Node]) -> Node:
    """Return the only node: https://hl7.org/fhir/R4/fhirpatch.html wants a single element."""
    if len(nodes) != 1:
        raise UnprocessableError(
            f"the path must lead to one element, it leads to {len(nodes) or 'none'}",
            code="processing",
        )
    return nodes[0]


def _walk(resource: dict[str, Any], path: tuple[Step, ...]) -> list[Node]:
    start = root(resource)
    nodes = [start]
    if path and path[0].argument is None and path[0].name[:1].isupper():
        if path[0].name not in {resource["resourceType"], *_ANCESTORS}:
            raise BadRequestError(
                f"the path begins with {path[0].name}, the resource is a "
                f"{resource['resourceType']}",
                code="value",
            )
        path = path[1:]
    for step in path:
        nodes = _step(nodes, step)
    return nodes


def _step(nodes: list[Node], step: Step) -> list[Node]:
    if step.index is not None:
        return nodes[step.index : step.index + 1]
    if step.argument is None:
        return [child for node in nodes for child in children(node, step.name)]
    match step.name:
        case "first":
            return nodes[:1]
        case "last":
            return nodes[-1:]
        case "single":
            return [one(nodes)] if nodes else []
        case "ofType" | "as":
            kind = step.argument.rpartition(".")[2]
            return [node for node in nodes if kind in {node.owner, node.kind}]
        case "extension":
            found = [child for node in nodes for child in children(node, "extension")]
            return [node for node in found if node.value.get("url") == step.argument]
        case _:
            return [node for node in nodes if meets(node.value, node.owner, step.argument)]
