"""What XML needs to know of a version of FHIR: order, types and cardinality of elements."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType

from fhir import registry
from fhir.registry import Element

NAMESPACE = "http://hl7.org/fhir"

NUMBERS = frozenset({"decimal", "integer", "positiveInt", "unsignedInt"})
"""Primitive types whose values are JSON numbers."""


class Form(Enum):
    """How an element is written."""

    PRIMITIVE = auto()
    """``<birthDate value="1950-02-01"/>``."""
    COMPLEX = auto()
    """``<name>`` with child elements."""
    RESOURCE = auto()
    """``<contained>`` around the element of one resource."""
    XHTML = auto()
    """``<div>`` of another namespace."""


@dataclass(frozen=True, slots=True)
class Field:
    """One element that may stand in another; a choice has one for each of its types."""

    name: str
    """The same in XML and JSON: ``birthDate``, ``valueQuantity``."""
    position: int
    """Place in the order that XML demands; the types of a choice share one."""
    many: bool
    form: Form
    type: str
    """Type, or the backbone that owns the child elements: ``Patient.contact``."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What may stand in a resource, a type or a backbone."""

    name: str
    fields: Mapping[str, Field]
    attributes: tuple[str, ...]
    """Members of the JSON object that are attributes in XML."""


@dataclass(frozen=True, slots=True)
class Model:
    """One version of FHIR."""

    elements: Callable[[str], Mapping[str, Element]]
    primitives: frozenset[str]
    resource_types: frozenset[str]
    _shapes: dict[str, Shape] = field(default_factory=dict)

    def shape(self, owner: str) -> Shape:
        """Return the shape of a type or backbone. Raises KeyError for what FHIR does not have."""
        found = self._shapes.get(owner)
        if found is None:
            found = self._shapes[owner] = self._made(owner)
        return found

    def _made(self, owner: str) -> Shape:
        known = self.elements(owner)
        # The id of a resource is an element, that of anything inside one an attribute.
        attributes: tuple[str, ...] = () if owner in self.resource_types else ("id",)
        if owner == "Extension":
            attributes = ("id", "url")
        fields = {
            member: Field(member, position, element.many, *self._kind(element, kind))
            for position, element in enumerate(known.values())
            for member, kind in element.members.items()
            if member not in attributes
        }
        return Shape(owner, MappingProxyType(fields), attributes)

    def _kind(self, element: Element, kind: str) -> tuple[Form, str]:
        if kind == "xhtml":
            return Form.XHTML, kind
        if kind in self.primitives:
            return Form.PRIMITIVE, kind
        if kind == "Resource":
            return Form.RESOURCE, kind
        return Form.COMPLEX, element.owner or kind


R4 = Model(registry.elements, registry.PRIMITIVES, registry.resource_types())
