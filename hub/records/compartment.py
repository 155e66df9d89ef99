"""Everything about one person or one encounter: their compartment, and what it refers to.

One statement reads a compartment (a SELECT by the column ``patient_id`` a type, planned once and
prepared), one more what its texts refer to. https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from fhir.outcomes import GoneError, NotFoundError
from fhir.registry.search_parameters import patient_parameters, search_parameters
from fhir.registry.types import SUPPORTED_TYPES
from fhir.search import keys
from fhir.search.keys import hashed
from fhir.search.mentions import mentioned
from hub import db
from hub.domain.actor import Actor, ActorKind
from hub.domain.scopes import permits
from hub.records import access, spool
from hub.records.care_dates import during
from hub.records.reading import fetch
from hub.records.relationships import NO_PARTY
from hub.records.row import BEGINNING, END, NOBODY_HERE
from hub.records.tables import TABLES

WHOLE = 5000
"""Records that come in one answer where no page size was asked for; more come in pages."""

_OWNER = -1
"""The rank of the Patient or Encounter itself: before everything else."""
_ELSEWHERE = -2
"""The rank of a row that names a record by reference (``compartments`` in relationships)."""

Ranked = dict[int, set[str]]
"""Rank -> ids."""
Position = tuple[int, str]
"""Rank and id of the last record of a page."""
BEFORE_ALL: Position = (_OWNER - 1, "")
AFTER_ALL: Position = (len(SUPPORTED_TYPES), "")


class Entry(NamedTuple):
    """A record as it is given away."""

    rank: int
    id: str
    version: int
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a compartment is wanted."""

    types: frozenset[str] | None = None
    since: datetime | None = None
    start: datetime | None = None
    end: datetime | None = None
    """Care between ``start`` and before ``end``."""
    count: int | None = None
    """The size of a page; None: everything at once."""
    after: Position = BEFORE_ALL

    def wants(self, resource_type: str) -> bool:
        return self.types is None or resource_type in self.types


PLAIN = Asked()


@dataclass(frozen=True, slots=True)
class Compartment:
    """One page: what is in the compartment, and what that refers to outside."""

    type: str
    matches: Sequence[Entry]
    included: Sequence[Entry]
    next: Position | None = None

    def type_of(self, entry: Entry) -> str:
        return self.type if entry.rank == _OWNER else SUPPORTED_TYPES[entry.rank]


def of_patient(actor: Actor, patient_id: str, asked: Asked = PLAIN) -> Compartment:
    """Return the compartment of a Patient. Raises NotFoundError, GoneError, ForbiddenError."""
    access.authorise(actor, "read", "Patient")
    types = _readable(actor, PATIENT_TYPES, asked.types)
    if asked is PLAIN and actor.kind is not ActorKind.PERSON:
        rows = _rows(statement(types, whole=True), {"p": patient_id, "n": WHOLE + 1})
        owner = next((row for row in rows if row.rank == _OWNER), None)
        if owner is None:
            raise NotFoundError(f"Patient/{patient_id} is not here")
        if not owner.text:
            raise GoneError(f"Patient/{patient_id} was deleted")
        if len(rows) <= WHOLE:
            rows.sort()
            others = [row.id for row in rows if row.rank == _ELSEWHERE]
            matches = rows[len(others) :]
            if others:
                ranked = _ranked(others, (*types, "Patient"))
                matches = sorted((*matches, *_named(actor, ranked, _Terms())))
            spool.looked(actor, "everything", f"Patient/{patient_id}", owner.version)
            brought = _referred(actor, _Whose("Patient", patient_id, owner), matches, _Terms())
            return Compartment("Patient", matches, brought)
    whose, terms = _seen(actor, "Patient", patient_id, asked)
    others = [row.id for row in _rows(_ELSEWHERE_SQL, {"p": patient_id})]
    # Another record of the same person links to this one.
    ranked = _ranked(others, [*types, "Patient"] if asked.wants("Patient") else types)
    return _page(actor, whose, asked, terms, (types, ranked))


def of_encounter(actor: Actor, encounter_id: str, asked: Asked = PLAIN) -> Compartment:
    """Return an Encounter and what refers to it. Raises as ``of_patient``."""
    access.authorise(actor, "read", "Encounter")
    types = _readable(actor, tuple(_ENCOUNTER_CODES), asked.types)
    whose, terms = _seen(actor, "Encounter", encounter_id, asked)
    for code in set(_ENCOUNTER_CODES.values()):
        terms.values[code] = hashed(keys.reference(code, f"Encounter/{encounter_id}"))
    return _page(actor, whose, asked, terms, (types, {}))


def patients_after(actor: Actor, last: str, count: int) -> list[str]:
    """Return the ids of ``count`` Patients whom the actor may see, in order, after ``last``."""
    access.authorise(actor, "search", "Patient")
    condition, bound = access.predicate(actor, "t")
    sql = (
        "SELECT t.id FROM fhir_patient t WHERE t.id > %s AND NOT t.deleted"
        f" AND {condition} ORDER BY t.id LIMIT %s"
    )
    return [record_id for (record_id,) in db.fetch(sql, (last, *bound, count))]


@dataclass(frozen=True, slots=True)
class _Whose:
    """The Patient or Encounter itself."""

    type: str
    patient_id: str | None
    entry: Entry
    shown: bool = True
    """It meets the conditions too."""


@dataclass(frozen=True, slots=True)
class _Terms:
    """The conditions on records of a compartment, as parts of statements and their values."""

    since: bool = False
    dated: bool = False
    types: frozenset[str] | None = None
    values: dict[str, Any] = field(default_factory=dict)


def _seen(actor: Actor, resource_type: str, record_id: str, asked: Asked) -> tuple[_Whose, _Terms]:
    found = fetch(actor, resource_type, record_id, locked=False)
    if found is None:
        raise NotFoundError(f"{resource_type}/{record_id} is not here")
    if found.deleted:
        raise GoneError(f"{resource_type}/{record_id} was deleted")
    spool.looked(actor, "everything", f"{resource_type}/{record_id}", found.version)
    shown = asked.wants(resource_type) and (
        asked.since is None or found.last_updated >= asked.since
    )
    entry = Entry(_OWNER, record_id, found.version, found.content)
    values = {
        "p": found.patient_id,
        "since": asked.since,
        "start": asked.start or BEGINNING,
        "end": asked.end or END,
        "rank": asked.after[0],
        "id": asked.after[1],
        "n": (asked.count or WHOLE) + 1,
    }
    dated = asked.start is not None or asked.end is not None
    terms = _Terms(asked.since is not None, dated, asked.types, values)
    return _Whose(resource_type, found.patient_id, entry, shown), terms


def _page(
    actor: Actor,
    whose: _Whose,
    asked: Asked,
    terms: _Terms,
    among: tuple[tuple[str, ...], Ranked],
) -> Compartment:
    """Read one page in the order of rank and id.

    ``among``: the types to look in, and the records of other people that are about this one too.
    """
    types, elsewhere = among
    limit = asked.count or WHOLE
    found: list[Entry] = [whose.entry] if whose.shown else []
    if types:
        # Every row has the patient_id of the owner, by which alone the predicate decides: who
        # sees the owner sees them all.
        sql = statement(
            types, encounter=whose.type == "Encounter", since=terms.since, dated=terms.dated
        )
        found += _rows(sql, terms.values)
    if elsewhere:
        found += _named(actor, elsewhere, terms)
    matches = sorted(each for each in found if each[:2] > asked.after)
    following = matches[limit - 1][:2] if len(matches) > limit else None
    matches = matches[:limit]
    return Compartment(whose.type, matches, _referred(actor, whose, matches, terms), following)


def _referred(actor: Actor, whose: _Whose, matches: Sequence[Entry], terms: _Terms) -> list[Entry]:
    """Return what the texts refer to outside the compartment, one step, each once.

    Not what is in somebody else's: a record about two people does not open the other's.
    """
    wanted = mentioned(entry.text for entry in matches)
    if whose.type == "Patient" and wanted.get("Patient", set()) - {whose.entry.id}:
        # Another record of the same person.
        wanted["Patient"] &= mentioned([whose.entry.text]).get("Patient", set())
    ranked = {
        rank: ids
        for resource_type, ids in wanted.items()
        if (rank := _RANKS.get(resource_type)) is not None
        and (terms.types is None or resource_type in terms.types)
        and access.allows(actor, "read", resource_type)
    }
    own = _RANKS[whose.type]
    for entry in (whose.entry, *matches):
        rank = own if entry.rank == _OWNER else entry.rank
        if rank in ranked:
            ranked[rank].discard(entry.id)
    ranked = {rank: ids for rank, ids in ranked.items() if ids}
    if not ranked:
        return []
    mine = [NOBODY_HERE]
    if whose.type == "Encounter" and whose.patient_id is not None:
        mine.append(whose.patient_id)
    return sorted(_named(actor, ranked, replace(terms, dated=False), outside=mine))


# Statements --------------------------------------------------------------------------------

_RANKS = {resource_type: rank for rank, resource_type in enumerate(SUPPORTED_TYPES)}

PATIENT_TYPES = tuple(
    name for name in SUPPORTED_TYPES if name != "Patient" and patient_parameters(name)
)


def _encounter_code(resource_type: str) -> str | None:
    """Return the parameter by which a type says in which encounter it came to be."""
    for code in ("encounter", "context"):
        parameter = search_parameters(resource_type).get(code)
        if parameter is not None and "Encounter" in parameter.targets:
            return code
    return None


_ENCOUNTER_CODES = {name: code for name in SUPPORTED_TYPES if (code := _encounter_code(name))}

_ELSEWHERE_SQL = (
    f"SELECT {_ELSEWHERE},source,0,'' FROM relationship"
    f" WHERE patient_id=%(p)s AND party='{NO_PARTY}'"
)


@cache
def _allowed(scopes: frozenset[str], types: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in types if permits(scopes, name, "r"))


def _readable(
    actor: Actor, types: tuple[str, ...], wanted: frozenset[str] | None
) -> tuple[str, ...]:
    if actor.kind is ActorKind.SYSTEM:
        types = _allowed(actor.scopes, types)
    return types if wanted is None else tuple(name for name in types if name in wanted)


@cache
def statement(
    types: tuple[str, ...],
    *,
    whole: bool = False,
    encounter: bool = False,
    since: bool = False,
    dated: bool = False,
) -> str:
    """Return the SELECT of a compartment: its rows are (rank, id, version, text).

    ``whole`` brings the Patient itself too and what must be looked up elsewhere, in no order.
    """
    parts = []
    for name in types:
        part = (
            f"SELECT {_RANKS[name]},id,version,content FROM {TABLES[name].name}"
            " WHERE patient_id=%(p)s AND NOT deleted"
        )
        if encounter:
            part += f" AND idx@>ARRAY[%({_ENCOUNTER_CODES[name]})s]::bigint[]"
        if not whole:
            part += _conditions(name, since=since, dated=dated)
            part = f"({part} AND ({_RANKS[name]},id)>(%(rank)s,%(id)s) ORDER BY id LIMIT %(n)s)"
        parts.append(part)
    if whole:
        owner = f"SELECT {_OWNER},id,version,content FROM fhir_patient WHERE id=%(p)s"
        parts = [owner, _ELSEWHERE_SQL, *parts]
    text = " UNION ALL ".join(parts)
    if not whole:
        text = f"SELECT * FROM ({text}) u ORDER BY 1,2"
    return f"{text} LIMIT %(n)s"


def _conditions(resource_type: str, *, since: bool, dated: bool) -> str:
    return (" AND last_updated>=%(since)s" if since else "") + (
        f" AND {during(resource_type)}" if dated else ""
    )


def _ranked(references: Iterable[str], types: Iterable[str]) -> Ranked:
    """Return references as rank -> ids, those of the given types."""
    found: Ranked = {}
    allowed = set(types)
    for reference in references:
        resource_type, _, record_id = reference.partition("/")
        if resource_type in allowed:
            found.setdefault(_RANKS[resource_type], set()).add(record_id)
    return found


def _named(
    actor: Actor, ranked: Ranked, terms: _Terms, *, outside: Sequence[str] | None = None
) -> list[Entry]:
    """Return records by their ids, as far as the actor may see them.

    ``outside``: only what is in nobody's compartment or in one of these.
    """
    if not ranked:
        return []
    condition, bound = access.predicate(actor, "t")
    given = {**terms.values, "outside": outside}
    given.update((f"a{place}", value) for place, value in enumerate(bound))
    given.update((f"i{rank}", sorted(ids)) for rank, ids in ranked.items())
    ranks, apart = tuple(sorted(ranked)), outside is not None
    sql = _by_id(ranks, condition, apart=apart, since=terms.since, dated=terms.dated)
    return _rows(sql, given)


@lru_cache(maxsize=512)
def _by_id(ranks: tuple[int, ...], condition: str, *, apart: bool, since: bool, dated: bool) -> str:
    """Return the SELECT of records by their ids: most people's records name the same types."""
    for place in range(condition.count("%s")):
        condition = condition.replace("%s", f"%(a{place})s", 1)
    parts = []
    for rank in ranks:
        name = SUPPORTED_TYPES[rank]
        where = f"t.id=ANY(%(i{rank})s::text[]) AND NOT deleted AND {condition}"
        where += _conditions(name, since=since, dated=dated)
        if apart and name != "Patient":
            where += " AND (patient_id IS NULL OR patient_id=ANY(%(outside)s::text[]))"
        parts.append(f"SELECT {rank},id,version,content FROM {TABLES[name].name} t WHERE {where}")
    return " UNION ALL ".join(parts)


def _rows(sql: str, values: Mapping[str, Any]) -> list[Entry]:
    return list(map(Entry._make, db.fetch(sql, values)))
