"""Contained resources: dom-2 to dom-5 and what ``#id`` refers to.

https://hl7.org/fhir/R4/references.html#contained
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fhir import registry
from fhir.outcomes import Issue


@dataclass(frozen=True, slots=True)
class Container:
    """The resource that holds contained ones: what its ``#id`` can mean."""

    kind: str
    ids: dict[str, str]
    """id of a contained resource -> its type."""

    @classmethod
    def of(cls, resource: dict[str, Any]) -> "Container":
        inner = resource.get("contained")
        ids = {
            str(each["id"]): str(each.get("resourceType"))
            for each in (inner if isinstance(inner, list) else ())
            if isinstance(each, dict) and "id" in each
        }
        return cls(str(resource.get("resourceType")), ids)

    def holds(self, identifier: str) -> bool:
        """``#`` alone is the container itself, for the resources inside it."""
        return not identifier or identifier in self.ids

    def type_of(self, identifier: str) -> str | None:
        kind = self.ids.get(identifier) if identifier else self.kind
        return kind if kind in registry.resource_types() else None


def faults(resource: dict[str, Any], path: str) -> Iterator[Issue]:
    """Yield breaches of dom-2 to dom-5."""
    inner = resource.get("contained")
    if not isinstance(inner, list):
        return
    named = set(_local_references(resource))
    for index, each in enumerate(inner):
        if not isinstance(each, dict):
            continue
        meta = each.get("meta")
        meta = meta if isinstance(meta, dict) else {}
        broken = {
            "dom-2": "contained" in each,
            "dom-3": f"#{each.get('id')}" not in named and "#" not in _local_references(each),
            "dom-4": "versionId" in meta or "lastUpdated" in meta,
            "dom-5": "security" in meta,
        }
        for key, is_broken in broken.items():
            if is_broken:
                at = f"{path}.contained[{index}]"
                yield Issue("invariant", f"{registry.sentence('DomainResource', key)} ({key})", at)
    ids = {str(each["id"]) for each in inner if isinstance(each, dict) and "id" in each}
    if len(ids) != len(inner):
        yield Issue("invariant", "contained resources need ids of their own", f"{path}.contained")


def _local_references(value: Any) -> Iterator[str]:
    """Yield every string that starts with ``#``: references, canonicals and URIs."""
    if isinstance(value, str):
        if value.startswith("#"):
            yield value
    elif isinstance(value, dict):
        for child in value.values():
            yield from _local_references(child)
    elif isinstance(value, list):
        for child in value:
            yield from _local_references(child)
