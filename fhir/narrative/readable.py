"""The narrative of a document from elsewhere made fit to be shown: nothing in it loads or runs.

The original is kept byte for byte elsewhere; this is what a person reads in the hub. What is not
text, structure or emphasis is left out, and said to be.
"""

from dataclasses import dataclass
from html import escape
from xml.parsers import expat

from fhir.narrative import XHTML

_SHOWN = frozenset(
    {"abbr", "b", "blockquote", "br", "caption", "code", "dd", "div", "dl", "dt", "em", "h1", "h2"}
    | {"h3", "h4", "h5", "h6", "hr", "i", "li", "ol", "p", "pre", "q", "s", "small", "span"}
    | {"strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul"}
)
_VOID = frozenset({"br", "hr"})
_SILENT = frozenset({"script", "style", "object", "iframe", "form", "svg", "math", "template"})
"""Elements whose content is not text for people either."""
_NUMBERS = ("colspan", "rowspan")
_BREAKS = frozenset({"br", "caption", "dd", "dt", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr"}
                    | {"li", "p", "pre", "td", "th", "tr"})  # fmt: skip
_TERSE = frozenset({"a", "font", "big", "tt", "address", "acronym", "cite", "del", "ins", "kbd"}
                   | {"samp", "var", "strike", "colgroup", "col", "center", "dfn"})  # fmt: skip
"""Elements whose text says everything."""


@dataclass(frozen=True, slots=True)
class Readable:
    div: str
    """Safe XHTML, one div."""
    text: str
    """The same as plain text."""
    complete: bool
    """False: something was left out that a reader may miss (a picture, a form)."""


def readable(source: str) -> Readable:
    """Return what may be shown of a div. Raises ValueError for what is not well-formed XHTML."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.said
    parser.StartDoctypeDeclHandler = reader.refuse
    try:
        parser.Parse(source.strip(), True)
    except expat.ExpatError as error:
        raise ValueError(expat.ErrorString(error.code)) from error
    lines = (" ".join(line.split()) for line in "".join(reader.text).split("\n"))
    text = "\n".join(line for line in lines if line)
    return Readable("".join(reader.parts), text, reader.complete)


class _Reader:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self.text: list[str] = []
        self.complete = True
        self._open: list[str] = []
        """What was written for each open element; empty: nothing."""
        self._silent = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        local = local.lower()
        if not self._open:
            if local != "div" or namespace != XHTML:
                raise ValueError("a narrative is one div")
            self.parts.append(f'<div xmlns="{XHTML}">')
            self._open.append("div")
            return
        if self._silent or local in _SILENT:
            self._silent += 1
            self.complete = False
            self._open.append("")
            return
        if local == "img":
            self.complete = False
            words = attributes.get("alt", "").strip()
            self.said(f"[{words or 'a picture'}: see the original]")
        if local in _BREAKS:
            self.text.append("\n")
        if local not in _SHOWN:
            if local not in _TERSE:
                self.complete = False
            self._open.append("")
            return
        if any(each.lower().startswith("on") for each in attributes):
            self.complete = False
        spans = "".join(
            f' {each}="{int(attributes[each])}"'
            for each in _NUMBERS
            if attributes.get(each, "").isdecimal() and len(attributes[each]) < 4
        )
        self.parts.append(f"<{local}{spans}/>" if local in _VOID else f"<{local}{spans}>")
        self._open.append("" if local in _VOID else local)

    def end(self, _name: str) -> None:
        written = self._open.pop()
        if self._silent:
            self._silent -= 1
        elif written:
            self.parts.append(f"</{written}>")
            if written in _BREAKS:
                self.text.append("\n")

    def said(self, text: str) -> None:
        if not self._silent:
            self.parts.append(escape(text, quote=False))
            self.text.append(text)

    def refuse(self, *_: object) -> None:
        raise ValueError("a narrative has no DOCTYPE")
