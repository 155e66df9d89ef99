"""Lexical rules of the primitive types: https://hl7.org/fhir/R4/datatypes.html#primitive.

Values are what a JSON parser gives: numbers with a point are floats or ``Decimal``.
"""

import binascii
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from math import isfinite
from typing import Any

from fhir import narrative

Check = Callable[[Any], bool]

_LONGEST_STRING = 1024 * 1024
_LARGEST_INTEGER = 2**31 - 1

_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_DAY = r"-(?:0[1-9]|[12][0-9]|3[01])"
_MONTH = r"-(?:0[1-9]|1[0-2])"
_YEAR = r"(?!0000)[0-9]{4}"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"

PATTERNS: dict[str, str] = {
    "code": r"\S+(?:\s\S+)*",
    "date": rf"{_YEAR}(?:{_MONTH}(?:{_DAY})?)?",
    "dateTime": rf"{_YEAR}(?:{_MONTH}(?:{_DAY}(?:T{_TIME}{_ZONE})?)?)?",
    "id": r"[A-Za-z0-9\-.]{1,64}",
    "instant": rf"{_YEAR}{_MONTH}{_DAY}T{_TIME}{_ZONE}",
    "oid": r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+",
    "time": _TIME,
    "uuid": r"urn:uuid:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
}
"""Primitive type -> what the whole of its text matches, in words that ECMA 262 knows too."""


def _whole(kind: str) -> Callable[[str], re.Match[str] | None]:
    return re.compile(PATTERNS[kind], re.NOFLAG if kind == "code" else re.ASCII).fullmatch


_code = _whole("code")
_date = _whole("date")
_date_time = _whole("dateTime")
_id = _whole("id")
_instant = _whole("instant")
_oid = _whole("oid")
_absolute = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S*").fullmatch
_spaced_base64 = re.compile(r"(?:\s*[0-9A-Za-z+/=]{4})+\s*").fullmatch
_space = re.compile(r"\s").search
_time = _whole("time")
_uuid = _whole("uuid")


def _in_calendar(text: str) -> bool:
    """Say whether the day exists: the pattern lets 31 February through."""
    if len(text) < 10 or text[8:10] < "29":
        return True
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def is_string(value: Any) -> bool:
    return value.__class__ is str and 0 < len(value) <= _LONGEST_STRING


def is_boolean(value: Any) -> bool:
    return value.__class__ is bool


def is_base64(value: Any) -> bool:
    if value.__class__ is not str or not value:
        return False
    if _space(value):
        # Between groups of four signs only, as R4's expression says.
        if _spaced_base64(value) is None:
            return False
        value = "".join(value.split())
    if len(value) % 4:
        return False  # a2b_base64 lets a sign of padding too many pass
    try:
        return bool(binascii.a2b_base64(value, strict_mode=True))
    except ValueError:
        return False


def is_code(value: Any) -> bool:
    return value.__class__ is str and _code(value) is not None


def is_date(value: Any) -> bool:
    return value.__class__ is str and _date(value) is not None and _in_calendar(value)


def is_date_time(value: Any) -> bool:
    return value.__class__ is str and _date_time(value) is not None and _in_calendar(value)


def is_decimal(value: Any) -> bool:
    kind = value.__class__
    return kind is int or ((kind is Decimal or kind is float) and isfinite(value))


def is_id(value: Any) -> bool:
    return value.__class__ is str and _id(value) is not None


def is_instant(value: Any) -> bool:
    return value.__class__ is str and _instant(value) is not None and _in_calendar(value)


def is_integer(value: Any) -> bool:
    return value.__class__ is int and -_LARGEST_INTEGER - 1 <= value <= _LARGEST_INTEGER


def is_unsigned(value: Any) -> bool:
    return value.__class__ is int and 0 <= value <= _LARGEST_INTEGER


def is_positive(value: Any) -> bool:
    return value.__class__ is int and 0 < value <= _LARGEST_INTEGER


def is_oid(value: Any) -> bool:
    return value.__class__ is str and _oid(value) is not None


def is_time(value: Any) -> bool:
    return value.__class__ is str and _time(value) is not None


def is_uri(value: Any) -> bool:
    return value.__class__ is str and value != "" and _space(value) is None


def is_absolute_uri(value: Any) -> bool:
    return value.__class__ is str and _absolute(value) is not None


def is_uuid(value: Any) -> bool:
    return value.__class__ is str and _uuid(value) is not None


def is_xhtml(value: Any) -> bool:
    return value.__class__ is str and not narrative.faults(value)


CHECKS: dict[str, Check] = {
    "base64Binary": is_base64,
    "boolean": is_boolean,
    "canonical": is_uri,
    "code": is_code,
    "date": is_date,
    "dateTime": is_date_time,
    "decimal": is_decimal,
    "id": is_id,
    "instant": is_instant,
    "integer": is_integer,
    "markdown": is_string,
    "oid": is_oid,
    "positiveInt": is_positive,
    "string": is_string,
    "time": is_time,
    "unsignedInt": is_unsigned,
    "uri": is_uri,
    "url": is_uri,
    "uuid": is_uuid,
    "xhtml": is_xhtml,
}
"""Primitive type -> whether a value has its form."""

FORMS: dict[str, str] = {
    "base64Binary": "must be base64 (RFC 4648) in a JSON string",
    "boolean": "must be true or false, without quotes",
    "canonical": "must be a canonical URL without spaces",
    "code": "must be a code: a JSON string without leading, trailing or double spaces",
    "date": "must be a date of the calendar as YYYY, YYYY-MM or YYYY-MM-DD",
    "dateTime": "must be YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a time zone",
    "decimal": "must be a JSON number",
    "id": "must be 1 to 64 letters, digits, hyphens and points",
    "instant": "must be YYYY-MM-DDThh:mm:ss with a time zone",
    "integer": "must be a whole JSON number of 32 bits",
    "markdown": "must be a JSON string of at most 1 MB",
    "oid": "must be an OID as urn:oid:1.2.3",
    "positiveInt": "must be a whole JSON number above 0",
    "string": "must be a JSON string of at most 1 MB",
    "time": "must be hh:mm:ss",
    "unsignedInt": "must be a whole JSON number, 0 or more",
    "uri": "must be a URI without spaces",
    "url": "must be a URL without spaces",
    "uuid": "must be a UUID as urn:uuid:, in lower case",
    "xhtml": "must be XHTML in one div",
}
"""Primitive type -> what a value must look like, in plain words."""
