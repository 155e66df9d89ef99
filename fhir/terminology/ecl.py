"""A part of the SNOMED CT Expression Constraint Language, parsed: hierarchy, reference sets, sets.

``< << <! > >> >!`` before a concept, ``^`` for the members of a reference set, ``*``, brackets,
``AND`` (or a comma), ``OR``, ``MINUS``, terms between pipes. Refinements (``:``) are not known
here: attribute relationships are not kept. https://confluence.ihtsdotools.org/display/DOCECL
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from fhir.outcomes import UnprocessableError
from fhir.terminology.sctid import is_valid

LONGEST = 4_000
_DEEPEST = 20


class Reach(StrEnum):
    SELF = ""
    DESCENDANTS = "<"
    DESCENDANTS_OR_SELF = "<<"
    CHILDREN = "<!"
    ANCESTORS = ">"
    ANCESTORS_OR_SELF = ">>"
    PARENTS = ">!"


class SetOperator(StrEnum):
    AND = "AND"
    OR = "OR"
    MINUS = "MINUS"


@dataclass(frozen=True, slots=True)
class Focus:
    """One concept, or every one (None)."""

    concept: str | None


@dataclass(frozen=True, slots=True)
class Members:
    """The members of the reference sets that ``of`` names."""

    of: "Expression"


@dataclass(frozen=True, slots=True)
class Reached:
    reach: Reach
    of: "Expression"


@dataclass(frozen=True, slots=True)
class Combined:
    operator: SetOperator
    parts: tuple["Expression", ...]


Expression = Focus | Members | Reached | Combined

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<comment>/\*.*?\*/)
      | (?P<reach><<|<!|<|>>|>!|>)
      | (?P<word>(?i:AND|OR|MINUS)\b|,)
      | (?P<id>\d+)
      | (?P<term>\|[^|]*\|)
      | (?P<sign>[\^*()])
    )""",
    re.VERBOSE | re.DOTALL,
)


def parse(text: str) -> Expression:
    """Read an expression. Raises UnprocessableError saying where it cannot be read."""
    if len(text) > LONGEST:
        raise UnprocessableError(
            f"an expression constraint has at most {LONGEST} characters", code="too-costly"
        )
    return _Reader(text).whole()


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str, int]] = []
        at = 0
        end = len(text.rstrip())
        while at < end:
            found = _TOKEN.match(text, at)
            if found is None:
                raise _wrong(at, text[at : at + 10].strip() or text[at])
            kind = str(found.lastgroup)
            if kind != "comment":
                self._tokens.append((kind, found[kind], found.start(kind)))
            at = found.end()
        self._tokens.append(("end", "", end))
        self._at = 0
        self._depth = 0

    def whole(self) -> Expression:
        found = self._combined()
        kind, value, at = self._tokens[self._at]
        if kind != "end":
            raise _wrong(at, value)
        return found

    def _peek(self) -> tuple[str, str]:
        kind, value, _ = self._tokens[self._at]
        return kind, value

    def _take(self) -> tuple[str, str, int]:
        found = self._tokens[self._at]
        self._at += found[0] != "end"
        return found

    def _combined(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise UnprocessableError(
                f"an expression constraint is nested more than {_DEEPEST} deep", code="too-costly"
            )
        parts = [self._simple()]
        operator: SetOperator | None = None
        while self._peek()[0] == "word":
            _, word, at = self._take()
            wanted = SetOperator.AND if word == "," else SetOperator(word.upper())
            if operator is not None and (wanted is not operator or wanted is SetOperator.MINUS):
                raise _wrong(at, f"{word}: brackets say what belongs together")
            operator = wanted
            parts.append(self._simple())
        self._depth -= 1
        return parts[0] if operator is None else Combined(operator, tuple(parts))

    def _simple(self) -> Expression:
        kind, value = self._peek()
        if kind == "reach":
            self._take()
            return Reached(Reach(value), self._membership())
        return self._membership()

    def _membership(self) -> Expression:
        if self._peek() == ("sign", "^"):
            self._take()
            return Members(self._focus())
        return self._focus()

    def _focus(self) -> Expression:
        kind, value, at = self._take()
        if (kind, value) == ("sign", "*"):
            return Focus(None)
        if (kind, value) == ("sign", "("):
            found = self._combined()
            kind, value, at = self._take()
            if (kind, value) != ("sign", ")"):
                raise _wrong(at, value)
            return found
        if kind != "id" or not is_valid(value):
            raise _wrong(at, value)
        if self._peek()[0] == "term":
            self._take()
        return Focus(value)


def _wrong(at: int, what: str) -> UnprocessableError:
    return UnprocessableError(
        f"the expression constraint cannot be read at character {at + 1}: {what or 'it ends'}",
        code="not-supported",
    )
