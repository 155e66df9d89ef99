"""JSON to XML: https://hl7.org/fhir/R4/xml.html."""

import json
import re
from collections.abc import Mapping
from typing import Any

from fhir.xml.model import NAMESPACE, NUMBERS, R4, Field, Form, Model, Shape
from fhir.xml.xhtml import ATTRIBUTE, stands_alone

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
_special = re.compile(r'[&<>"\t\n\r]').search
# https://www.w3.org/TR/xml/#charsets
_forbidden = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]").search


class NotExpressibleError(ValueError):
    """The JSON holds something that has no place in FHIR XML."""


class _Number(str):
    """A JSON number as it is written: ``1.50`` and ``1E-3`` stay what they are."""

    __slots__ = ()


def to_xml(text: str | bytes, *, pretty: bool = False, model: Model = R4) -> bytes:
    """Return the XML of one resource, given as JSON text; elements stand in the order of FHIR.

    Raises NotExpressibleError for what XML cannot carry: members that FHIR does not know, values
    of the wrong JSON type, characters that XML forbids (U+0001), a narrative that is no XHTML.
    """
    value = json.loads(text, parse_float=_Number, parse_int=_Number)
    writer = _Writer(model, pretty=pretty)
    writer.resource(value, 0)
    return "".join(writer.parts).encode()


class _Writer:
    def __init__(self, model: Model, *, pretty: bool) -> None:
        self.parts = [_DECLARATION]
        self._model = model
        self._pretty = pretty

    def resource(self, value: Any, level: int) -> None:
        name = value.get("resourceType") if isinstance(value, dict) else None
        if not isinstance(name, str) or name not in self._model.resource_types:
            raise NotExpressibleError("a resource of a type that FHIR does not have")
        tag = f'{name} xmlns="{NAMESPACE}"' if level == 0 else name
        members = {key: each for key, each in value.items() if key != "resourceType"}
        self._complex(name, tag, members, self._model.shape(name), level)

    def _begin(self, level: int) -> None:
        if self._pretty:
            self.parts.append("\n" + "  " * level)

    def _complex(self, name: str, tag: str, value: Any, shape: Shape, level: int) -> None:
        if not isinstance(value, dict):
            raise NotExpressibleError(f"{shape.name} must be an object")
        self._begin(level)
        self.parts.append(f"<{tag}{self._attributes(value, shape)}")
        fields = _ordered(value, shape)
        if not fields:
            self.parts.append("/>")
            return
        self.parts.append(">")
        for each in fields:
            self._field(each, value, shape, level + 1)
        self._begin(level)
        self.parts.append(f"</{name}>")

    def _attributes(self, value: Mapping[str, Any], shape: Shape) -> str:
        return "".join(
            f' {name}="{_escaped(value[name], f"{shape.name}.{name}")}"'
            for name in shape.attributes
            if name in value
        )

    def _field(self, field: Field, value: Mapping[str, Any], shape: Shape, level: int) -> None:
        place = f"{shape.name}.{field.name}"
        given, extras = value.get(field.name), value.get(f"_{field.name}")
        if field.form is Form.PRIMITIVE:
            for each, extra in _pairs(given, extras, place, many=field.many):
                self._primitive(field, each, extra, place, level)
            return
        if extras is not None:
            raise NotExpressibleError(f"{shape.name}._{field.name} is no member of FHIR")
        for each in _listed(given, place, many=field.many):
            if field.form is Form.COMPLEX:
                inner = self._model.shape(field.type)
                self._complex(field.name, field.name, each, inner, level)
            elif field.form is Form.RESOURCE:
                self._begin(level)
                self.parts.append(f"<{field.name}>")
                self.resource(each, level + 1)
                self._begin(level)
                self.parts.append(f"</{field.name}>")
            else:
                self._div(each, place, level)

    def _div(self, value: Any, place: str, level: int) -> None:
        div = value.strip() if isinstance(value, str) else ""
        if not stands_alone(div):
            raise NotExpressibleError(f"{place} must be one XHTML div")
        self._begin(level)
        self.parts.append(div)

    def _primitive(self, field: Field, value: Any, extra: Any, place: str, level: int) -> None:
        tag = field.name
        if value is not None:
            tag = f'{tag} value="{_lexeme(value, field.type, place)}"'
        if extra is None:
            self._begin(level)
            self.parts.append(f"<{tag}/>")
            return
        self._complex(field.name, tag, extra, self._model.shape("Element"), level)


def _ordered(value: Mapping[str, Any], shape: Shape) -> list[Field]:
    """Return the fields that have a value, in the order of FHIR."""
    found = {}
    for member in value:
        if member in shape.attributes:
            continue
        name = member.removeprefix("_")
        if name not in shape.fields:
            raise NotExpressibleError(f"{shape.name}.{member[:40]} is no member of FHIR")
        found[name] = shape.fields[name]
    return sorted(found.values(), key=lambda field: field.position)


def _listed(value: Any, place: str, *, many: bool) -> list[Any]:
    if not many:
        return [value]
    if not isinstance(value, list):
        raise NotExpressibleError(f"{place} must be an array")
    return value


def _pairs(given: Any, extras: Any, place: str, *, many: bool) -> list[tuple[Any, Any]]:
    """Return (value, id and extensions) of a primitive; arrays of both are aligned by null."""
    if not many:
        pairs = [(given, extras)]
    else:
        values = [] if given is None else _listed(given, place, many=True)
        beside = [] if extras is None else _listed(extras, place, many=True)
        length = max(len(values), len(beside))
        values = values + [None] * (length - len(values))
        beside = beside + [None] * (length - len(beside))
        pairs = list(zip(values, beside, strict=True))
    if any(each is None and extra is None for each, extra in pairs):
        raise NotExpressibleError(f"{place} is null")
    return pairs


def _lexeme(value: Any, kind: str, place: str) -> str:
    if kind == "boolean":
        if value.__class__ is bool:
            return "true" if value else "false"
    elif kind in NUMBERS:
        if value.__class__ is _Number:
            return str(value)
    elif value.__class__ is str:
        return _escaped(value, place)
    raise NotExpressibleError(f"{place} is not a {kind}")


def _escaped(value: Any, place: str) -> str:
    if value.__class__ is not str:
        raise NotExpressibleError(f"{place} must be a string")
    text: str = value
    if _forbidden(text):
        raise NotExpressibleError(f"{place} holds a character that XML does not allow")
    return text.translate(ATTRIBUTE) if _special(text) else text
