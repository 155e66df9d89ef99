"""Limits of what a client may send. How deeply it may be nested: ``fhir.jsontext``."""

import zlib

from werkzeug.exceptions import RequestEntityTooLarge

from fhir.outcomes import BadRequestError, TooLargeError, UnsupportedMediaTypeError
from fhir.xml import from_xml
from hub import at_hand
from hub.api import negotiation

LARGEST_BODY = 20 * 1024 * 1024
"""A scanned letter of 14 MB in base64, or a bundle of some ten thousand small entries."""

_GZIP = 16 + zlib.MAX_WBITS
"""Tells zlib to expect the header of gzip (RFC 1952)."""


def received() -> bytes:
    """Return the request's body as it came, unpacked where it is gzip.

    Raises TooLargeError, UnsupportedMediaTypeError for another coding, BadRequestError.
    """
    request = at_hand.request()
    request.max_content_length = LARGEST_BODY
    try:
        raw = request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise _too_large() from error
    coding = request.environ.get("HTTP_CONTENT_ENCODING")
    if coding is None or coding.strip().lower() in {"", "identity"}:
        return raw
    if coding.strip().lower() not in {"gzip", "x-gzip"}:
        raise UnsupportedMediaTypeError(
            "a body may be coded as gzip, or not at all", headers={"Accept-Encoding": "gzip"}
        )
    return unpacked(raw)


def body() -> bytes:
    """Return the request's body as JSON, whether it came as JSON or as XML.

    Raises what ``received`` does; BadRequestError or UnprocessableError for what is no FHIR XML.
    """
    raw = received()
    if negotiation.sends_xml() and raw.strip():
        return from_xml(raw).encode()
    return raw


def unpacked(raw: bytes) -> bytes:
    """Inflate gzip, never beyond what a body may have: a bomb costs no more than a letter."""
    member = zlib.decompressobj(_GZIP)
    try:
        found = member.decompress(raw, LARGEST_BODY + 1)
    except zlib.error as error:
        raise BadRequestError("the body is not gzip", code="structure") from error
    if len(found) > LARGEST_BODY:
        raise _too_large()
    if not member.eof:
        raise BadRequestError("the gzip body ends too early", code="structure")
    if member.unused_data:
        # Many small members would be read again and again; no client sends several.
        raise BadRequestError("something follows the gzip body", code="structure")
    return found


def _too_large() -> TooLargeError:
    return TooLargeError(f"the body may have at most {LARGEST_BODY // 1024 // 1024} MB")
