"""JSON laid out for people to read; its numbers stay as they are written."""

import json
from typing import Any

import orjson


class _Number:
    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _written(value: Any) -> orjson.Fragment:
    if isinstance(value, _Number):
        return orjson.Fragment(value.text)
    raise TypeError(f"{type(value).__name__} is not JSON")


def indented(text: str | bytes) -> bytes:
    """Return the same JSON with a member a line."""
    value = json.loads(text, parse_float=_Number, parse_int=_Number)
    return orjson.dumps(value, default=_written, option=orjson.OPT_INDENT_2)
