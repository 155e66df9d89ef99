"""Safe XHTML of Narrative.div: https://hl7.org/fhir/R4/narrative.html.

What is not allowed is refused, never stripped: a record comes back as it came in.
"""

import re

# No entity can be declared: the first DOCTYPE ends the parse, so expansion attacks are out.
from xml.parsers import expat

XHTML = "http://www.w3.org/1999/xhtml"

ELEMENTS = frozenset(
    {
        *("a", "abbr", "acronym", "address", "area", "b", "bdo", "big", "blockquote", "br"),
        *("caption", "cite", "code", "col", "colgroup", "dd", "del", "dfn", "div", "dl", "dt"),
        *("em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "map"),
        *("ol", "p", "pre", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup"),
        *("table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var"),
    }
)
"""Chapters 7 to 11 and 15 of HTML 4.0 (txt-1)."""

ATTRIBUTES = frozenset(
    {
        *("abbr", "accesskey", "align", "alt", "axis", "bgcolor", "border", "cellpadding"),
        *("cellspacing", "char", "charoff", "charset", "cite", "class", "clear", "color"),
        *("colspan", "compact", "coords", "datetime", "dir", "frame", "headers", "height"),
        *("href", "hreflang", "hspace", "id", "idref", "ismap", "lang", "longdesc", "name"),
        *("nohref", "noshade", "nowrap", "rel", "rev", "rowspan", "rules", "scope", "shape"),
        *("size", "space", "span", "src", "start", "style", "summary", "tabindex", "target"),
        *("title", "type", "usemap", "valign", "value", "vspace", "width"),
    }
)
_LINK_SCHEMES = frozenset({"http", "https", "mailto", "tel", "sms", "ftp", "urn"})
_LINKS = frozenset({"href", "cite", "longdesc"})
_CONTENT = frozenset({"src", "usemap"})
_scheme = re.compile(r"([a-z][a-z0-9+.\-]*):").match
_inline_image = re.compile(r"data:image/(?:png|jpeg|gif|webp|bmp);base64,[a-z0-9+/=]*").fullmatch
_active_style = re.compile(
    r"url\s*\(|expression\s*\(|@import|javascript:|behaviou?r\s*:|-moz-binding|\\|</|<!"
).search


class _Refused(Exception):  # noqa: N818 - never leaves this module
    pass


class _Reader:
    """Expat's handlers: refuse what is not allowed, note whether there is any content."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.content = False
        self.depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        if self.depth == 0 and (local != "div" or namespace != XHTML):
            raise _Refused(f'must be one div with xmlns="{XHTML}"')
        self.depth += 1
        if namespace != XHTML or local not in ELEMENTS:
            self.faults.append(f"must not hold the element {local[:40]}")
        for attribute, value in attributes.items():
            self._attribute(attribute.rpartition(" ")[2], value)
        if local == "img" and "src" in attributes:
            self.content = True

    def _attribute(self, name: str, value: str) -> None:
        if name not in ATTRIBUTES:
            handler = name.lower().startswith("on")
            what = "the event handler" if handler else "the attribute"
            self.faults.append(f"must not hold {what} {name[:40]}")
        elif name == "style":
            if _active_style(value.lower()):
                self.faults.append("must not load or run anything in a style")
        elif name in _LINKS or name in _CONTENT:
            self._address(name, "".join(value.split()).lower())

    def _address(self, name: str, value: str) -> None:
        scheme = _scheme(value)
        if name in _LINKS:
            if scheme and scheme[1] not in _LINK_SCHEMES:
                self.faults.append(f"must not hold a link of the kind {scheme[1][:20]}")
        elif not _inline_image(value) and (scheme or value.startswith(("//", "\\"))):
            self.faults.append("must not load content from elsewhere")

    def end(self, _name: str) -> None:
        self.depth -= 1

    def text(self, text: str) -> None:
        if not self.content and not text.isspace():
            self.content = True

    def comment(self, text: str) -> None:
        # "<!-->" ends a comment for a browser, but not for XML: what follows would come alive.
        if text.startswith((">", "->")) or "--!>" in text or "<!--" in text:
            self.faults.append("must not hold such a comment")

    def refuse(self, *_: object) -> None:
        raise _Refused("must not hold a DOCTYPE, CDATA section or processing instruction")


def faults(div: str) -> list[str]:
    """Say in plain words what is wrong with a Narrative.div; empty: it is safe XHTML."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.CommentHandler = reader.comment
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.StartCdataSectionHandler = reader.refuse
    parser.ProcessingInstructionHandler = reader.refuse
    parser.XmlDeclHandler = reader.refuse
    try:
        parser.Parse(div.strip(), True)
    except _Refused as refusal:
        return [str(refusal)]
    except expat.ExpatError as error:
        return [f"must be well-formed XHTML ({expat.ErrorString(error.code)})"]
    except UnicodeEncodeError:
        return ["must be Unicode text"]
    if not reader.content:
        reader.faults.append("must have some content (txt-2)")
    return reader.faults
