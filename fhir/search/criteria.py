"""What a search asks for, parsed: one dataclass for each kind of criterion.

Several values of one criterion are alternatives; several criteria must all hold.
https://hl7.org/fhir/R4/search.html
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from fhir.registry.search_parameters import SearchParameter


class Prefix(StrEnum):
    EQ = "eq"
    NE = "ne"
    GT = "gt"
    LT = "lt"
    GE = "ge"
    LE = "le"
    SA = "sa"
    EB = "eb"
    AP = "ap"


class Relation(StrEnum):
    """Comparisons that only ``_filter`` has: https://hl7.org/fhir/R4/search_filter.html#ops."""

    OVERLAPS = "po"
    INCLUDES = "co"
    """The stored date or number, with its precision, includes the value."""


@dataclass(frozen=True, slots=True)
class TokenValue:
    system: str | None
    """None: any; empty: the token has no system."""
    code: str | None
    """None: any of the system."""


@dataclass(frozen=True, slots=True)
class TokenCriterion:
    parameter: SearchParameter
    values: tuple[TokenValue, ...]
    modifier: str | None = None
    """``not``; ``ne`` of ``_filter``: a token that is none of the values; or None."""


@dataclass(frozen=True, slots=True)
class ValueSetCriterion:
    """A token in a value set, or in none of them."""

    parameter: SearchParameter
    references: tuple[str, ...]
    """Canonical urls, or ``ValueSet/id``."""
    modifier: str
    """``in`` or ``not-in``."""


@dataclass(frozen=True, slots=True)
class SubsumptionCriterion:
    """A token above or below others in the hierarchy of its code system."""

    parameter: SearchParameter
    values: tuple[TokenValue, ...]
    """Each with its system and its code."""
    modifier: str
    """``above`` or ``below``."""


@dataclass(frozen=True, slots=True)
class OfTypeCriterion:
    """``:of-type``: (system, code, value) of an identifier's type and its value."""

    parameter: SearchParameter
    values: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class ReferenceCriterion:
    parameter: SearchParameter
    values: tuple[str, ...]
    """``Type/id``, a bare id, or an absolute address."""
    type: str | None = None
    """The type that the modifier named."""


@dataclass(frozen=True, slots=True)
class HierarchyCriterion:
    """``:below`` and ``:above`` of a reference: a record, and those that it is part of or has."""

    parameter: SearchParameter
    values: tuple[str, ...]
    """``Type/id``."""
    below: bool


@dataclass(frozen=True, slots=True)
class CanonicalCriterion:
    """``:below`` and ``:above`` of a canonical: ``url|1`` and its finer or coarser versions."""

    parameter: SearchParameter
    values: tuple[str, ...]
    below: bool


@dataclass(frozen=True, slots=True)
class IdentifierCriterion:
    """``:identifier``: the identifier inside a reference."""

    parameter: SearchParameter
    values: tuple[TokenValue, ...]


@dataclass(frozen=True, slots=True)
class StringCriterion:
    parameter: SearchParameter
    values: tuple[str, ...]
    modifier: str | None = None
    """``exact``, ``contains``, ``text``, None: begins with; of ``_filter`` also ``ew`` and the
    comparisons ``eq ne gt lt ge le``."""


@dataclass(frozen=True, slots=True)
class UriCriterion:
    parameter: SearchParameter
    values: tuple[str, ...]
    modifier: str | None = None
    """``above``, ``below`` or None."""


@dataclass(frozen=True, slots=True)
class DateValue:
    prefix: Prefix | Relation
    lo: datetime | None
    hi: datetime | None
    """Half-open; None at the ends of the calendar."""


@dataclass(frozen=True, slots=True)
class DateCriterion:
    parameter: SearchParameter
    values: tuple[DateValue, ...]


@dataclass(frozen=True, slots=True)
class QuantityValue:
    prefix: Prefix | Relation
    value: Decimal
    lo: Decimal
    hi: Decimal
    """What the number stands for with the precision it is written in."""
    system: str | None = None
    code: str | None = None
    """Code or unit; None: any."""


@dataclass(frozen=True, slots=True)
class QuantityCriterion:
    """A number or a quantity."""

    parameter: SearchParameter
    values: tuple[QuantityValue, ...]


@dataclass(frozen=True, slots=True)
class CompositeCriterion:
    parameter: SearchParameter
    values: tuple[tuple["Criterion", "Criterion"], ...]
    """Pairs of one-valued criteria, one for each component."""


@dataclass(frozen=True, slots=True)
class MissingCriterion:
    parameter: SearchParameter
    missing: bool


@dataclass(frozen=True, slots=True)
class ChainCriterion:
    """A criterion on what a reference points to; one for each type that it may point to."""

    parameter: SearchParameter
    inner: tuple[tuple[str, "Criterion"], ...]


@dataclass(frozen=True, slots=True)
class HasCriterion:
    """A criterion on resources of another type that refer to this one."""

    type: str
    reference: SearchParameter
    inner: "Criterion"


@dataclass(frozen=True, slots=True)
class IdCriterion:
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListCriterion:
    """``_list``: what the Lists with these ids name."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AllCriterion:
    inner: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True)
class AnyCriterion:
    inner: tuple["Criterion", ...]


@dataclass(frozen=True, slots=True)
class NotCriterion:
    inner: "Criterion"


@dataclass(frozen=True, slots=True)
class TextCriterion:
    """``_text`` and ``_content``: words in the narrative, or anywhere."""

    parameter: SearchParameter
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NearCriterion:
    """``near``: latitude, longitude, and the distance in kilometres."""

    parameter: SearchParameter
    values: tuple[tuple[Decimal, Decimal, Decimal], ...]


Criterion = (
    TokenCriterion
    | ValueSetCriterion
    | SubsumptionCriterion
    | OfTypeCriterion
    | ReferenceCriterion
    | HierarchyCriterion
    | CanonicalCriterion
    | IdentifierCriterion
    | StringCriterion
    | UriCriterion
    | DateCriterion
    | QuantityCriterion
    | CompositeCriterion
    | MissingCriterion
    | ChainCriterion
    | HasCriterion
    | IdCriterion
    | ListCriterion
    | AllCriterion
    | AnyCriterion
    | NotCriterion
    | TextCriterion
    | NearCriterion
)


@dataclass(frozen=True, slots=True)
class SortKey:
    parameter: SearchParameter
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Include:
    """``_include`` or ``_revinclude``."""

    source: str
    """The type that holds the reference."""
    parameter: SearchParameter | None
    """None: every reference parameter of the source (``*``)."""
    target: str | None = None
    reverse: bool = False
    iterate: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A whole search of one type."""

    type: str
    criteria: tuple[Criterion, ...] = ()
    sort: tuple[SortKey, ...] = ()
    count: int = 20
    includes: tuple[Include, ...] = ()
    total: str | None = None
    """``none``, ``estimate``, ``accurate`` or None: the server's own choice."""
    summary: str | None = None
    elements: tuple[str, ...] = ()
    cursor: str | None = None
    used: tuple[tuple[str, str], ...] = ()
    """The parameters that were understood, as they came: what the self link shows."""
