"""What is held: code systems and value sets by their canonical url and version.

https://hl7.org/fhir/R4/references.html#canonical
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from fhir.terminology.code_system import CodeSystem, ListedCodeSystem, is_held

_IMPLICIT = "?fhir_vs"


class Holdings(Protocol):
    """Where the operations look."""

    def code_system(self, url: str, version: str | None) -> CodeSystem | None:
        """Return a code system with content; a version that is not held is None."""

    def value_set(self, url: str, version: str | None) -> Mapping[str, Any] | None:
        """Return a ValueSet resource."""


def canonical(text: str) -> tuple[str, str | None]:
    """Split ``url|version``; an implicit value set may have a ``|`` round the terms of its url."""
    if _IMPLICIT in text:
        return text, None
    url, _, version = text.partition("|")
    return url, version or None


def said(url: str, version: str | None) -> str:
    """Write ``url|version`` as it was asked for."""
    return f"{url}|{version}" if version else url


def chosen(versions: Iterable[Mapping[str, Any]], version: str | None) -> Mapping[str, Any] | None:
    """Return the resource of a version; without one, an active one before others, the newest.

    Of equal ones the first in the order given wins.
    """
    found = [each for each in versions if version is None or each.get("version") == version]
    return max(found, key=_rank, default=None) if found else None


def _rank(resource: Mapping[str, Any]) -> tuple[bool, list[tuple[int, int, str]]]:
    return resource.get("status") == "active", _parts(resource.get("version") or "")


def _parts(version: str) -> list[tuple[int, int, str]]:
    """Return a version in a form that sorts: 2.10 is after 2.9."""
    return [
        *(
            (1, int(part), "") if part.isascii() and part.isdigit() else (0, 0, part)
            for part in re.findall(r"\d{1,18}|[^\d.\-]+", version)
        ),
        # An end comes after a word and before a number: 2.0-beta, 2.0, 2.0.1.
        (0, 1, ""),
    ]


class Chain:
    """Several holdings, one after another: the first that has it answers."""

    def __init__(self, *links: Holdings) -> None:
        self._links = links

    def code_system(self, url: str, version: str | None) -> CodeSystem | None:
        for each in self._links:
            if (found := each.code_system(url, version)) is not None:
                return found
        return None

    def value_set(self, url: str, version: str | None) -> Mapping[str, Any] | None:
        for each in self._links:
            if (found := each.value_set(url, version)) is not None:
                return found
        return None


class Listed:
    """Holdings that are a list of resources."""

    def __init__(self, resources: Iterable[Mapping[str, Any]]) -> None:
        self._found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for each in resources:
            if url := each.get("url"):
                self._found.setdefault((each["resourceType"], url), []).append(each)

    def versions(self) -> dict[str, tuple[str, ...]]:
        """Return the versions of every code system with content, by its url."""
        return {
            url: tuple(each.get("version", "") for each in listed if is_held(each))
            for (kind, url), listed in self._found.items()
            if kind == "CodeSystem" and any(map(is_held, listed))
        }

    def code_system(self, url: str, version: str | None) -> CodeSystem | None:
        listed = self._found.get(("CodeSystem", url), ())
        resource = chosen((each for each in listed if is_held(each)), version)
        return None if resource is None else ListedCodeSystem(resource)

    def value_set(self, url: str, version: str | None) -> Mapping[str, Any] | None:
        return chosen(self._found.get(("ValueSet", url), ()), version)
