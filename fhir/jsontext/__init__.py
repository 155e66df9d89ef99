"""JSON that keeps what a client wrote: decimals keep their digits, member order and text stay.

``parse`` reads strictly (RFC 8259, no duplicate members, https://hl7.org/fhir/R4/json.html);
``splice`` puts ``id`` and ``meta`` into the client's own text; ``dumps`` writes what the hub
itself authored.
"""

import json
import re
from decimal import Decimal
from json.decoder import scanstring  # type: ignore[attr-defined]  # the C string scanner
from typing import Any

import orjson

from fhir.outcomes import BadRequestError, UnprocessableError

MAX_DEPTH = 64
"""Nesting that no legal R4 resource reaches; deeper input is refused as too costly."""

_SIGNIFICANT = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"]+').findall
_SPACE = re.compile(r"[ \t\n\r]*")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise BadRequestError(f"the JSON member {name!r} appears twice", code="structure")
            seen.add(name)
    return members


def _constant(name: str) -> Any:
    raise BadRequestError(f"{name} is not JSON", code="structure")


_strict = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=Decimal, parse_constant=_constant
)
_skip = json.JSONDecoder()


def parse(raw: bytes | str) -> tuple[dict[str, Any], str]:
    """Return the value and its text, without insignificant line breaks.

    Decimals come back as ``Decimal`` with their digits. Raises BadRequestError (``structure``)
    for anything that is not one JSON object, UnprocessableError (``too-costly``) past MAX_DEPTH.
    """
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
    except UnicodeDecodeError as error:
        raise BadRequestError("the body is not UTF-8", code="structure") from error
    text = text.strip(" \t\r\n\ufeff")
    try:
        value = _strict.decode(text)
    except RecursionError as error:
        raise UnprocessableError("the JSON is nested too deeply", code="too-costly") from error
    except ValueError as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise BadRequestError(f"the body is not JSON{where}", code="structure") from error
    if not isinstance(value, dict):
        raise BadRequestError("the body must be one JSON object", code="structure")
    if text.count("{") + text.count("[") > MAX_DEPTH and depth(value) > MAX_DEPTH:
        raise UnprocessableError(
            f"the JSON may be nested at most {MAX_DEPTH} deep", code="too-costly"
        )
    if "\\u" in text:
        _refuse_unstorable(text)
    if "\n" in text or "\r" in text or "\t" in text:
        text = "".join(_SIGNIFICANT(text))
    return value, text


def _refuse_unstorable(text: str) -> None:
    """Refuse NUL and lone surrogates: they are no Unicode text and cannot be stored."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRequestError("a string holds a lone surrogate", code="value") from error
    if re.search(r"(?<!\\)(?:\\\\)*\\u0000", text):
        raise BadRequestError("a string holds the character U+0000", code="value")


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


def loads(text: str | bytes) -> Any:
    """Parse text that is known to be good (stored records); decimals as ``Decimal``."""
    return json.loads(text, parse_float=Decimal)


def _exact(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} is not JSON")


def dumps(value: Any) -> str:
    """Write compact JSON; ``Decimal`` keeps its digits."""
    return orjson.dumps(value, default=_exact).decode()


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


def splice(
    text: str,
    *,
    id: str,  # noqa: A002 - the element's name
    version: int,
    last_updated: str,
    add_tag: str | None = None,
) -> str:
    """Return the client's text with our ``id`` and ``meta.versionId``/``lastUpdated``.

    Everything else keeps its text and order. ``add_tag`` is the JSON of one more meta.tag.
    """
    parts: list[str] = []
    meta: list[str] = [f'"versionId":"{version}"', f'"lastUpdated":"{last_updated}"']
    resource_type = ""
    tags: str | None = None
    for name, value in members(text):
        if name == "resourceType":
            resource_type = value
        elif name == "meta":
            for inner, inner_value in members(value):
                if inner == "tag":
                    tags = inner_value
                elif inner not in {"versionId", "lastUpdated", "_versionId", "_lastUpdated"}:
                    meta.append(f'"{inner}":{inner_value}')
        elif name not in {"id", "_id"}:
            parts.append(f"{json.dumps(name, ensure_ascii=False)}:{value}")
    if add_tag:
        tags = f"{tags[:-1]},{add_tag}]" if tags else f"[{add_tag}]"
    if tags:
        meta.append(f'"tag":{tags}')
    head = f'{{"resourceType":{resource_type},"id":"{id}","meta":{{{",".join(meta)}}}'
    return head + ("," + ",".join(parts) if parts else "") + "}"
