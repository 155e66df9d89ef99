"""The elements of a resource as profiles see them: value, type, place, and what lies below.

Whatever the JSON is: a member of the wrong form has no items, the rules of R4 report it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from fhir import registry

Value = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Item:
    """One value of an element."""

    kind: str
    """Its type: ``string``, ``Quantity``, ``BackboneElement``."""
    owner: str
    """Where its own elements are defined: ``HumanName``, ``Patient.contact``, ``Element``."""
    value: Any
    """None where only extensions are there."""
    below: Value
    """The object that holds its own elements: itself, or the extensions of a primitive."""
    path: str
    element: str
    """Path of its definition: ``Patient.contact.name``."""


def root(resource: Value, path: str | None = None) -> Item:
    kind = str(resource.get("resourceType"))
    return Item(kind, kind, resource, resource, path or kind, kind)


def items(parent: Item, name: str) -> Iterator[Item]:
    """Yield the values of one element below an item, in their order."""
    element = registry.elements(parent.owner).get(name) if is_defined(parent.owner) else None
    if element is None:
        return
    for member, kind in element.members.items():
        value, shadow = parent.below.get(member), parent.below.get(f"_{member}")
        at = f"{parent.path}.{element.name}"
        defined = f"{parent.owner}.{name}"
        if not element.many:
            pairs = [(value, shadow, at)]
        else:
            pairs = [
                (each, extended, f"{at}[{index}]")
                for index, (each, extended) in enumerate(zip_longest(_list(value), _list(shadow)))
            ]
        for each, extended, place in pairs:
            if kind in registry.PRIMITIVES:
                below = extended if isinstance(extended, dict) else {}
                if (each is None and not below) or isinstance(each, dict | list):
                    continue
                yield Item(kind, "Element", each, below, place, defined)
            elif isinstance(each, dict):
                owner = element.owner or kind
                if kind == "Resource":
                    owner = str(each.get("resourceType"))
                yield Item(kind, owner, each, each, place, defined)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def is_defined(owner: str) -> bool:
    return owner in registry.owners()


def every(item: Item) -> Iterator[Item]:
    """Yield an item and everything below it, resources inside it too."""
    yield item
    if is_defined(item.owner):
        for name in registry.elements(item.owner):
            for below in items(item, name):
                yield from every(below)
