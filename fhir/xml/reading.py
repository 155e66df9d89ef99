"""XML to JSON, strictly: https://hl7.org/fhir/R4/xml.html and json.html.

Expat's events become JSON text, object by object: no tree is built. A DOCTYPE ends the parse, so
no entity is ever declared, expanded or fetched.
"""

import re
from json.encoder import encode_basestring
from typing import NoReturn
from xml.parsers import expat

from fhir.jsontext import MAX_DEPTH
from fhir.narrative import XHTML
from fhir.outcomes import BadRequestError, UnprocessableError
from fhir.xml.model import NAMESPACE, NUMBERS, R4, Field, Form, Model, Shape
from fhir.xml.xhtml import Capture, ForeignError

DEEPEST = 4 * MAX_DEPTH
"""Elements inside one another. What the JSON of them may be is ``jsontext.parse``'s to say."""

_SCHEMA_LOCATION = "http://www.w3.org/2001/XMLSchema-instance schemaLocation"
# Expat believes this mark before it believes anybody else.
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_ENCODINGS = frozenset({"utf-8", "utf8", "us-ascii"})
# https://hl7.org/fhir/R4/datatypes.html#primitive
_integer = re.compile(r"0|[-+]?[1-9][0-9]*").fullmatch
_decimal = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch


def from_xml(raw: bytes, model: Model = R4) -> str:
    """Return the JSON text of one resource; members stand in the order of the elements.

    Raises BadRequestError (``structure`` or ``value``) with line and expression for what is not
    FHIR XML, UnprocessableError (``too-costly``) past DEEPEST.
    """
    return _Reader(raw, model).read()


class _Frame:
    """An open element."""

    __slots__ = ("field", "index", "items", "members", "position", "shape", "value")

    def __init__(self, field: Field | None, shape: Shape | None, index: int) -> None:
        self.field = field
        """What it is in the element around it; None: the element of a resource."""
        self.shape = shape
        """What may stand inside it; None: one resource."""
        self.index = index
        self.position = -1
        """Place in the order of the latest child."""
        self.members: list[str] = []
        """Attributes as JSON members."""
        self.value: str | None = None
        """JSON of a primitive's value."""
        self.items: dict[str, list[tuple[str | None, str | None]]] = {}
        """Name of a child -> (JSON of each, JSON of id and extensions of a primitive)."""


class _Reader:
    def __init__(self, raw: bytes, model: Model) -> None:
        self._raw = raw
        self._model = model
        self._stack: list[_Frame] = []
        self._depth = 0
        self._capture: Capture | None = None
        self._default: str | None = None
        """The default namespace, where the element that begins declares it."""
        self._result = ""
        parser = expat.ParserCreate("utf-8", " ")
        parser.namespace_prefixes = True
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartNamespaceDeclHandler = self._namespace
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self._parser = parser

    def read(self) -> str:
        if self._raw.startswith(_UTF_16):
            self._fault("FHIR XML is UTF-8")
        try:
            self._parser.Parse(self._raw, True)
        except expat.ExpatError as error:
            words = expat.ErrorString(error.code)
            if error.code == expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]:
                words += ": write the character itself or its number, &#160;"
            raise BadRequestError(
                f"the body is not well-formed XML: {words} (line {error.lineno})",
                code="structure",
            ) from error
        return self._result

    def _fault(self, text: str, *, child: str = "", code: str = "structure") -> NoReturn:
        path = self._path()
        raise BadRequestError(
            f"{text} (line {self._parser.CurrentLineNumber})",
            code=code,
            expression=f"{path}.{child[:64]}" if path and child else path or None,
        )

    def _path(self) -> str:
        """Return the FHIRPath of the innermost open element."""
        steps: list[str] = []
        for frame in self._stack:
            if frame.field is not None:
                many = f"[{frame.index}]" if frame.field.many else ""
                steps.append(f"{frame.field.name}{many}")
            elif not steps and frame.shape is not None:
                steps.append(frame.shape.name)
        return ".".join(steps)

    # What is not FHIR XML. --------------------------------------------------------------------

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            self._fault("FHIR XML is UTF-8")

    def _doctype(self, *_: object) -> None:
        self._fault("FHIR XML has no DOCTYPE")

    def _text(self, text: str) -> None:
        if self._capture is not None:
            self._capture.text(text)
        elif not text.isspace():
            self._fault("text stands between elements: a value belongs into the attribute value")

    # Elements. --------------------------------------------------------------------------------

    def _namespace(self, prefix: str | None, uri: str) -> None:
        if prefix is None:
            self._default = uri

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        declared, self._default = self._default, None
        self._depth += 1
        if self._depth > DEEPEST:
            raise UnprocessableError(
                f"the XML may be nested at most {DEEPEST} deep", code="too-costly"
            )
        if self._capture is not None:
            self._take(self._capture, name, attributes)
            return
        uri, _, local = name.partition(" ")
        local = local.partition(" ")[0] if local else name
        frame = self._stack[-1] if self._stack else None
        if frame is None or frame.shape is None:
            self._resource(frame, uri, local, attributes)
            return
        field = self._child(frame, frame.shape, local)
        if field.form is Form.XHTML:
            frame.items[local] = []
            start = self._parser.CurrentByteIndex
            self._capture = Capture(start, declared=declared == XHTML)
            self._take(self._capture, name, attributes)
            return
        self._check_namespace(uri, local)
        index = len(frame.items.setdefault(local, []))
        opened = _Frame(field, self._inside(field), index)
        self._stack.append(opened)
        if attributes:
            self._attributes(opened, attributes)

    def _take(self, capture: Capture, name: str, attributes: dict[str, str]) -> None:
        try:
            capture.begin(name, attributes)
        except ForeignError as error:
            self._fault(f"the narrative must be XHTML: {error}", child="div")

    def _inside(self, field: Field) -> Shape | None:
        if field.form is Form.RESOURCE:
            return None
        return self._model.shape("Element" if field.form is Form.PRIMITIVE else field.type)

    def _check_namespace(self, uri: str, local: str) -> None:
        if uri != NAMESPACE:
            self._fault(f'this element must be in the namespace "{NAMESPACE}"', child=local)

    def _resource(
        self, around: _Frame | None, uri: str, local: str, attributes: dict[str, str]
    ) -> None:
        self._check_namespace(uri, local)
        if around is not None and around.items:
            self._fault("one element holds one resource")
        if local not in self._model.resource_types:
            self._fault(f"{local[:64]} is no resource type", code="not-supported")
        if around is not None:
            around.items["resource"] = []
        opened = _Frame(None, self._model.shape(local), 0)
        self._stack.append(opened)
        for each in attributes:
            # Says where a schema lies: nothing about the resource. Many senders write it.
            if around is not None or each.rpartition(" ")[0] != _SCHEMA_LOCATION:
                self._fault(f"a resource has no attribute {_local(each)}")
        opened.members.append(f'"resourceType":"{local}"')

    def _child(self, frame: _Frame, shape: Shape, local: str) -> Field:
        field = shape.fields.get(local)
        if field is None:
            self._fault(f"{shape.name} has no element {local[:64]}", child=local)
        if field.position < frame.position:
            self._fault("the element stands too late: XML keeps the order of FHIR", child=local)
        if field.position == frame.position and not field.many:
            self._fault("the element may stand here once", child=local)
        frame.position = field.position
        return field

    def _attributes(self, frame: _Frame, attributes: dict[str, str]) -> None:
        assert frame.field is not None
        primitive = frame.field.form is Form.PRIMITIVE
        allowed = frame.shape.attributes if frame.shape is not None else ()
        for name, value in attributes.items():
            if not value.strip():
                self._fault(f"the attribute {_local(name)} is empty", code="value")
            if primitive and name == "value":
                frame.value = self._json(value, frame.field.type)
            elif name not in allowed:
                self._fault(f"there is no attribute {_local(name)} here")
        frame.members += [
            f'"{name}":{encode_basestring(attributes[name])}'
            for name in allowed
            if name in attributes
        ]

    def _json(self, value: str, kind: str) -> str:
        if kind == "boolean":
            if value in {"true", "false"}:
                return value
            self._fault("must be true or false", code="value")
        if kind not in NUMBERS:
            return encode_basestring(value)
        if not (_decimal if kind == "decimal" else _integer)(value):
            what = "a decimal" if kind == "decimal" else "a whole number"
            self._fault(f"must be {what}", code="value")
        return value.removeprefix("+")

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._capture is not None:
            if self._capture.end(name):
                div = self._capture.source(self._raw, self._parser.CurrentByteIndex)
                self._stack[-1].items["div"].append((encode_basestring(div), None))
                self._capture = None
            return
        frame = self._stack[-1]
        finished = self._finished(frame)
        self._stack.pop()
        if not self._stack:
            self._result = finished[0] or ""
            return
        around = self._stack[-1]
        child = "resource" if frame.field is None else frame.field.name
        around.items[child].append(finished)

    def _finished(self, frame: _Frame) -> tuple[str | None, str | None]:
        """Return the JSON of an element, and that of a primitive's id and extensions."""
        if frame.field is None:
            return _object(frame), None
        if frame.field.form is Form.RESOURCE:
            if not frame.items:
                self._fault("the element holds no resource")
            return frame.items["resource"][0]
        if frame.field.form is Form.PRIMITIVE:
            if frame.value is None and not frame.items:
                self._fault("the element has neither a value nor an extension")
            beside = _object(frame) if frame.members or frame.items else None
            return frame.value, beside
        if not frame.items and (frame.field.type != "Extension" or not frame.members):
            self._fault("the element is empty")
        return _object(frame), None


def _local(name: str) -> str:
    return name.split(" ")[1][:64] if " " in name else name[:64]


def _object(frame: _Frame) -> str:
    """Return the JSON object of a finished element."""
    assert frame.shape is not None
    members = frame.members
    for name, items in frame.items.items():
        many = frame.shape.fields[name].many
        if any(value is not None for value, _ in items):
            members.append(f'"{name}":{_array(items, 0) if many else items[0][0]}')
        if any(beside is not None for _, beside in items):
            members.append(f'"_{name}":{_array(items, 1) if many else items[0][1]}')
    return f"{{{','.join(members)}}}"


def _array(items: list[tuple[str | None, str | None]], which: int) -> str:
    return f"[{','.join(item[which] or 'null' for item in items)}]"
