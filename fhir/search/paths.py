"""JSON paths of the registry, compiled to plain dict walking.

A path is ``name.given``, ``telecom[system=phone]`` or ``subject[is Patient]``; lists are entered.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

_STEP = re.compile(r"(\w+)(?:\[(?:is (\w+)|(\w+)=([^\]]+)|(0))\])?(?:\.|$)")


class Step(NamedTuple):
    name: str
    target: str | None = None
    """Only references to this type."""
    attribute: str | None = None
    """Only elements whose attribute has ``value``."""
    value: str | None = None
    first: bool = False

    @property
    def filters(self) -> bool:
        """Whether the step lets only some of the elements through."""
        return bool(self.target or self.attribute or self.first)


Walk = Callable[[Any, Mapping[str, Any]], list[Any]]
"""(value, resource) -> the leaves; the resource is needed to look into ``contained``."""


def steps_of(path: str) -> tuple[Step, ...]:
    return tuple(
        Step(name, target or None, attribute or None, value or None, bool(first))
        for name, target, attribute, value, first in _STEP.findall(path)
    )


def referenced_type(reference: Mapping[str, Any], resource: Mapping[str, Any]) -> str | None:
    """Return the type that a reference points to, as far as the reference itself tells."""
    target: str = reference.get("reference") or ""
    if target.startswith("#"):
        for contained in resource.get("contained", ()):
            if contained.get("id") == target[1:]:
                kind: str = contained["resourceType"]
                return kind
        return resource["resourceType"] if target == "#" else None
    if local := local_reference(target):
        return local.partition("/")[0]
    named: str | None = reference.get("type")
    return named


_REFERENCE = re.compile(r"(?:^|/)([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})(?:/_history/[^/]+)?$")


def local_reference(target: str) -> str | None:
    """Return ``Type/id`` of a relative or absolute RESTful reference, without its version."""
    match = _REFERENCE.search(target)
    return match[1] if match else None


def without_version(target: str) -> str:
    return target.partition("/_history/")[0]


def compiled(steps: tuple[Step, ...]) -> Walk:
    """Return a function that walks ``steps`` from an element or a list of elements."""
    named = tuple((step.name, step if step.filters else None) for step in steps)

    def walk(value: Any, resource: Mapping[str, Any]) -> list[Any]:
        current = value if value.__class__ is list else [value]
        for name, step in named:
            reached: list[Any] = []
            for element in current:
                if element.__class__ is not dict:
                    continue
                found = element.get(name)
                if found is None:
                    continue
                if found.__class__ is list:
                    reached += found
                else:
                    reached.append(found)
            current = reached if step is None else kept(step, reached, resource)
        return current

    return walk


def kept(step: Step, found: list[Any], resource: Mapping[str, Any]) -> list[Any]:
    """Return the elements that the filter of a step lets through."""
    if step.target:
        return [e for e in found if e and referenced_type(e, resource) == step.target]
    if step.attribute:
        return [e for e in found if e and e.get(step.attribute) == step.value]
    return found[:1] if step.first else found
