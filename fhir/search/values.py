r"""Values of search parameters as they stand in a query string -> criteria.

``\,`` ``\|`` ``\$`` and ``\\`` are escapes: https://hl7.org/fhir/R4/search.html#escaping
"""

import re
from decimal import Decimal, InvalidOperation

from fhir.outcomes import BadRequestError
from fhir.search.criteria import DateValue, Prefix, QuantityValue, TokenValue
from fhir.search.dates import date_range


class UnknownParameterError(BadRequestError):
    """The parameter, modifier or prefix is not one of this type: lenient searches leave it out."""

    code = "not-supported"


_PREFIXED = re.compile(r"([a-z]{2})(?=[\d.+-])(.*)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
# Enough for any measured quantity; more would only cost memory.
_LONGEST_NUMBER = 64
_LARGEST_EXPONENT = 300


def split(text: str, separator: str) -> list[str]:
    """Split at separators that are not escaped; the parts keep their escapes."""
    parts, current, escaped = [], [], False
    for character in text:
        if escaped:
            current.append(character)
            escaped = False
        elif character == "\\":
            current.append(character)
            escaped = True
        elif character == separator:
            parts.append("".join(current))
            current = []
        else:
            current.append(character)
    parts.append("".join(current))
    return parts


def unescape(text: str) -> str:
    return re.sub(r"\\([,|$\\])", r"\1", text)


def escape(text: str) -> str:
    return re.sub(r"([,|$\\])", r"\\\1", text)


def alternatives(name: str, text: str) -> list[str]:
    """Return the values between commas, escapes kept; none may be empty."""
    parts = split(text, ",")
    if not all(parts):
        raise BadRequestError(f"{name} has an empty value", code="value")
    return parts


def token_value(name: str, text: str) -> TokenValue:
    parts = [unescape(part) for part in split(text, "|")]
    if len(parts) == 1:
        return TokenValue(None, parts[0])
    if len(parts) > 2 or not any(parts):
        raise BadRequestError(
            f"{name}: a token is code, system|code, |code or system|", code="value"
        )
    return TokenValue(parts[0], parts[1] or None)


def prefixed(name: str, text: str) -> tuple[Prefix, str]:
    match = _PREFIXED.fullmatch(text)
    if match is None:
        return Prefix.EQ, text
    try:
        return Prefix(match[1]), match[2]
    except ValueError:
        raise UnknownParameterError(
            f"{name}: {match[1]} is not a prefix; valid ones are {', '.join(Prefix)}"
        ) from None


def date_value(name: str, text: str) -> DateValue:
    prefix, date = prefixed(name, unescape(text))
    try:
        # A plus that was not encoded arrives as a space.
        lo, hi = date_range(date.replace(" ", "+"))
    except ValueError:
        raise BadRequestError(
            f"{name} is not a date: YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss[.sss]][zone]",
            code="value",
        ) from None
    return DateValue(prefix, lo, hi)


def quantity_value(name: str, text: str, *, unit: bool) -> QuantityValue:
    """Read ``[prefix]number`` and, of a quantity, ``|system|code``."""
    parts = [unescape(part) for part in split(text, "|")]
    prefix, digits = prefixed(name, parts[0])
    number = _decimal(digits)
    if number is None or len(parts) not in ((1, 3) if unit else (1,)):
        form = "[prefix]number|system|code, the last two together or not at all"
        raise BadRequestError(
            f"{name} is not a number{f': it is {form}' if unit else ''}", code="value"
        )
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    half = Decimal(5).scaleb(exponent - 1)
    system, code = (parts[1] or None, parts[2] or None) if len(parts) == 3 else (None, None)
    return QuantityValue(prefix, number, number - half, number + half, system, code)


def _decimal(text: str) -> Decimal | None:
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if abs(number.adjusted()) <= _LARGEST_EXPONENT else None


def near_value(name: str, text: str) -> tuple[Decimal, Decimal, Decimal]:
    """Read ``latitude|longitude|distance|units``; 10 km where no distance is given."""
    parts = [unescape(part) for part in split(text, "|")]
    numbers = [_decimal(part) for part in parts[:3] if part]
    units = {"": Decimal(1), "km": Decimal(1), "m": Decimal("0.001"), "[mi_us]": Decimal("1.609")}
    scale = units.get(parts[3] if len(parts) > 3 else "")
    if len(numbers) < 2 or None in numbers or scale is None or len(parts) > 4:
        raise BadRequestError(
            f"{name} is latitude|longitude|distance|units; units are km, m or [mi_us]",
            code="value",
        )
    latitude, longitude, *rest = [n for n in numbers if n is not None]
    return latitude, longitude, (rest[0] if rest else Decimal(10)) * scale
