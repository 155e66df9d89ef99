"""Limits of what a client may send. How deeply it may be nested: ``fhir.jsontext``."""

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from fhir.outcomes import TooLargeError
from fhir.xml import from_xml
from hub.api import negotiation

LARGEST_BODY = 20 * 1024 * 1024
"""A scanned letter of 14 MB in base64, or a bundle of some ten thousand small entries."""


def received() -> bytes:
    """Return the request's body as it came. Raises TooLargeError."""
    request.max_content_length = LARGEST_BODY
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise TooLargeError(
            f"the body may have at most {LARGEST_BODY // 1024 // 1024} MB"
        ) from error


def body() -> bytes:
    """Return the request's body as JSON, whether it came as JSON or as XML.

    Raises TooLargeError; BadRequestError or UnprocessableError for what is no FHIR XML.
    """
    raw = received()
    if negotiation.sends_xml() and raw.strip():
        return from_xml(raw).encode()
    return raw
