"""Paths of a FHIRPath Patch, read into steps that stay inside the resource.

A path is a chain of elements, ``[index]`` and the functions below; the criteria of ``where`` may
use FHIRPath's operators. https://hl7.org/fhir/R4/fhirpatch.html: no path leaves the resource.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import fhirpathpy
from fhirpathpy.models import models

from fhir.outcomes import BadRequestError

LONGEST = 1_000
FUNCTIONS = ("where", "first", "last", "single", "ofType", "as", "extension")
IN_CRITERIA = frozenset(
    {
        *FUNCTIONS,
        *("all", "any", "contains", "count", "empty", "endsWith", "exists", "hasValue", "indexOf"),
        *("is", "length", "lower", "not", "select", "startsWith", "substring", "toInteger"),
        *("toString", "upper"),
    }
)
"""No function that leaves the resource, knows the time, or can run for long (``matches``)."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|`(?:[^`\\]|\\.)*`").match
_INDEX = re.compile(r"\[\s*(\d{1,9})\s*\]").match
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'")
_STRING = re.compile(r"\s*(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")\s*").fullmatch
_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(").findall
_DEEPEST = 8
"""Brackets within brackets: the library takes twice as long for each function in a function."""
_UNUSUAL = frozenset('%`"/\\')
"""Variables, comments and quoted names: the last two could hide the name of a function."""
_R4 = models["r4"]


@dataclass(frozen=True, slots=True)
class Step:
    """``name`` of an element or function; ``argument`` None for an element."""

    name: str
    argument: str | None = None
    index: int | None = None
    """An ``[index]``; then there is no name."""


@lru_cache(maxsize=256)
def steps(text: str) -> tuple[Step, ...]:
    """Read a path. Raises BadRequestError that says what a path may hold."""
    if not text or len(text) > LONGEST:
        raise _unreadable("a path has between 1 and 1000 characters")
    found: list[Step] = []
    position = 0
    while position < len(text):
        if found and text[position] == "[":
            index = _INDEX(text, position)
            if index is None:
                raise _unreadable("between [ and ] stands a number")
            found.append(Step("", index=int(index[1])))
            position = index.end()
            continue
        if found:
            if text[position] != ".":
                raise _unreadable("elements are joined by a dot")
            position += 1
        name = _NAME(text, position)
        if name is None:
            raise _unreadable("an element's name is missing")
        position = name.end()
        if text[position : position + 1] == "(":
            end = _closing(text, position)
            found.append(_function(name[0], text[position + 1 : end].strip()))
            position = end + 1
        else:
            found.append(Step(name[0].strip("`")))
    return tuple(found)


def _unreadable(why: str) -> BadRequestError:
    return BadRequestError(
        f"{why}: a patch path is a chain of elements, [index] and {', '.join(FUNCTIONS)}",
        code="value",
    )


def _closing(text: str, start: int) -> int:
    """Return where the bracket that opens at ``start`` closes, strings left aside."""
    level = 0
    for each in re.finditer(r"'(?:[^'\\]|\\.)*'|[()]", text[start:]):
        level += {"(": 1, ")": -1}.get(each[0], 0)
        if level > _DEEPEST:
            raise _unreadable("the brackets are nested too deeply")
        if level == 0:
            return start + each.start()
    raise _unreadable("a bracket is not closed")


def _function(name: str, argument: str) -> Step:
    if name not in FUNCTIONS:
        raise _unreadable(f"{name}() is not possible")
    if name in {"first", "last", "single"} and argument:
        raise _unreadable(f"{name}() takes nothing")
    if name in {"ofType", "as", "extension", "where"} and not argument:
        raise _unreadable(f"{name}() needs an argument")
    if name == "extension":
        quoted = _STRING(argument)
        if quoted is None:
            raise _unreadable("extension() takes a URL in quotes")
        argument = quoted[1] or quoted[2] or ""
    if name == "where":
        plain = _QUOTED.sub("''", argument)
        for called in _CALLED(plain):
            if called not in IN_CRITERIA | {"and", "or", "xor", "implies", "in"}:
                raise _unreadable(f"{called}() is not possible in where()")
        if set(plain) & _UNUSUAL:
            raise _unreadable("where() compares elements with plain values")
    return Step(name, argument)


def meets(value: Any, kind: str, criteria: str) -> bool:
    """Say whether a value meets the criteria of a ``where``."""
    if value is None:
        return False
    try:
        found = fhirpathpy.evaluate(value, {"base": kind, "expression": criteria}, {}, _R4)
    except Exception as error:
        # The library raises whatever its parser or a function meets, plain Exception too.
        raise _unreadable("the criteria of where() cannot be evaluated") from error
    return found == [True]
