"""JSON that keeps what a client wrote: decimals keep their digits, member order and text stay.

``parse`` reads strictly (RFC 8259, no duplicate members, https://hl7.org/fhir/R4/json.html);
``splice`` puts ``id`` and ``meta`` into the client's own text; ``dumps`` writes what the hub
itself authored.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from json.decoder import scanstring  # type: ignore[attr-defined]  # the C string scanner
from typing import Any

import orjson

from fhir.outcomes import BadRequestError, UnprocessableError

MAX_DEPTH = 64
"""Nesting that no legal R4 resource reaches; deeper input is refused as too costly."""

# Possessive: without a way back into a string the engine keeps no note for each of its signs.
_SIGNIFICANT = re.compile(r'"(?:[^"\\]++|\\.)*+"|[^\s"]++').findall
MAX_PARTS = 1_500_000
"""Commas and brackets of one body: each value costs some hundred bytes of memory once it is read.
FHIR has a comma in thirty bytes or fewer, so no honest body of 20 MB comes near."""

_SPACE = re.compile(r"[ \t\n\r]*")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                text = f"the JSON member {name[:64]!r} appears twice"
                raise BadRequestError(text, code="structure")
            seen.add(name)
    return members


def _constant(name: str) -> Any:
    raise BadRequestError(f"{name} is not JSON", code="structure")


_strict = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=Decimal, parse_constant=_constant
)
_good = json.JSONDecoder(parse_float=Decimal)
_skip = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Parsed:
    """One JSON object and its text, as ``parse`` returns them."""

    value: dict[str, Any]
    text: str


def parse(raw: bytes | str) -> tuple[dict[str, Any], str]:
    """Return the value and its text, without insignificant line breaks.

    Decimals come back as ``Decimal`` with their digits. Raises BadRequestError (``structure``)
    for anything that is not one JSON object, UnprocessableError (``too-costly``) past MAX_DEPTH.
    """
    text = readable(raw)
    value, end = decode(text)
    if end != len(text):
        raise BadRequestError("the body holds more than one JSON object", code="structure")
    return value, storable(text)


def readable(raw: bytes | str) -> str:
    """Return the text of a body: UTF-8 and not nested too deeply."""
    if isinstance(raw, bytes):
        data = raw
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadRequestError("the body is not UTF-8", code="structure") from error
    else:
        text, data = raw, raw.encode("utf-8", "surrogatepass")
    if data.count(b",") + data.count(b"{") + data.count(b"[") > MAX_PARTS:
        raise UnprocessableError(
            f"the JSON may have at most {MAX_PARTS:,} values", code="too-costly"
        )
    if deeper_than(data, MAX_DEPTH):
        raise UnprocessableError(
            f"the JSON may be nested at most {MAX_DEPTH} deep", code="too-costly"
        )
    return text.strip(" \t\r\n\ufeff")


def decode_any(text: str, start: int = 0) -> tuple[Any, int]:
    """Return the JSON value at ``start``, strictly read, and where it ends.

    Raises ValueError where there is none.
    """
    try:
        return _strict.raw_decode(text, start)
    except RecursionError as error:
        raise UnprocessableError("the JSON is nested too deeply", code="too-costly") from error
    except InvalidOperation as error:
        raise BadRequestError("a number is beyond what can be kept", code="value") from error


def end_of(text: str, start: int) -> int:
    """Return where the JSON value at ``start`` ends. Raises ValueError where there is none."""
    try:
        return _skip.raw_decode(text, start)[1]
    except RecursionError as error:
        raise UnprocessableError("the JSON is nested too deeply", code="too-costly") from error


def decode(text: str) -> tuple[dict[str, Any], int]:
    """Return the JSON object with which a body begins, and where it ends."""
    try:
        value, end = decode_any(text)
    except ValueError as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise BadRequestError(f"the body is not JSON{where}", code="structure") from error
    if not isinstance(value, dict):
        raise BadRequestError("the body must be one JSON object", code="structure")
    return value, end


def storable(text: str) -> str:
    """Return good JSON text without line breaks and tabs between its parts.

    Raises BadRequestError for characters that no database keeps.
    """
    if "\\u" in text:
        _refuse_unstorable(text)
    if "\n" in text or "\r" in text or "\t" in text:
        return "".join(_SIGNIFICANT(text))
    return text


_BRACKETS_AND_QUOTES = b'[]{}"'
_OTHERS = bytes(sorted(set(range(256)).difference(_BRACKETS_AND_QUOTES)))
# Both kinds as one: each round then takes away one level, whichever they are.
_SQUARE = bytes.maketrans(b"{}", b"[]")


def deeper_than(data: bytes, limit: int) -> bool:
    """Say whether the brackets of a JSON text are nested deeper, without building its values."""
    if data.count(b"{") + data.count(b"[") <= limit:
        return False
    if b"\\" in data:
        # Of a row of backslashes two and two are one; the odd one escapes the quote behind it.
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Strings without brackets are two quotes now. Of what is left every second part is outside of
    # a string: between its quotes nothing is a bracket.
    bare = data.translate(_SQUARE, _OTHERS).replace(b'""', b"")
    if b'"' in bare:
        bare = b"".join(data.translate(_SQUARE, _OTHERS).split(b'"')[::2])
    for _ in range(limit):
        inner = bare.replace(b"[]", b"")
        if len(inner) == len(bare):
            # Nothing is left, or what is left is not balanced, so no JSON: the decoder says where.
            return False
        bare = inner
    return bool(bare)


def _refuse_unstorable(text: str) -> None:
    """Refuse NUL and lone surrogates: they are no Unicode text and cannot be stored."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRequestError("a string holds a lone surrogate", code="value") from error
    if re.search(r"(?<!\\)(?:\\\\)*\\u0000", text):
        raise BadRequestError("a string holds the character U+0000", code="value")


def loads(text: str | bytes) -> Any:
    """Parse text that is known to be good (stored records); decimals as ``Decimal``."""
    return _good.decode(text if isinstance(text, str) else text.decode())


def copied(value: Any) -> Any:
    """Copy parsed JSON; several times faster than copy.deepcopy, which also copies scalars."""
    if isinstance(value, dict):
        return {name: copied(child) for name, child in value.items()}
    if isinstance(value, list):
        return [copied(child) for child in value]
    return value


def _exact(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    if isinstance(value, datetime):
        if value.tzinfo is not UTC:
            value = value.astimezone(UTC)
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} is not JSON")


def dumpb(value: Any) -> bytes:
    """Write compact JSON; ``Decimal`` keeps its digits, an instant is written in UTC."""
    return orjson.dumps(value, default=_exact, option=orjson.OPT_PASSTHROUGH_DATETIME)


def dumps(value: Any) -> str:
    """Write the same as text."""
    return dumpb(value).decode()


def members(text: str, start: int = 0) -> list[tuple[str, str]]:
    """Return the members of the JSON object at ``start`` as (name, text of the value).

    The text must be valid JSON (``parse`` has seen it).
    """
    found: list[tuple[str, str]] = []
    space = _SPACE.match
    position = space(text, start + 1).end()  # type: ignore[union-attr]
    if text[position] == "}":
        return found
    while True:
        name, position = scanstring(text, position + 1, True)
        position = space(text, space(text, position).end() + 1).end()  # type: ignore[union-attr]
        _, end = _skip.raw_decode(text, position)
        found.append((name, text[position:end]))
        position = space(text, end).end()  # type: ignore[union-attr]
        if text[position] == "}":
            return found
        position = space(text, position + 1).end()  # type: ignore[union-attr]


_OURS = frozenset({"resourceType", "id", "_id", "meta"})


def splice(
    resource: Parsed,
    *,
    id: str,  # noqa: A002 - the element's name
    version: int,
    last_updated: str,
    add_tag: str | None = None,
) -> str:
    """Return the client's text with our ``id`` and ``meta.versionId``/``lastUpdated``.

    Everything else keeps its text and order. ``add_tag`` is the JSON of one more meta.tag.
    """
    text, kept = resource.text, []
    left = set(_OURS.intersection(resource.value))
    resource_type, meta = '""', ""
    space = _SPACE.match
    position = space(text, 1).end()  # type: ignore[union-attr]
    # What follows the last member that is ours is not looked at: it stays as it is.
    while left:
        begin = position
        name, position = scanstring(text, position + 1, True)
        position = space(text, space(text, position).end() + 1).end()  # type: ignore[union-attr]
        _, end = _skip.raw_decode(text, position)
        if name not in left:
            kept.append(text[begin:end])
        elif name == "resourceType":
            resource_type = text[position:end]
        elif name == "meta":
            meta = text[position:end]
        left.discard(name)
        position = space(text, end).end()  # type: ignore[union-attr]
        if text[position] == ",":
            position = space(text, position + 1).end()  # type: ignore[union-attr]
    if rest := text[position:-1].rstrip():
        kept.append(rest)
    head = (
        f'{{"resourceType":{resource_type},"id":"{id}","meta":'
        f"{_meta(meta, version, last_updated, add_tag)}"
    )
    return ",".join((head, *kept)) + "}"


def _meta(text: str, version: int, last_updated: str, add_tag: str | None) -> str:
    ours = f'{{"versionId":"{version}","lastUpdated":"{last_updated}"'
    if not text and not add_tag:
        return ours + "}"
    parts, tags = [ours], ""
    for name, value in members(text) if text else ():
        if name == "tag":
            tags = value
        elif name not in {"versionId", "lastUpdated", "_versionId", "_lastUpdated"}:
            parts.append(f'"{name}":{value}')
    if add_tag:
        tags = f"{tags[:-1]},{add_tag}]" if tags else f"[{add_tag}]"
    if tags:
        parts.append(f'"tag":{tags}')
    return ",".join(parts) + "}"
