"""What a client asks of the answer: format, Prefer, preconditions.

https://hl7.org/fhir/R4/http.html#mime-type, RFC 7240, RFC 9110 section 13
"""

import re
from collections.abc import Collection, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from werkzeug.http import parse_date, parse_options_header

from fhir.outcomes import BadRequestError, NotAcceptableError, UnsupportedMediaTypeError
from fhir.xml import MEDIA_TYPES as XML_TYPES
from hub import at_hand
from hub.api import media_types
from hub.api.media_types import JSON_TYPES, Asked

FHIR_JSON = media_types.FHIR_JSON
FHIR_XML = media_types.FHIR_XML
ANSWERS = (FHIR_JSON, FHIR_XML)
"""The forms in which the hub answers, the usual one first."""

_VERSION = re.compile(r'(?:W/)?"([^"]*)"').fullmatch
_PREFERENCE = re.compile(r'\s*([a-zA-Z-]+)\s*=\s*"?([a-zA-Z-]+)"?\s*').fullmatch

_ASKED = "carehub.asked"
_NOTHING: Mapping[str, str] = {}

ANY_VERSION = -1
"""``If-Match: *``: any version will do, but there must be one."""

TRANSPORT = frozenset({"_format", "_pretty"})
"""Parameters that concern the answer's form, allowed on every interaction."""


@dataclass(frozen=True, slots=True)
class Prefer:
    """The preferences of a request that the hub knows."""

    answer: str | None = None
    """``minimal``, ``representation``, ``OperationOutcome``, or None: not said."""
    lenient: bool = False


NOTHING_PREFERRED = Prefer()


def asked() -> Asked:
    """Return the form that this request wants its answer in."""
    return asked_in(at_hand.request().environ)


def asked_in(environ: MutableMapping[str, Any]) -> Asked:
    """Return the same of a WSGI environment, which keeps it."""
    found: Asked | None = environ.get(_ASKED)
    if found is None:
        query = environ.get("QUERY_STRING", "")
        given = at_hand.request().args if "format" in query or "pretty" in query else _NOTHING
        found = environ[_ASKED] = _asked(environ, given)
    return found


def _asked(environ: Mapping[str, Any], given: Mapping[str, str]) -> Asked:
    accept = environ.get("HTTP_ACCEPT", "")
    return media_types.asked(accept, given.get("_format"), given.get("_pretty"), sends_xml())


def sends_xml() -> bool:
    """Say whether the body of this request is declared as XML."""
    content_type: str = at_hand.request().environ.get("CONTENT_TYPE", "")
    return content_type != FHIR_JSON and media_types.is_xml(content_type)


def take_form(pairs: Iterable[tuple[str, str]]) -> None:
    """Heed ``_format`` and ``_pretty`` where they stand in a form, then check them."""
    given = {
        **at_hand.request().args,
        **{name: value for name, value in pairs if name in TRANSPORT},
    }
    at_hand.request().environ[_ASKED] = _asked(at_hand.request().environ, given)
    check_accept()


def check_accept() -> None:
    """Raise NotAcceptableError where the client can take neither JSON nor XML of FHIR R4."""
    wanted = asked()
    if wanted.type is None:
        raise NotAcceptableError(
            f"the hub answers in {' or '.join(ANSWERS)} (fhirVersion=4.0) only",
            expression=None if wanted.format is None else "_format",
        )
    if wanted.pretty not in {None, "true", "false"}:
        raise BadRequestError("_pretty is true or false", expression="_pretty")


def check_content_type(allowed: Collection[str] = JSON_TYPES) -> None:
    """Raise UnsupportedMediaTypeError for a body that is not UTF-8 of an allowed type, of FHIR R4.

    Where FHIR JSON is allowed FHIR XML is too: ``limits.body`` gives its JSON.
    """
    given = at_hand.request().headers.get("Content-Type")
    if not given:
        return
    kind, options = parse_options_header(given)
    kind = kind.lower()
    charset = options.get("charset", "utf-8").lower()
    if (
        not (kind in allowed or (kind in XML_TYPES and FHIR_JSON in allowed))
        or charset not in {"utf-8", "utf8", "us-ascii"}
        or not media_types.is_r4(options.get("fhirversion"))
    ):
        named = {*allowed} - JSON_TYPES | ({*ANSWERS} if FHIR_JSON in allowed else set())
        raise UnsupportedMediaTypeError(f"send the body as {' or '.join(sorted(named))} in UTF-8")


def prefer() -> Prefer:
    """Read the Prefer header; what it says beyond FHIR is ignored, as RFC 7240 wants."""
    answer, lenient = None, False
    if "HTTP_PREFER" not in at_hand.request().environ:
        return NOTHING_PREFERRED
    for header in at_hand.request().headers.getlist("Prefer"):
        for part in re.split(r"[,;]", header):
            if (found := _PREFERENCE(part)) is None:
                continue
            name, value = found[1].lower(), found[2]
            if name == "return" and value in {"minimal", "representation", "OperationOutcome"}:
                answer = value
            elif name == "handling":
                lenient = value == "lenient"
    return Prefer(answer, lenient)


def wants_async() -> bool:
    """Say whether the client prefers the answer later: RFC 7240, section 4.1."""
    return any(
        part.strip().lower() == "respond-async"
        for header in at_hand.request().headers.getlist("Prefer")
        for part in re.split(r"[,;]", header)
    )


def version_of(tag: str) -> int:
    """Return the version an entity tag names; 0, which no record has, for a foreign tag."""
    if tag.strip() == "*":
        return ANY_VERSION
    found = _VERSION(tag.strip())
    if found is None:
        raise BadRequestError('If-Match must be one entity tag such as W/"3"')
    return int(found[1]) if found[1].isascii() and found[1].isdigit() else 0


def if_match() -> int | None:
    tag = at_hand.request().headers.get("If-Match")
    return None if tag is None else version_of(tag)


def only_new() -> bool:
    """Say whether a write wants that nothing is there yet: ``If-None-Match: *``, RFC 9110."""
    tag = at_hand.request().headers.get("If-None-Match")
    return tag is not None and is_only_new(tag)


def is_only_new(tag: str) -> bool:
    if tag.strip() != "*":
        raise BadRequestError("If-None-Match of a write can only be *: create, never update")
    return True


def is_known(version: int, modified: datetime) -> bool:
    """Say whether the client already has this version (If-None-Match, If-Modified-Since)."""
    environ = at_hand.request().environ
    if "HTTP_IF_NONE_MATCH" not in environ and "HTTP_IF_MODIFIED_SINCE" not in environ:
        return False
    known = at_hand.request().headers.get("If-None-Match")
    if known is not None:
        return among(version, known)
    since = parse_date(at_hand.request().headers.get("If-Modified-Since"))
    return since is not None and modified.replace(microsecond=0) <= since


def among(version: int, tags: str) -> bool:
    """Say whether a version is one of the entity tags of If-None-Match."""
    return any(tag.strip() == "*" or _number(tag) == str(version) for tag in tags.split(","))


def _number(tag: str) -> str | None:
    found = _VERSION(tag.strip())
    return found[1] if found else None
