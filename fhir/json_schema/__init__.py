"""JSON schemas of R4 types, made from the registry: https://hl7.org/fhir/R4/json.html.

One schema for each type, backbone, primitive and required value set, in JSON Schema 2020-12. They
say what a schema can say: names, types, cardinality, codes and lexical forms. Invariants, reference
targets and "one type of a choice only" are the validator's (``fhir.validation``).
"""

from collections.abc import Iterable
from typing import Any

from fhir import registry
from fhir.registry import PRIMITIVES, Element
from fhir.validation import bindings
from fhir.validation.primitives import FORMS, PATTERNS

__all__ = ["schemas"]

Schema = dict[str, Any]

_RESOURCE = "Resource"
_ELEMENT = "Element"
_INTEGER = 2**31 - 1
_STRING = {"type": "string", "minLength": 1}
_ADDRESS = {"type": "string", "pattern": r"^\S+$"}
_SIMPLE: dict[str, Schema] = {
    "base64Binary": {"type": "string", "minLength": 1, "contentEncoding": "base64"},
    "boolean": {"type": "boolean"},
    "canonical": _ADDRESS,
    "decimal": {"type": "number"},
    "integer": {"type": "integer", "minimum": -_INTEGER - 1, "maximum": _INTEGER},
    "markdown": _STRING,
    "positiveInt": {"type": "integer", "minimum": 1, "maximum": _INTEGER},
    "string": _STRING,
    "unsignedInt": {"type": "integer", "minimum": 0, "maximum": _INTEGER},
    "uri": _ADDRESS,
    "url": _ADDRESS,
    "xhtml": {"type": "string", "minLength": 1, "contentMediaType": "application/xhtml+xml"},
}


def schemas(types: Iterable[str], base: str = "#/components/schemas/") -> dict[str, Schema]:
    """Return name -> schema of the types and of all that they are made of.

    ``base`` goes before the name of a schema where another refers to it.
    """
    return _Maker(base).make(types)


class _Maker:
    def __init__(self, base: str) -> None:
        self._base = base
        self._made: dict[str, Schema] = {}
        self._waiting: list[str] = []

    def make(self, types: Iterable[str]) -> dict[str, Schema]:
        self._waiting = list(types)
        while self._waiting:
            name = self._waiting.pop()
            if name not in self._made:
                self._made[name] = self._schema(name)
        return dict(sorted(self._made.items()))

    def _schema(self, name: str) -> Schema:
        if name == _RESOURCE:
            return {
                "type": "object",
                "description": "A resource of any type of R4",
                "properties": {"resourceType": {"type": "string"}},
                "required": ["resourceType"],
            }
        if name in PRIMITIVES:
            form = _SIMPLE.get(name) or {"type": "string", "pattern": f"^(?:{PATTERNS[name]})$"}
            return {"description": FORMS[name], **form}
        return self._object(name)

    def _object(self, owner: str) -> Schema:
        properties: dict[str, Schema] = {}
        required: list[str] = []
        either: list[list[str]] = []
        resource = owner in registry.resource_types()
        if resource:
            properties["resourceType"] = {"const": owner}
            required.append("resourceType")
        for element in registry.elements(owner).values():
            names: list[str] = []
            for member, kind in element.members.items():
                names.append(member)
                properties[member] = self._member(element, kind)
                if kind in PRIMITIVES and kind != "xhtml":
                    names.append(f"_{member}")
                    properties[f"_{member}"] = self._shadow(element)
            if element.min and len(names) == 1:
                required += names
            elif element.min:
                # A primitive may be there by its extensions only.
                either.append(names)
        found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        if not resource:
            found["minProperties"] = 1
        if required:
            found["required"] = required
        if either:
            found["allOf"] = [
                {"anyOf": [{"required": [name]} for name in names]} for names in either
            ]
        return found

    def _member(self, element: Element, kind: str) -> Schema:
        found = self._type(element, kind)
        if not element.many:
            return found
        if kind in PRIMITIVES:
            # null keeps the place of one that has extensions only.
            found = {"anyOf": [found, {"type": "null"}]}
        listed: Schema = {"type": "array", "items": found, "minItems": max(element.min, 1)}
        if element.max is not None:
            listed["maxItems"] = element.max
        return listed

    def _shadow(self, element: Element) -> Schema:
        found = self._reference(_ELEMENT)
        if not element.many:
            return found
        return {
            "type": "array",
            "items": {"anyOf": [found, {"type": "null"}]},
            "minItems": max(element.min, 1),
        }

    def _type(self, element: Element, kind: str) -> Schema:
        codes = bindings.codes(element.codes) if kind == "code" and element.codes else None
        if codes is None:
            return self._reference(element.owner or kind)
        assert element.codes is not None
        name = f"codes.{element.codes.rpartition('/')[2].partition('|')[0]}"
        self._made[name] = {"enum": sorted(codes)}
        return {"$ref": f"{self._base}{name}"}

    def _reference(self, name: str) -> Schema:
        self._waiting.append(name)
        return {"$ref": f"{self._base}{name}"}
