"""Criteria of a search -> conditions on the rows of a record table.

One module for each family of kinds: criteria_keys (token, reference, uri), criteria_values
(string, quantity ...), criteria_dates, criteria_links (chain, reverse chain, composite).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

from fhir.search import criteria as kinds
from fhir.search.criteria import Criterion, DateCriterion, StringCriterion
from hub.domain.actor import Actor
from hub.records import (
    access,
    criteria_dates,
    criteria_keys,
    criteria_links,
    criteria_terms,
    criteria_values,
)
from hub.records.sql import Sql, all_of, any_of
from hub.records.tables import TABLES


@dataclass(frozen=True)
class Scope:
    """Whose search it is, of which type, and how its table is called in the statement."""

    actor: Actor
    type: str
    alias: str = "t"
    aliases: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def table(self) -> str:
        return TABLES[self.type].name

    def inner(self, resource_type: str) -> "Scope":
        """Return a scope for a table inside this statement."""
        return Scope(self.actor, resource_type, f"r{next(self.aliases)}", self.aliases)

    def where(self, criteria: Iterable[Criterion]) -> Sql:
        """Return the whole condition: alive, visible to the actor, and every criterion."""
        seen, params = access.predicate(self.actor, self.alias)
        parts = [Sql(f"NOT {self.alias}.deleted")]
        if seen != "TRUE":
            parts.append(Sql(seen, tuple(params)))
        return all_of([*self.conditions(criteria), *parts])

    def conditions(self, criteria: Iterable[Criterion]) -> list[Sql]:
        required: list[int] = []
        begun: list[StringCriterion] = []
        days: list[DateCriterion] = []
        found: list[Sql] = []
        for criterion in criteria:
            key = criteria_keys.single_key(self, criterion)
            if key is not None:
                required.append(key)
            elif criteria_values.begins(criterion):
                begun.append(criterion)
            elif criteria_dates.is_one_day(criterion, self):
                days.append(criterion)
            else:
                found.append(self.condition(criterion))
        if begun and len(begun) + len(days) > 1:
            found.append(criteria_values.ranged(self, begun, days))
        else:
            found += map(self.condition, days)
            found += map(self.condition, begun)
        if required:
            # One containment of all: GIN then reads the rarest key first and skips in the others.
            found.insert(0, Sql(f"{self.alias}.idx @> %s::bigint[]", (required,)))
        return found

    def condition(self, criterion: Criterion) -> Sql:
        match criterion:
            case kinds.TokenCriterion():
                return criteria_keys.token(self, criterion)
            case kinds.OfTypeCriterion():
                return criteria_keys.of_type(self, criterion)
            case kinds.ReferenceCriterion():
                return criteria_keys.reference(self, criterion)
            case kinds.IdentifierCriterion():
                return criteria_keys.identifier(self, criterion)
            case kinds.UriCriterion():
                return criteria_keys.uri(self, criterion)
            case kinds.StringCriterion():
                return criteria_values.string(self, criterion)
            case kinds.DateCriterion():
                return criteria_dates.date(self, criterion)
            case kinds.QuantityCriterion():
                return criteria_values.quantity(self, criterion)
            case kinds.IdCriterion():
                return Sql(f"{self.alias}.id = ANY(%s::text[])", (list(criterion.values),))
            case kinds.MissingCriterion():
                return criteria_values.missing(self, criterion)
            case kinds.TextCriterion():
                return criteria_values.words(self, criterion)
            case kinds.NearCriterion():
                return criteria_values.near(self, criterion)
            case kinds.CompositeCriterion():
                return criteria_links.composite(self, criterion)
            case kinds.ListCriterion():
                return criteria_links.listed(self, criterion)
            case kinds.HierarchyCriterion():
                return criteria_links.hierarchy(self, criterion)
            case kinds.CanonicalCriterion():
                return criteria_keys.canonical(self, criterion)
            case kinds.AllCriterion():
                return all_of(map(self.condition, criterion.inner))
            case kinds.AnyCriterion():
                return any_of(map(self.condition, criterion.inner))
            case kinds.NotCriterion():
                # A condition on a column that is NULL is neither true nor false: it does not hold.
                inner = self.condition(criterion.inner)
                return Sql(f"({inner.text}) IS NOT TRUE", inner.params)
            case kinds.ChainCriterion():
                return criteria_links.chain(self, criterion)
            case kinds.HasCriterion():
                return criteria_links.has(self, criterion)
            case kinds.ValueSetCriterion():
                return criteria_keys.token(self, criteria_terms.in_value_set(self, criterion))
            case kinds.SubsumptionCriterion():
                return criteria_keys.token(self, criteria_terms.by_hierarchy(self, criterion))
