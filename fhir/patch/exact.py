"""JSON whose numbers remember how they were written, so that a patch changes nothing else."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Self

import orjson

from fhir import jsontext
from fhir.outcomes import BadRequestError, UnprocessableError

_LONGEST_INT = 18
"""Digits that a 64-bit integer holds whatever they are; orjson writes no longer ones."""


class Written(Decimal):
    """A number with its text: ``1.50`` and ``1e5`` are written back as they came."""

    text: str

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


def _integer(text: str) -> Any:
    return int(text) if len(text) <= _LONGEST_INT and text != "-0" else Written(text)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadRequestError("a JSON member appears twice in the patch", code="structure")
    return members


def _constant(name: str) -> Any:
    raise BadRequestError(f"{name} is not JSON", code="structure")


_decode: Callable[[str], Any] = json.JSONDecoder(
    parse_float=Written,
    parse_int=_integer,
    parse_constant=_constant,
    object_pairs_hook=_members,
).decode


def loads(raw: str | bytes) -> Any:
    """Parse the JSON text of a patch or a record. Raises BadRequestError (``structure``)."""
    text = jsontext.readable(raw)
    try:
        value = _decode(text)
        if "\\u" in text:
            orjson.loads(text)  # refuses lone surrogates, which are no text
    except RecursionError as error:
        raise too_deep() from error
    except ValueError as error:
        raise BadRequestError("the patch is not JSON", code="structure") from error
    return value


def too_deep() -> UnprocessableError:
    return UnprocessableError(
        f"the JSON may be nested at most {jsontext.MAX_DEPTH} deep", code="too-costly"
    )


def depth(value: Any) -> int:
    """Return how deeply a parsed value is nested."""
    deepest, stack = 0, [(value, 1)]
    while stack:
        node, level = stack.pop()
        deepest = max(deepest, level)
        if isinstance(node, dict):
            stack.extend((child, level + 1) for child in node.values())
        elif isinstance(node, list):
            stack.extend((child, level + 1) for child in node)
    return deepest


def render(before: str, after: dict[str, Any]) -> str:
    """Return the text of ``after``; members that are as they were keep their text in ``before``."""
    if depth(after) > jsontext.MAX_DEPTH:
        raise too_deep()
    kept = dict(jsontext.members(before))
    old = loads(before)
    parts = []
    for name, value in after.items():
        text = jsontext.dumps(value)
        if name in kept and jsontext.dumps(old[name]) == text:
            text = kept[name]
        parts.append(f"{json.dumps(name, ensure_ascii=False)}:{text}")
    return "{" + ",".join(parts) + "}"


def equal(one: Any, other: Any) -> bool:
    """Compare as RFC 6902, section 4.6: numbers by value, and true is no number."""
    return _alike(one, other, _same_value)


def identical(one: Any, other: Any) -> bool:
    """Compare as FHIR does: 1.50 is not 1.5, https://hl7.org/fhir/R4/datatypes.html#decimal."""
    return _alike(one, other, _same_text)


def _alike(one: Any, other: Any, same: Callable[[Any, Any], bool]) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[n], other[n], same) for n in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(
            _alike(*both, same) for both in zip(one, other, strict=True)
        )
    return same(one, other)


def _same_value(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _same_text(one: Any, other: Any) -> bool:
    return type(one) is type(other) and str(one) == str(other)
