"""Filters of ``ValueSet.compose``: which codes of a code system are meant by their properties.

https://hl7.org/fhir/R4/valueset-filter-operator.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fhir.outcomes import UnprocessableError

OPERATORS = (
    "=",
    "is-a",
    "descendent-of",
    "is-not-a",
    "regex",
    "in",
    "not-in",
    "generalizes",
    "exists",
)


@dataclass(frozen=True, slots=True)
class Filter:
    property: str
    op: str
    value: str

    def __str__(self) -> str:
        return f"{self.property} {self.op} {self.value}"

    def listed(self) -> tuple[str, ...]:
        """Return the values of ``in`` and ``not-in``."""
        return tuple(part.strip() for part in self.value.split(",") if part.strip())


@dataclass(frozen=True, slots=True)
class Selection:
    """Which concepts of a code system are wanted: those that meet every filter."""

    filters: tuple[Filter, ...] = ()
    text: str | None = None
    """Words that the concept is called by, each at least begun."""
    limit: int | None = None
    """More than this are not needed: the code system may stop at one more."""


def filters_of(include: Mapping[str, Any]) -> tuple[Filter, ...]:
    """Read the filters of an include or exclude."""
    found = []
    for each in include.get("filter", ()):
        if not {"property", "op", "value"} <= each.keys():
            raise UnprocessableError(
                "a filter has a property, an operator and a value", code="processing"
            )
        if each["op"] not in OPERATORS:
            raise UnprocessableError(
                f"{each['op']} is no filter operator; valid ones are {', '.join(OPERATORS)}",
                code="not-supported",
            )
        found.append(Filter(each["property"], each["op"], each["value"]))
    return tuple(found)


def unsupported(system: str, wanted: Filter) -> UnprocessableError:
    """Make the error for a filter that a code system cannot answer: R4 asks to say so."""
    return UnprocessableError(
        f"the filter {wanted.property} {wanted.op} is not known for the code system {system}",
        code="not-supported",
    )


def unknown_code(system: str, code: str) -> UnprocessableError:
    return UnprocessableError(
        f"the code system {system} has no code {code}, which a filter names", code="code-invalid"
    )
