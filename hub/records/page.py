"""One page of search results."""

from dataclasses import dataclass

from fhir.search.criteria import Query
from hub.records.record import Record


@dataclass(frozen=True, slots=True)
class Page:
    """What a search found, and where the next page begins."""

    query: Query
    records: tuple[Record, ...]
    included: tuple[Record, ...] = ()
    total: int | None = None
    """None where it was not asked for (``_total=none``)."""
    estimated: bool = False
    """The budget for counting was spent: ``total`` is an estimate."""
    next: str | None = None
    """The ``_cursor`` of the next page; None on the last."""

    @property
    def self_params(self) -> tuple[tuple[str, str], ...]:
        """The parameters that were used: what the self link shows."""
        return self.query.used
