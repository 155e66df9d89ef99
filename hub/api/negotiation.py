"""What a client asks of the answer: format, Prefer, preconditions.

https://hl7.org/fhir/R4/http.html#mime-type, RFC 7240, RFC 9110 section 13
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from flask import request
from werkzeug.http import parse_date, parse_options_header

from fhir.outcomes import BadRequestError, NotAcceptableError, UnsupportedMediaTypeError

FHIR_JSON = "application/fhir+json"
_JSON = frozenset({FHIR_JSON, "application/json", "text/json"})
_FORMATS = _JSON | {"json", "application/fhir json"}
# A "+" in a query string arrives as a space.
_ANY = frozenset({"*/*", "application/*", "text/*"})
_VERSION = re.compile(r'(?:W/)?"([^"]*)"').fullmatch
_PREFERENCE = re.compile(r'\s*([a-zA-Z-]+)\s*=\s*"?([a-zA-Z-]+)"?\s*').fullmatch

TRANSPORT = frozenset({"_format", "_pretty"})
"""Parameters that concern the answer's form, allowed on every interaction."""


@dataclass(frozen=True, slots=True)
class Prefer:
    """The preferences of a request that the hub knows."""

    answer: str | None = None
    """``minimal``, ``representation``, ``OperationOutcome``, or None: not said."""
    lenient: bool = False


NOTHING_PREFERRED = Prefer()


def check_accept() -> None:
    """Raise NotAcceptableError where the client cannot take JSON of FHIR R4."""
    environ = request.environ
    asked = environ.get("HTTP_ACCEPT")
    if (not asked or asked == "*/*") and "_format" not in environ["QUERY_STRING"]:
        return
    wanted = request.args.get("_format")
    if wanted is not None:
        if wanted.partition(";")[0].strip().lower() not in _FORMATS:
            raise NotAcceptableError(
                f"_format: the hub answers in {FHIR_JSON} only", expression="_format"
            )
        return
    accepted = request.accept_mimetypes
    if not accepted:
        return
    for value, quality in accepted:
        kind, options = parse_options_header(value)
        if quality > 0 and kind.lower() in _JSON | _ANY and _is_r4(options.get("fhirversion")):
            return
    raise NotAcceptableError(f"the hub answers in {FHIR_JSON} (fhirVersion=4.0) only")


def check_content_type(allowed: Collection[str] = _JSON) -> None:
    """Raise UnsupportedMediaTypeError for a body that is not UTF-8 JSON of FHIR R4."""
    given = request.headers.get("Content-Type")
    if not given:
        return
    kind, options = parse_options_header(given)
    charset = options.get("charset", "utf-8").lower()
    if (
        kind.lower() not in allowed
        or charset not in {"utf-8", "utf8", "us-ascii"}
        or not _is_r4(options.get("fhirversion"))
    ):
        raise UnsupportedMediaTypeError(f"send the body as {' or '.join(sorted(allowed))} in UTF-8")


def _is_r4(version: str | None) -> bool:
    return version is None or version.startswith("4.0")


def prefer() -> Prefer:
    """Read the Prefer header; what it says beyond FHIR is ignored, as RFC 7240 wants."""
    answer, lenient = None, False
    if "HTTP_PREFER" not in request.environ:
        return NOTHING_PREFERRED
    for header in request.headers.getlist("Prefer"):
        for part in re.split(r"[,;]", header):
            if (found := _PREFERENCE(part)) is None:
                continue
            name, value = found[1].lower(), found[2]
            if name == "return" and value in {"minimal", "representation", "OperationOutcome"}:
                answer = value
            elif name == "handling":
                lenient = value == "lenient"
    return Prefer(answer, lenient)


def version_of(tag: str) -> int:
    """Return the version an entity tag names; 0, which no record has, for a foreign tag."""
    found = _VERSION(tag.strip())
    if found is None:
        raise BadRequestError('If-Match must be one entity tag such as W/"3"')
    return int(found[1]) if found[1].isascii() and found[1].isdigit() else 0


def if_match() -> int | None:
    tag = request.headers.get("If-Match")
    if tag is None or tag.strip() == "*":
        return None
    return version_of(tag)


def is_known(version: int, modified: datetime) -> bool:
    """Say whether the client already has this version (If-None-Match, If-Modified-Since)."""
    environ = request.environ
    if "HTTP_IF_NONE_MATCH" not in environ and "HTTP_IF_MODIFIED_SINCE" not in environ:
        return False
    known = request.headers.get("If-None-Match")
    if known is not None:
        return any(tag.strip() == "*" or _number(tag) == str(version) for tag in known.split(","))
    since = parse_date(request.headers.get("If-Modified-Since"))
    return since is not None and modified.replace(microsecond=0) <= since


def _number(tag: str) -> str | None:
    found = _VERSION(tag.strip())
    return found[1] if found else None
