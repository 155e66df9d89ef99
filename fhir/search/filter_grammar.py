"""The grammar of ``_filter`` -> a tree. https://hl7.org/fhir/R4/search_filter.html.

``and`` and ``or`` have no precedence: they are taken from left to right, as R4 says.
"""

import json
import re
from dataclasses import dataclass

from fhir.outcomes import BadRequestError

OPERATORS = (
    *("eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le", "ap"),
    *("sa", "eb", "pr", "po", "ss", "sb", "in", "ni", "re"),
)

_DEEPEST = 20
_MOST = 100
"""Comparisons in one filter: each is a condition of the statement."""

_SPACE = re.compile(r"\s*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WORD = re.compile(r"[a-z]+(?=[\s(]|$)")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_TOKEN = re.compile(r"[^\s\])]+")


@dataclass(frozen=True, slots=True)
class Step:
    """A name of a path, and the filter in brackets after it."""

    name: str
    filter: "Node | None" = None


@dataclass(frozen=True, slots=True)
class Comparison:
    path: tuple[Step, ...]
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Both:
    """``and`` or ``or``."""

    word: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Negation:
    inner: "Node"


Node = Comparison | Both | Negation


def read(text: str) -> Node:
    """Return the tree of a filter. Raises BadRequestError, which says where it stopped."""
    reader = _Reader(text)
    found = reader.logical(0)
    if not reader.at_end():
        raise reader.error("and, or, or the end")
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._comparisons = 0
        self._skip_space()

    def error(self, expected: str) -> BadRequestError:
        return BadRequestError(
            f"_filter: expected {expected} at character {self._place + 1}", code="value"
        )

    def at_end(self) -> bool:
        return self._place == len(self._text)

    def logical(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise BadRequestError(
                f"_filter: parentheses are nested more than {_DEEPEST} deep", code="too-costly"
            )
        left = self._term(depth)
        while (word := self._word()) in {"and", "or"}:
            self._take(word)
            left = Both(word, left, self._term(depth))
        return left

    def _term(self, depth: int) -> Node:
        if self._word() == "not":
            before = self._place
            self._take("not")
            if self._next() == "(":
                return Negation(self._bracketed("(", ")", depth))
            # A parameter may be called so.
            self._place = before
        if self._next() == "(":
            return self._bracketed("(", ")", depth)
        return self._comparison(depth)

    def _bracketed(self, opening: str, closing: str, depth: int) -> Node:
        self._take(opening)
        inner = self.logical(depth + 1)
        if self._next() != closing:
            raise self.error(f"and, or, or {closing}")
        self._take(closing)
        return inner

    def _comparison(self, depth: int) -> Comparison:
        self._comparisons += 1
        if self._comparisons > _MOST:
            raise BadRequestError(
                f"_filter: it has more than {_MOST} comparisons", code="too-costly"
            )
        path = [self._step(depth)]
        while self._next() == ".":
            self._take(".")
            path.append(self._step(depth))
        if path[-1].filter is not None:
            raise self.error(". and a name after the brackets")
        operator = self._word()
        if operator not in OPERATORS:
            raise self.error(f"one of the operators {', '.join(OPERATORS)}")
        self._take(operator)
        return Comparison(tuple(path), operator, self._value())

    def _step(self, depth: int) -> Step:
        name = _NAME.match(self._text, self._place)
        if name is None:
            raise self.error("a search parameter, not (...) or (...)")
        self._place = name.end()
        if self._next() != "[":
            self._skip_space()
            return Step(name[0])
        return Step(name[0], self._bracketed("[", "]", depth))

    def _value(self) -> str:
        if self._next() == '"':
            found = _STRING.match(self._text, self._place)
            try:
                value = json.loads(found[0]) if found else None
            except ValueError:
                value = None
            if found is None or value is None:
                raise self.error("a JSON string")
        else:
            found = _TOKEN.match(self._text, self._place)
            if found is None:
                raise self.error("a value")
            value = found[0]
        if not value:
            raise self.error("a value that is not empty")
        self._place = found.end()
        self._skip_space()
        return str(value)

    def _next(self) -> str:
        return self._text[self._place : self._place + 1]

    def _word(self) -> str:
        found = _WORD.match(self._text, self._place)
        return found[0] if found else ""

    def _take(self, text: str) -> None:
        self._place += len(text)
        self._skip_space()

    def _skip_space(self) -> None:
        found = _SPACE.match(self._text, self._place)
        if found:
            self._place = found.end()
