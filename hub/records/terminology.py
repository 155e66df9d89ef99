"""The code systems and value sets that an actor meets, in this order: the first that has one wins.

1. CodeSystem and ValueSet records that the actor may read: of one url the version that is named,
   else an active one before others, the newest version;
2. the hub's own, from its definition (registered by ``hub.services.code_systems``);
3. SNOMED CT, where a licence holder has loaded a release;
4. what R4 defines.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fhir import jsontext
from fhir.search import keys
from fhir.search.keys import hashed
from fhir.terminology import STANDARD, Chain, CodeSystem, Holdings, Listed, ListedCodeSystem
from fhir.terminology.code_system import is_held
from fhir.terminology.holdings import chosen
from fhir.terminology.standard import versions
from hub.db import driver
from hub.domain.actor import Actor
from hub.records import access, spool
from hub.records.snomed import SnomedHoldings, release
from hub.records.tables import TABLES

_MOST_VERSIONS = 100
_MOST_RECORDS = 10_000

_sources: list[Callable[[], Listed]] = []


def source(function: Callable[[], Listed]) -> Callable[[], Listed]:
    """Register what the hub itself defines."""
    _sources.append(function)
    return function


def holdings(actor: Actor) -> Holdings:
    return Chain(_Stored(actor), *(each() for each in _sources), SnomedHoldings(), STANDARD)


@dataclass(frozen=True, slots=True)
class Held:
    """A code system that is held: its versions, and the one that an unversioned url means."""

    url: str
    versions: tuple[str, ...]
    default: str


def held(actor: Actor) -> list[Held]:
    """Return every code system that an actor meets, by its url."""
    found: dict[str, dict[str, None]] = {}
    sources = [_stored_versions(actor), *(each().versions() for each in _sources)]
    if (snomed := release(None)) is not None:
        sources.append({snomed.url: (snomed.version or "",)})
    for each in (*sources, versions()):
        for url, listed in each.items():
            found.setdefault(url, {}).update(dict.fromkeys(listed))
    known = holdings(actor)
    made = []
    for url, named in sorted(found.items()):
        default = known.code_system(url, None) if len(named) > 1 else None
        made.append(
            Held(url, tuple(named), (default.version or "") if default else next(iter(named)))
        )
    return made


def _stored_versions(actor: Actor) -> Mapping[str, tuple[str, ...]]:
    """Return the versions of the code systems that are records, by url."""
    condition, parameters = access.predicate(actor, "t")
    table = TABLES["CodeSystem"].name
    with driver() as connection:
        rows = connection.execute(
            (
                f"SELECT t.id, t.version FROM {table} t WHERE NOT t.deleted AND {condition}"
                f" ORDER BY t.id LIMIT {_MOST_RECORDS}"
            ).encode(),
            parameters,
            prepare=True,
        ).fetchall()
    found: dict[str, list[str]] = {}
    for record_id, number in rows:
        for url, version in _named(record_id, number):
            found.setdefault(url, []).append(version)
    return {url: tuple(each) for url, each in found.items()}


@lru_cache(maxsize=10_000)
def _named(record_id: str, version: int) -> tuple[tuple[str, str], ...]:
    """Return (url, version) of a CodeSystem record's version, which never changes."""
    with driver() as connection:
        row = connection.execute(
            f"SELECT content FROM {TABLES['CodeSystem'].name}"
            " WHERE id = %s AND version = %s".encode(),
            (record_id, version),
        ).fetchone()
    if row is None:
        return ()
    resource = jsontext.loads(row[0])
    if not is_held(resource) or "url" not in resource:
        return ()
    return ((resource["url"], resource.get("version", "")),)


class _Stored:
    """Holdings: the records that an actor may read."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    def code_system(self, url: str, version: str | None) -> CodeSystem | None:
        found = self._chosen("CodeSystem", url, version)
        return None if found is None else _built(found)

    def value_set(self, url: str, version: str | None) -> Mapping[str, Any] | None:
        found = self._chosen("ValueSet", url, version)
        return None if found is None else _parsed(found)

    def _chosen(self, resource_type: str, url: str, version: str | None) -> str | None:
        """Return the text of the record that is meant, and note that it was read."""
        if not access.allows(self._actor, "read", resource_type):
            return None
        condition, parameters = access.predicate(self._actor, "t")
        sql = (
            f"SELECT t.id, t.version, t.content FROM {TABLES[resource_type].name} t"
            f" WHERE t.idx @> %s::bigint[] AND NOT t.deleted AND {condition}"
            f" ORDER BY t.last_updated DESC LIMIT {_MOST_VERSIONS}"
        )
        with driver() as connection:
            rows = connection.execute(
                sql.encode(), ([hashed(keys.uri("url", url))], *parameters), prepare=True
            ).fetchall()
        texts: dict[int, tuple[str, int, str, Mapping[str, Any]]] = {}
        for record_id, number, text in rows:
            resource = _parsed(text)
            # Two urls could have one hash.
            if resource.get("url") == url and (resource_type == "ValueSet" or is_held(resource)):
                texts[id(resource)] = (f"{resource_type}/{record_id}", number, text, resource)
        found = chosen((each[3] for each in texts.values()), version)
        if found is None:
            return None
        reference, number, text, _ = texts[id(found)]
        spool.looked(self._actor, "read", reference, number)
        return text


@lru_cache(maxsize=32)
def _parsed(text: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = jsontext.loads(text)
    return found


@lru_cache(maxsize=16)
def _built(text: str) -> ListedCodeSystem:
    return ListedCodeSystem(_parsed(text))
