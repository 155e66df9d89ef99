"""Limits of what a client may send. How deeply it may be nested: ``fhir.jsontext``."""

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from fhir.outcomes import TooLargeError

LARGEST_BODY = 20 * 1024 * 1024
"""A scanned letter of 14 MB in base64, or a bundle of some ten thousand small entries."""


def body() -> bytes:
    """Return the request's body. Raises TooLargeError."""
    request.max_content_length = LARGEST_BODY
    try:
        raw = request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise TooLargeError(
            f"the body may have at most {LARGEST_BODY // 1024 // 1024} MB"
        ) from error
    return raw
