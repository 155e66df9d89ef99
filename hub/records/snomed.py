"""SNOMED CT as a code system, over the rows of the release in use.

Implicit value sets: https://hl7.org/fhir/R4/snomedct.html#implicit
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from fhir.outcomes import NotFoundError
from fhir.terminology import CodeSystem, Concept, Designation, Filter, Property, Selection
from fhir.terminology.ecl import Reach
from hub.db import driver
from hub.records import (
    snomed_membership,
    snomed_sets,
    snomed_tables,  # noqa: F401 - declares the tables that are read here
)
from hub.records.snomed_sets import SNOMED
from hub.records.sql import Sql

_FULLY_SPECIFIED = {"system": SNOMED, "code": "900000000000003001"}
_SYNONYM = {"system": SNOMED, "code": "900000000000013009"}
_IMPLICIT = "?fhir_vs"
_FEW_NAMED = 2_000
"""Concepts that are walked from upwards in less time than a wide subtree is listed."""


def fetch(sql: Sql) -> list[Any]:
    with driver() as connection:
        return connection.execute(sql.text.encode(), sql.params, prepare=True).fetchall()


class SnomedCodeSystem:
    """The release in use."""

    url = SNOMED
    name = "SNOMED CT"
    complete = True
    # With several parents for most concepts there is no one tree to show.
    hierarchical = False

    def __init__(self, release: int, version: str) -> None:
        self._release = release
        self.version: str | None = version

    def concept(self, code: str) -> Concept | None:
        return self.concepts([code]).get(code)

    def concepts(self, codes: Collection[str]) -> Mapping[str, Concept]:
        ids = _numbers(codes)
        if not ids:
            return {}
        rows = fetch(
            Sql(
                "SELECT id, active, defined, module FROM snomed_concept"
                " WHERE release = %s AND id = ANY(%s::bigint[])",
                (self._release, ids),
            )
        )
        terms: dict[int, list[tuple[bool, str, str]]] = {}
        for concept_id, full, language, term in fetch(
            Sql(
                "SELECT concept_id, full_name, language, term FROM snomed_description"
                " WHERE release = %s AND concept_id = ANY(%s::bigint[])"
                " ORDER BY full_name, rank, id",
                (self._release, ids),
            )
        ):
            terms.setdefault(concept_id, []).append((full, language, term))
        found = {
            str(number): _concept(number, terms.get(number, ()), tuple(marks))
            for number, *marks in rows
        }
        return {code: found[code] for code in codes if code in found}

    def select(self, wanted: Selection) -> Sequence[Concept]:
        limit = (wanted.limit if wanted.limit is not None else 1_000_000) + 1
        found = self._selected(wanted.filters, wanted.text, limit)
        if len(found) == limit:
            # Too many: nobody looks at their words.
            return [Concept(str(number)) for number in found]
        return list(self.concepts([str(number) for number in found]).values())

    def _selected(self, filters: Sequence[Filter], text: str | None, limit: int) -> list[int]:
        """Return the ids of a selection, by the way that is cheapest for it."""
        if text and filters and snomed_sets.in_use(filters).text != "TRUE":
            # Few words are called so mostly: then only those are looked for in the hierarchy.
            named = fetch(snomed_sets.selected(self._release, (), text, _FEW_NAMED + 1))
            if len(named) <= _FEW_NAMED:
                ids = [number for (number,) in named]
                rows = fetch(snomed_membership.held(self._release, ids, filters))
                return sorted(number for (number,) in rows)[:limit]
        elif not text:
            walk = snomed_sets.subtree(self._release, filters, limit)
            rows = fetch(walk) if walk is not None else []
            if len(rows) == limit:
                return [number for (number,) in rows]
        rows = fetch(snomed_sets.selected(self._release, filters, text, limit))
        return [number for (number,) in rows]

    def holding(self, codes: Collection[str], filters: Sequence[Filter]) -> set[str]:
        ids = _numbers(codes)
        if not ids:
            return set()
        return {
            str(number) for (number,) in fetch(snomed_membership.held(self._release, ids, filters))
        }

    def parents(self, code: str) -> Sequence[str]:
        return self._reached(Reach.PARENTS, code)

    def children(self, code: str) -> Sequence[str]:
        return self._reached(Reach.CHILDREN, code)

    def ancestors(self, code: str) -> set[str]:
        return set(self._reached(Reach.ANCESTORS, code))

    def descendants(self, code: str, limit: int) -> Sequence[str]:
        return self._reached(Reach.DESCENDANTS, code, limit + 1)

    def _reached(self, reach: Reach, code: str, limit: int | None = None) -> list[str]:
        if (number := snomed_sets.known(code)) is None:
            return []
        walk = snomed_sets.reached(self._release, reach, Sql("SELECT %s::bigint AS id", (number,)))
        end = "" if limit is None else f" LIMIT {limit}"
        rows = fetch(Sql(f"SELECT id FROM ({walk.text}) w ORDER BY id{end}", walk.params))
        return [str(found) for (found,) in rows]


def _numbers(codes: Iterable[str]) -> list[int]:
    return [number for code in codes if (number := snomed_sets.known(code)) is not None]


def _concept(
    number: int, terms: Sequence[tuple[bool, str, str]], marks: tuple[bool, bool, int]
) -> Concept:
    """Build a concept: its display is the preferred term, its full name a designation."""
    active, defined, module = marks
    return Concept(
        code=str(number),
        display=terms[0][2] if terms else None,
        designations=tuple(
            Designation(term, language, _FULLY_SPECIFIED if full else _SYNONYM)
            for full, language, term in terms
        ),
        properties=(
            Property("inactive", "valueBoolean", not active),
            Property("sufficientlyDefined", "valueBoolean", defined),
            Property("moduleId", "valueCode", str(module)),
        ),
        inactive=not active,
    )


class SnomedHoldings:
    """Holdings: the release in use, and the value sets that its urls imply."""

    def code_system(self, url: str, version: str | None) -> CodeSystem | None:
        return release(version) if url == SNOMED else None

    def value_set(self, url: str, version: str | None) -> Mapping[str, Any] | None:
        if not url.startswith(SNOMED) or _IMPLICIT not in url or version is not None:
            return None
        edition, _, what = url.partition(_IMPLICIT)
        named = None if edition == SNOMED else edition
        include: dict[str, Any] = {"system": SNOMED}
        if named is not None:
            include["version"] = named
        if release(named) is None:
            raise NotFoundError(f"the code system {edition} is not held here")
        filters = _implied(what)
        if filters is None:
            return None
        if filters:
            include["filter"] = filters
        return {
            "resourceType": "ValueSet",
            "url": url,
            "status": "active",
            "compose": {"include": [include]},
        }


def _implied(what: str) -> list[dict[str, str]] | None:
    """Return the filters that ``?fhir_vs...`` means; None: it means nothing."""
    kind, _, value = what.removeprefix("=").partition("/")
    match kind, value:
        case "", "":
            return []
        case "isa", number if number:
            return [{"property": "concept", "op": "is-a", "value": number}]
        case "refset", "":
            # Every concept that has members: the reference sets themselves.
            return [{"property": "constraint", "op": "=", "value": "< 900000000000455006"}]
        case "refset", number:
            return [{"property": "concept", "op": "in", "value": number}]
        case "ecl", text if text:
            return [{"property": "constraint", "op": "=", "value": unquote(text)}]
        case _:
            return None


def release(version: str | None) -> SnomedCodeSystem | None:
    """Return the release in use, where it is the one (edition, or edition and date) named."""
    rows = fetch(Sql("SELECT id, version FROM snomed_release WHERE active"))
    for number, held in rows:
        if version is None or held == version or held.startswith(f"{version}/version/"):
            return SnomedCodeSystem(number, held)
    return None
