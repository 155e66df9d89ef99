"""Resource -> index values: what the search parameters of R4 find it by.

``index(resource)`` is on the path of every write: plain dict walking over paths that the registry
resolved beforehand, no FHIRPath engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

DateRange = tuple[datetime | None, datetime | None]
"""Half-open: from the first instant to before the second; None where it is open."""


@dataclass(frozen=True, slots=True)
class QuantityRange:
    parameter: str
    lo: Decimal
    hi: Decimal
    unit: str
    """``system|code``, or the unit as written where there is no code."""
    companion: tuple[str, ...] = ()
    """Keys of the other half of a composite, such as the code of the same component."""


@dataclass(frozen=True, slots=True)
class IndexEntries:
    """Everything a resource is found by."""

    keys: tuple[str, ...] = ()
    """Token, reference, uri and composite keys: fhir/search/keys.py. To be hashed."""
    strings: tuple[tuple[str, str], ...] = ()
    """(parameter, normalised value), each part once."""
    dates: Mapping[str, tuple[DateRange, ...]] = field(default_factory=dict)
    quantities: tuple[QuantityRange, ...] = ()
    patient: str | None = None
    """Id of the Patient whose compartment it is in (of a Patient: its own id)."""
    present: int = 0
    """Bit ``SearchParameter.bit`` is set where the resource has a value for that parameter."""


def index(resource: Mapping[str, Any], *, without: frozenset[str] = frozenset()) -> IndexEntries:
    """Return the index values of a valid resource of a supported type.

    ``without`` names token and reference parameters that have a column of their own, so that
    their keys are not made.
    """
    raise NotImplementedError(resource, without)
