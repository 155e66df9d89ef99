"""The div of a Narrative inside XML: https://hl7.org/fhir/R4/narrative.html.

JSON carries it as text, XML as an element. Where it stands on its own feet (its namespace declared
on the div, no prefix used) its source is that text, byte for byte; else it is written anew.
"""

from xml.parsers import expat

from fhir.narrative import XHTML

_XML = "http://www.w3.org/XML/1998/namespace"
_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_TEXT = str.maketrans(_MARKUP)
# A parser reads an unescaped tab or line break of an attribute as a space.
ATTRIBUTE = str.maketrans({**_MARKUP, '"': "&quot;", "\t": "&#9;", "\n": "&#10;"})
"""Characters of an attribute's value that are written as entities."""


class ForeignError(ValueError):
    """Something in the div belongs to another namespace than XHTML's."""


class Capture:
    """Takes the parser's events between ``<div>`` and ``</div>``."""

    def __init__(self, start: int, *, declared: bool) -> None:
        self._start = start
        self._own_source = declared
        """Whether the source needs nothing that is declared outside of the div."""
        self._written: list[str] = []
        self._open = 0
        self._children = False

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        """Take a start tag; names are ``uri local [prefix]``, as expat gives them."""
        uri, local, prefix = _split(name)
        if uri != XHTML:
            raise ForeignError(f"the element {local[:40]} is not XHTML")
        tag = [f"<{local}"]
        if self._open == 0:
            tag.append(f' xmlns="{XHTML}"')
        if prefix:
            self._own_source = False
        for each, value in attributes.items():
            uri, attribute, _ = _split(each)
            if uri == _XML:
                attribute = f"xml:{attribute}"
            elif uri:
                raise ForeignError(f"the attribute {attribute[:40]} is not XHTML")
            tag.append(f' {attribute}="{value.translate(ATTRIBUTE)}"')
        self._written.append("".join(tag) + ">")
        self._children = self._open > 0
        self._open += 1

    def text(self, text: str) -> None:
        self._written.append(text.translate(_TEXT))

    def end(self, name: str) -> bool:
        """Take an end tag; say whether it was that of the div."""
        self._written.append(f"</{_split(name)[1]}>")
        self._open -= 1
        return self._open == 0

    def source(self, raw: bytes, end: int) -> str:
        """Return the div's text; ``end`` is where its end tag begins in ``raw``."""
        closed_at_once = not self._children and raw[end - 2 : end] == b"/>"
        if not self._own_source or closed_at_once:
            return "".join(self._written)
        return raw[self._start : raw.index(b">", end) + 1].decode()


def _split(name: str) -> tuple[str, str, str]:
    parts = name.split(" ")
    if len(parts) == 1:
        return "", parts[0], ""
    return parts[0], parts[1], parts[2] if len(parts) > 2 else ""


def stands_alone(div: str) -> bool:
    """Say whether a text is one well-formed XHTML div that may be put into XML as it is."""
    roots: list[str] = []
    depth = 0

    def begin(name: str, _attributes: dict[str, str]) -> None:
        nonlocal depth
        if depth == 0:
            roots.append(name)
        depth += 1

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_: object) -> None:
        raise ForeignError("a document type or XML declaration inside the narrative")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    parser.XmlDeclHandler = refuse
    try:
        parser.Parse(div, True)
    except (expat.ExpatError, ForeignError, UnicodeEncodeError):
        return False
    return roots == [f"{XHTML} div"]
