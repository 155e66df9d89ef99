"""Limits of what a client may send: size and nesting depth."""

import re

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from fhir.jsontext import MAX_DEPTH
from fhir.outcomes import TooLargeError, UnprocessableError

LARGEST_BODY = 20 * 1024 * 1024
"""A scanned letter of 14 MB in base64, or a bundle of some ten thousand small entries."""

_string = re.compile(rb'"(?:[^"\\]|\\.)*"')
_not_bracket = re.compile(rb"[^\[\]{}]+")


def body() -> bytes:
    """Return the request's body. Raises TooLargeError, UnprocessableError (``too-costly``)."""
    request.max_content_length = LARGEST_BODY
    try:
        raw = request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise TooLargeError(
            f"the body may have at most {LARGEST_BODY // 1024 // 1024} MB"
        ) from error
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and nesting(raw) > MAX_DEPTH:
        raise UnprocessableError(
            f"the JSON may be nested at most {MAX_DEPTH} deep", code="too-costly"
        )
    return raw


def nesting(raw: bytes) -> int:
    """Return how deeply the brackets of a JSON text are nested, without building its values."""
    deepest = level = 0
    for bracket in _not_bracket.sub(b"", _string.sub(b"", raw)):
        if bracket in b"[{":
            level += 1
            deepest = max(deepest, level)
        else:
            level -= 1
    return deepest
