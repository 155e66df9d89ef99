"""Which format an answer has, JSON or XML: RFC 9110 section 12.5, FHIR R4 http.html#mime-type.

Pure, so that the decision for each spelling of a header is remembered: a request looks it up.
"""

from dataclasses import dataclass
from functools import lru_cache

from werkzeug.http import parse_accept_header, parse_options_header

from fhir.xml import MEDIA_TYPES as XML_TYPES

FHIR_JSON = "application/fhir+json"
FHIR_XML = "application/fhir+xml"
JSON_TYPES = frozenset({FHIR_JSON, "application/json", "text/json"})
_SHORT = {"json": FHIR_JSON, "xml": FHIR_XML}
_WILDCARDS = {"*/*": 0, "application/*": 1, "text/*": 1}
_LONGEST_REMEMBERED = 300

_Standing = tuple[float, int, int]
"""Quality, whether it is named, and how early: the greater the better."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The form that a request wants its answer in."""

    type: str | None
    """Media type; None: nothing that the client takes."""
    format: str | None
    """``_format``, where it was given."""
    pretty: str | None
    """``_pretty``, where it was given."""


def asked(accept: str, wanted: str | None, pretty: str | None, sent_xml: bool) -> Asked:
    """Return what Accept, ``_format`` and ``_pretty`` come to, from memory where it was seen."""
    if len(accept) > _LONGEST_REMEMBERED or wanted is not None or pretty is not None:
        return Asked(answer_type(accept, wanted, sent_xml=sent_xml), wanted, pretty)
    return _remembered(accept, sent_xml)


@lru_cache(maxsize=256)
def _remembered(accept: str, sent_xml: bool) -> Asked:
    return Asked(answer_type(accept, None, sent_xml=sent_xml), None, None)


def answer_type(accept: str, wanted: str | None, *, sent_xml: bool) -> str | None:
    """Return the media type of the answer; None: nothing that the client takes.

    ``wanted`` is ``_format``, which stands over Accept. Who asks for nothing in particular gets
    what it sent. A generic XML type that was asked for is answered with (http.html#mime-type).
    """
    usual = FHIR_XML if sent_xml else FHIR_JSON
    if wanted is not None:
        return _named(wanted)
    if not accept.strip():
        return usual
    explicit: dict[str, tuple[_Standing, str]] = {}
    wildcard: tuple[int, float] | None = None
    for place, (value, quality) in enumerate(parse_accept_header(accept)):
        kind, options = parse_options_header(value)
        kind = kind.lower()
        if kind in _WILDCARDS:
            wildcard = max(wildcard or (0, 0.0), (_WILDCARDS[kind], quality))
        elif (found := _format_of(kind)) and is_r4(options.get("fhirversion")):
            standing = ((quality, 1, -place), FHIR_JSON if found == FHIR_JSON else kind)
            explicit[found] = max(explicit.get(found, standing), standing)
    if wildcard is not None:
        for found in (FHIR_JSON, FHIR_XML):
            explicit.setdefault(found, ((wildcard[1], 0, int(found == usual)), found))
    best = max(explicit.values(), default=None)
    return best[1] if best is not None and best[0][0] > 0 else None


def _named(wanted: str) -> str | None:
    """Read ``_format``: a short name or a media type, whose "+" may have come as a space."""
    kind, options = parse_options_header(wanted)
    kind = kind.strip().lower().replace(" ", "+")
    kind = _SHORT.get(kind, kind)
    if _format_of(kind) is None or not is_r4(options.get("fhirversion")):
        return None
    return FHIR_JSON if kind in JSON_TYPES else kind


def _format_of(kind: str) -> str | None:
    if kind in JSON_TYPES:
        return FHIR_JSON
    return FHIR_XML if kind in XML_TYPES else None


def is_r4(version: str | None) -> bool:
    return version is None or version.startswith("4.0")


def is_xml(content_type: str) -> bool:
    if len(content_type) > _LONGEST_REMEMBERED:
        return parse_options_header(content_type)[0].lower() in XML_TYPES
    return _remembered_xml(content_type)


@lru_cache(maxsize=64)
def _remembered_xml(content_type: str) -> bool:
    return parse_options_header(content_type)[0].lower() in XML_TYPES
