"""What R4's own FHIRPath expressions yield, by an engine that is not ours: the oracle of search."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import fhirpathpy
from fhirpathpy.models import models

from fhir.registry.search_parameters import SearchParameter, search_parameters
from fhir.registry.types import SUPPORTED_TYPES
from tests.shared_data import data, resources

_RESOLVE = re.compile(r"\.where\(resolve\(\) is (\w+)\)")
_AS = re.compile(r"\(([\w.]+) as (\w+)\)")


def examples() -> Iterator[dict[str, Any]]:
    """Yield every official R4 and UK Core example of a type that the hub stores."""
    for folder in ("r4-examples", "ukcore-examples"):
        for resource in resources(data(folder)):
            if resource["resourceType"] in SUPPORTED_TYPES:
                yield resource


@cache
def _compiled(expression: str) -> Any:
    return fhirpathpy.compile(expression, models["r4"])


def evaluated(resource: dict[str, Any], expression: str) -> list[Any]:
    """Evaluate an expression of a search parameter.

    The engine lacks resolve() and the lists that R4's "as" lets through; both say the same here in
    other words: ofType(), and a look at the reference itself.
    """
    kind = resource.get("resourceType", "")
    text = re.sub(r"\bResource\.", f"{kind}.", expression)
    text = _AS.sub(r"\1.ofType(\2)", text)
    found = []
    for branch in text.split(" | "):
        target = _RESOLVE.search(branch)
        values = _compiled(_RESOLVE.sub("", branch))(resource)
        found += [v for v in values if target is None or _refers(v, target[1], resource)]
    return found


def _refers(reference: dict[str, Any], target: str, resource: dict[str, Any]) -> bool:
    text = reference.get("reference", "")
    if text.startswith("#"):
        inside = resource.get("contained", ())
        return any(c["id"] == text[1:] and c["resourceType"] == target for c in inside)
    # A logical reference, or one by address, tells its type itself where it can.
    return f"{target}/" in text or (not re.search(r"[A-Z]\w+/", text) and _named(reference, target))


def _named(reference: dict[str, Any], target: str) -> bool:
    return bool(reference.get("type") == target)


def official(resource: dict[str, Any], parameter: SearchParameter) -> list[Any]:
    """Return the values of one parameter, without null."""
    found = evaluated(resource, parameter.expression)
    return [value for value in found if value is not None]


def parameters(resource_type: str) -> Iterator[SearchParameter]:
    """Yield the parameters that have an expression, except composites."""
    for parameter in search_parameters(resource_type).values():
        if parameter.expression and parameter.kind not in {"composite", "special"}:
            yield parameter
