"""The difference of two versions as a FHIRPath Patch that makes the second of the first.

Equal values at the two ends of a list stay; between them, what has a counterpart is changed in
its place, the rest is deleted or inserted.
"""

from collections.abc import Iterator
from typing import Any

from fhir import registry
from fhir.patch.exact import identical
from fhir.patch.nodes import Pair, pairs_of
from fhir.patch.values import part_of
from fhir.registry import PRIMITIVES, Element

_SERVERS = frozenset({"versionId", "lastUpdated"})
"""Members of ``meta`` that every version has anew."""

Part = dict[str, Any]


def difference(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return the Parameters of a FHIRPath Patch; without a parameter where nothing differs.

    ``id``, ``meta.versionId`` and ``meta.lastUpdated`` are the server's and left out.
    """
    kind = new["resourceType"]
    operations = list(_body(kind, kind, _own(old), _own(new)))
    found: dict[str, Any] = {"resourceType": "Parameters"}
    if operations:
        found["parameter"] = operations
    return found


def _own(resource: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in resource.items() if name not in {"id", "_id"}}
    if "meta" in kept:
        kept["meta"] = {
            name: value
            for name, value in kept["meta"].items()
            if name.removeprefix("_") not in _SERVERS
        }
    return kept


def _operation(kind: str, path: str, *parts: Part) -> Part:
    return {
        "name": "operation",
        "part": [
            {"name": "type", "valueCode": kind},
            {"name": "path", "valueString": path},
            *parts,
        ],
    }


def _body(owner: str, path: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Part]:
    for element in registry.elements(owner).values():
        if element.many:
            yield from _list(
                element, path, pairs_of(old, element.name), pairs_of(new, element.name)
            )
        else:
            yield from _single(element, path, old, new)


def _one(element: Element, body: dict[str, Any]) -> tuple[str, Pair] | None:
    for member, kind in element.members.items():
        if pairs := pairs_of(body, member):
            return kind, pairs[0]
    return None


def _single(
    element: Element, path: str, old: dict[str, Any], new: dict[str, Any]
) -> Iterator[Part]:
    before, after = _one(element, old), _one(element, new)
    here = f"{path}.{element.name}"
    if after is None:
        if before is not None and before[1] != ({}, None):
            yield _operation("delete", here)
    elif before is None:
        if after[1] != ({}, None):
            name = {"name": "name", "valueString": element.name}
            yield _operation("add", path, name, part_of("value", element, *after))
    elif before[0] != after[0]:
        yield _operation("replace", here, part_of("value", element, *after))
    else:
        yield from _changed(element, after[0], here, before[1], after[1])


def _changed(element: Element, kind: str, path: str, old: Pair, new: Pair) -> Iterator[Part]:
    if _same(old, new):
        return
    if kind in PRIMITIVES:
        yield _operation("replace", path, part_of("value", element, kind, new))
        return
    owner = element.owner or kind
    if kind == "Resource":
        owner = new[0]["resourceType"]
        if old[0]["resourceType"] != owner:
            yield _operation("replace", path, part_of("value", element, kind, new))
            return
    yield from _body(owner, path, old[0], new[0])


def _list(element: Element, path: str, old: list[Pair], new: list[Pair]) -> Iterator[Part]:
    kind = element.types[0]
    here = f"{path}.{element.name}"
    start, end = 0, 0
    shorter = min(len(old), len(new))
    while start < shorter and _same(old[start], new[start]):
        start += 1
    while end < shorter - start and _same(old[-1 - end], new[-1 - end]):
        end += 1
    middle_old, middle_new = old[start : len(old) - end], new[start : len(new) - end]
    common = min(len(middle_old), len(middle_new))
    for index in range(common):
        at = f"{here}[{start + index}]"
        yield from _changed(element, kind, at, middle_old[index], middle_new[index])
    for index in range(len(middle_old) - 1, common - 1, -1):
        yield _operation("delete", f"{here}[{start + index}]")
    for index in range(common, len(middle_new)):
        place = {"name": "index", "valueInteger": start + index}
        value = part_of("value", element, kind, middle_new[index])
        yield _operation("insert", here, place, value)


def _same(one: Pair, other: Pair) -> bool:
    return identical(one[0], other[0]) and identical(one[1], other[1])
