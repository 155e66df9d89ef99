"""The code systems and value sets that R4 itself defines, HL7 version 2 and 3 among them.

Data: definitions/r4.jsonl.gz, made by ``generate``. Read when first asked for; a resource is
parsed when it is first used.
"""

import gzip
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import orjson

from fhir.outcomes import NotFoundError, UnprocessableError
from fhir.terminology.code_system import CodeSystem, ListedCodeSystem, is_held
from fhir.terminology.compose import Composition
from fhir.terminology.holdings import canonical, chosen

_Text = bytes


@cache
def _lines() -> Mapping[tuple[str, str], tuple[tuple[str, _Text], ...]]:
    """Return (version, text) of each resource by its type and url."""
    source = files("fhir.terminology").joinpath("definitions/r4.jsonl.gz").read_bytes()
    found: dict[tuple[str, str], list[tuple[str, _Text]]] = {}
    for line in gzip.decompress(source).splitlines():
        kind, url, version, text = line.split(b"\t", 3)
        found.setdefault((kind.decode(), url.decode()), []).append((version.decode(), text))
    return {key: tuple(each) for key, each in found.items()}


@lru_cache(maxsize=512)
def _resource(kind: str, url: str, version: str | None) -> Mapping[str, Any] | None:
    texts = _lines().get((kind, url), ())
    resources = [orjson.loads(text) for named, text in texts if version in {None, named}]
    if kind == "CodeSystem":
        resources = [each for each in resources if is_held(each)]
    return chosen(resources, version)


@lru_cache(maxsize=256)
def _code_system(url: str, version: str | None) -> CodeSystem | None:
    resource = _resource("CodeSystem", url, version)
    return None if resource is None else ListedCodeSystem(resource)


@cache
def _all_of() -> Mapping[str, str]:
    """Return the code systems that name a value set of all their codes: its url -> theirs."""
    return {
        resource["valueSet"]: resource["url"]
        for resource in resources("CodeSystem")
        if "valueSet" in resource
    }


class Standard:
    """Holdings: what the standard defines."""

    def code_system(self, url: str, version: str | None) -> CodeSystem | None:
        return _code_system(url, version)

    def value_set(self, url: str, version: str | None) -> Mapping[str, Any] | None:
        found = _resource("ValueSet", url, version)
        if found is None and ("ValueSet", url) not in _lines() and url in _all_of():
            found = all_codes(url, _all_of()[url])
        return found


STANDARD = Standard()


def all_codes(url: str, system: str) -> dict[str, Any]:
    """Return the value set of every code of a system, which CodeSystem.valueSet only names."""
    return {
        "resourceType": "ValueSet",
        "url": url,
        "status": "active",
        "compose": {"include": [{"system": system}]},
    }


def resources(kind: str) -> Iterator[Mapping[str, Any]]:
    """Yield every resource of a type."""
    for (named, _), texts in _lines().items():
        if named == kind:
            yield from (orjson.loads(text) for _, text in texts)


@cache
def versions() -> Mapping[str, tuple[str, ...]]:
    """Return the versions of every code system that is held with content, by its url."""
    found: dict[str, list[str]] = {}
    for each in resources("CodeSystem"):
        if is_held(each):
            found.setdefault(each["url"], []).append(each.get("version", ""))
    return {url: tuple(each) for url, each in sorted(found.items())}


@lru_cache(maxsize=512)
def codes(reference: str) -> frozenset[tuple[str, str]] | None:
    """Return every (system, code) of a value set of the standard, by its canonical.

    None: R4 does not define it, or no finite list stands behind it (its code system is outside of
    FHIR, such as SNOMED CT or LOINC).
    """
    url, version = canonical(reference)
    value_set = STANDARD.value_set(url, version)
    if value_set is None:
        return None
    try:
        return frozenset(Composition(STANDARD).members(value_set))
    except (NotFoundError, UnprocessableError):
        return None


def is_member(reference: str, system: str, code: str) -> bool | None:
    """Say whether a code is in a value set of the standard; None: it cannot be known here.

    For extensible and required bindings, without a database.
    """
    found = codes(reference)
    return None if found is None else (system, code) in found
