"""STU3 read as a tree, from XML or JSON, without knowing its elements: nothing is looked up or run.

The hub speaks R4; of a STU3 message it needs a few elements and each one's place, and what it does
not know must not keep a discharge summary out. A DOCTYPE ends the parse, so no entity is ever
declared, expanded or fetched; depth, number of elements and size have an end.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn
from xml.parsers import expat

from fhir import jsontext
from fhir.messaging.itk3.codes import ITKCode
from fhir.messaging.itk3.faults import Fault, ITK3RefusedError
from fhir.narrative import XHTML
from fhir.outcomes import FHIRError
from fhir.xml import NAMESPACE
from fhir.xml.xhtml import Capture, ForeignError

Place = str

DEEPEST = 128
"""Elements inside one another: a document inside a message needs about thirty."""
MOST = 300_000
"""Elements of one message; a long stay has some thousands."""

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_ENCODINGS = frozenset({"utf-8", "utf8", "us-ascii"})
_MANY = frozenset(
    {"entry", "section", "extension", "identifier", "name", "given", "telecom", "address", "line"}
    | {"coding", "content", "author", "relatesTo", "contained", "generalPractitioner", "attester"}
)
"""Elements that repeat: their place has a number."""
_local = re.compile(r"[A-Za-z][A-Za-z0-9]*").fullmatch


@dataclass(slots=True)
class Node:
    """One element. A resource has a ``type`` and stands where it is kept (``resource``)."""

    name: str
    place: Place = field(compare=False)
    type: str = ""
    value: str | None = None
    """The attribute ``value``; of a narrative's ``div`` its source."""
    url: str = ""
    children: list["Node"] = field(default_factory=list)

    def all(self, *path: str) -> Iterator["Node"]:
        """Yield the elements at a path: ``all("name", "given")``."""
        if not path:
            yield self
            return
        for child in self.children:
            if child.name == path[0]:
                yield from child.all(*path[1:])

    def first(self, *path: str) -> "Node | None":
        return next(self.all(*path), None)

    def text(self, *path: str) -> str:
        """Return the value of the first element at a path; empty where there is none."""
        found = self.first(*path)
        return (found.value or "").strip() if found is not None else ""

    def texts(self, *path: str) -> tuple[str, ...]:
        return tuple(each.value.strip() for each in self.all(*path) if each.value)

    def extension(self, url: str) -> "Node | None":
        return next((each for each in self.all("extension") if url in each.url), None)

    def at(self, *names: str) -> Place:
        return ".".join((self.place, *names))


def read(body: bytes) -> Node:
    """Return the tree of a body. Raises ITK3RefusedError (10009, 20015) where there is none."""
    if body.lstrip()[:1] == b"{":
        return _of_json(body)
    return _XMLReader(body).read()


def _unreadable(text: str, place: Place | None = None) -> NoReturn:
    raise ITK3RefusedError([Fault(ITKCode.UNREADABLE, text, place)])


def _too_much(text: str) -> NoReturn:
    raise ITK3RefusedError([Fault(ITKCode.TOO_LARGE, text)])


class _XMLReader:
    def __init__(self, body: bytes) -> None:
        self._body = body
        self._stack: list[Node] = []
        self._counts: list[dict[str, int]] = []
        self._elements = 0
        self._depth = 0
        self._default: str | None = None
        self._capture: Capture | None = None
        self._root: Node | None = None
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

    def read(self) -> Node:
        if self._body.startswith(_UTF_16):
            _unreadable("FHIR XML is UTF-8")
        try:
            self._parser.Parse(self._body, True)
        except expat.ExpatError as error:
            words = expat.ErrorString(error.code)
            _unreadable(f"the body is not well-formed XML: {words} (line {error.lineno})")
        assert self._root is not None
        return self._root

    def _fault(self, text: str) -> NoReturn:
        place = self._stack[-1].place if self._stack else None
        _unreadable(f"{text} (line {self._parser.CurrentLineNumber})", place)

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            self._fault("FHIR XML is UTF-8")

    def _doctype(self, *_: object) -> None:
        self._fault("FHIR XML has no DOCTYPE")

    def _namespace(self, prefix: str | None, uri: str) -> None:
        if prefix is None:
            self._default = uri

    def _text(self, text: str) -> None:
        if self._capture is not None:
            self._capture.text(text)
        elif not text.isspace():
            self._fault("text stands between elements: a value belongs into the attribute value")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        declared, self._default = self._default, None
        self._elements += 1
        self._depth += 1
        if self._depth > DEEPEST:
            _too_much(f"the XML may be nested at most {DEEPEST} deep")
        if self._elements > MOST:
            _too_much(f"a message may have at most {MOST:,} elements")
        if self._capture is not None:
            self._take(name, attributes)
            return
        uri, _, local = name.partition(" ")
        local = local.partition(" ")[0]
        if uri == XHTML and local == "div" and self._stack:
            node = self._open(local)
            node.value = ""
            start = self._parser.CurrentByteIndex
            self._capture = Capture(start, declared=declared == XHTML)
            self._take(name, attributes)
            return
        if uri != NAMESPACE or not _local(local):
            self._fault(f'every element must be in the namespace "{NAMESPACE}"')
        if local[0].isupper():
            self._resource(local)
            return
        if not self._stack:
            self._fault("the body must be one resource")
        node = self._open(local)
        node.value = attributes.get("value")
        node.url = attributes.get("url", "")

    def _take(self, name: str, attributes: dict[str, str]) -> None:
        assert self._capture is not None
        try:
            self._capture.begin(name, attributes)
        except ForeignError as error:
            self._fault(f"the narrative must be XHTML: {error}")

    def _open(self, name: str) -> Node:
        around = self._stack[-1]
        counts = self._counts[-1]
        number = counts.get(name, 0)
        counts[name] = number + 1
        node = Node(name, f"{around.place}.{_step(name, number)}")
        around.children.append(node)
        self._push(node)
        return node

    def _resource(self, kind: str) -> None:
        """Let the element of a resource stand for what it is wrapped in."""
        if not self._stack:
            self._root = Node(kind, kind, type=kind)
            self._push(self._root)
            return
        around = self._stack[-1]
        if around.type or around.children or around.name not in {"resource", "contained"}:
            self._fault("a resource stands where none may stand")
        around.type = kind
        self._push(around)

    def _push(self, node: Node) -> None:
        self._stack.append(node)
        self._counts.append({})

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._capture is not None:
            if not self._capture.end(name):
                return
            self._stack[-1].value = self._capture.source(self._body, self._parser.CurrentByteIndex)
            self._capture = None
        self._stack.pop()
        self._counts.pop()


def _step(name: str, number: int) -> str:
    return f"{name}[{number}]" if number or name in _MANY else name


def _of_json(body: bytes) -> Node:
    try:
        resource, _ = jsontext.parse(body)
    except FHIRError as error:
        _unreadable(f"the body cannot be read: {error.text}", error.issues[0].expression)
    kind = resource.get("resourceType")
    if not isinstance(kind, str):
        _unreadable("the body must be one resource", "resourceType")
    root = Node(kind, kind, type=kind)
    _members(root, resource)
    return root


def _members(node: Node, found: dict[str, Any]) -> None:
    for name, value in found.items():
        if name == "resourceType":
            continue
        if name == "id" and not node.type:
            continue
        if name == "url" and node.name == "extension":
            # Both are attributes in XML.
            node.url = str(value)
            continue
        # An array may hold null where a primitive has only extensions.
        for number, each in enumerate(value if isinstance(value, list) else [value]):
            child = Node(name.removeprefix("_"), node.at(_step(name, number)))
            if isinstance(each, dict):
                kind = each.get("resourceType")
                child.type = kind if isinstance(kind, str) else ""
                _members(child, each)
            elif isinstance(each, bool):
                child.value = "true" if each else "false"
            elif each is not None:
                child.value = str(each)
            node.children.append(child)
