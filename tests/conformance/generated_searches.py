"""Searches made of the registry's parameters and of values that stand in given resources.

The same every time: the sample is drawn with a fixed seed.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from fhir.registry.search_parameters import SearchParameter, search_parameters
from fhir.search.paths import compiled, steps_of
from fhir.search.values import escape

SEED = 3
MOST_VALUES = 4
"""Distinct values of one parameter that are searched for."""
STRANGER = "zzqx"


class Search(NamedTuple):
    type: str
    parameter: SearchParameter
    modifier: str
    """Empty where there is none."""
    prefix: str
    values: tuple[str, ...]
    """Escaped as in a query; alternatives."""

    @property
    def params(self) -> tuple[tuple[str, str], ...]:
        name = self.parameter.code + (f":{self.modifier}" if self.modifier else "")
        return ((name, ",".join(f"{self.prefix}{value}" for value in self.values)),)


def searches(resources: list[dict[str, Any]], number: int) -> list[Search]:
    """Return searches for all parameters that some resource has a value for."""
    draw = random.Random(SEED)
    found = [each for each in _all(resources, draw) if all(v.strip() for v in each.values)]
    return draw.sample(found, min(number, len(found)))


def _all(resources: list[dict[str, Any]], draw: random.Random) -> Iterator[Search]:
    by_type: dict[str, list[dict[str, Any]]] = {}
    for resource in resources:
        by_type.setdefault(resource["resourceType"], []).append(resource)
    for kind, those in sorted(by_type.items()):
        for parameter in search_parameters(kind).values():
            if parameter.code == "_id":
                continue
            found = sorted({value for r in those for value in _values(parameter, r)})
            if not found:
                continue
            chosen = draw.sample(found, min(MOST_VALUES, len(found)))
            yield from _of_kind(kind, parameter, chosen)
            for missing in ("true", "false"):
                yield Search(kind, parameter, "missing", "", (missing,))


def _values(parameter: SearchParameter, resource: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the values of a parameter: (text), of tokens (code, system) or (code)."""
    for path, kind in parameter.paths:
        for leaf in compiled(steps_of(path))(resource, resource):
            if leaf is not None:
                yield from _parts(parameter.kind, kind, leaf)


def _parts(wanted: str, kind: str, leaf: Any) -> Iterator[tuple[str, ...]]:
    match wanted, kind:
        case "token", "CodeableConcept":
            for coding in leaf.get("coding", ()):
                yield from _parts("token", "Coding", coding)
        case "token", "Coding" if "code" in leaf:
            yield leaf["code"], leaf.get("system", "")
        case "token", ("Identifier" | "ContactPoint") if "value" in leaf:
            yield leaf["value"], leaf.get("system", "")
        case "token", "boolean":
            yield (str(leaf).lower(),)
        case (("token" | "uri" | "string" | "reference"), _) if isinstance(leaf, str) and kind != (
            "exists"
        ):
            yield (leaf,)
        case "reference", "Reference" if "reference" in leaf:
            yield (leaf["reference"],)
        case "date", ("Period") if "start" in leaf:
            yield (leaf["start"],)
        case "date", _ if isinstance(leaf, str) and leaf[:4].isdigit():
            yield (leaf,)


def _of_kind(
    kind: str, parameter: SearchParameter, chosen: list[tuple[str, ...]]
) -> Iterator[Search]:
    def search(*values: str, modifier: str = "", prefix: str = "") -> Search:
        return Search(kind, parameter, modifier, prefix, values)

    for value in chosen:
        text = escape(value[0])
        match parameter.kind:
            case "token":
                yield search(text)
                yield search(text.swapcase())
                yield search(STRANGER, text)
                yield search(text, modifier="not")
                yield search(text, STRANGER, modifier="not")
                yield search(f"|{text}")
                yield search(f"http://{STRANGER}.example|{text}")
                if len(value) > 1 and value[1]:
                    yield search(f"{escape(value[1])}|{text}")
                    yield search(f"{escape(value[1])}|")
            case "reference":
                yield search(text)
                yield search(text + STRANGER)
                yield search(STRANGER, text)
                if "canonical" not in parameter.types:
                    yield search(text.rpartition("/")[2])
            case "string":
                yield search(text)
                yield search(escape(value[0][:3].upper()))
                yield search(escape(value[0][2:]))
                yield search(escape(value[0][1:-1].upper()), modifier="contains")
                yield search(text, modifier="exact")
                yield search(text + STRANGER)
            case "uri":
                yield search(text)
                yield search(text + STRANGER)
                yield search(text.rpartition("/")[0] or text)
            case "date":
                for prefix in ("", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"):
                    for when in _neighbours(value[0]):
                        yield search(when, prefix=prefix)


def _neighbours(date: str) -> Iterator[str]:
    """Yield a date, coarser ones, the year after, and its day in another time zone."""
    yield date
    if len(date) > 7:
        yield date[:7]
    yield date[:4]
    yield f"{int(date[:4]) + 1:04d}"
    if len(date) >= 10:
        day = datetime.fromisoformat(date[:10]).replace(tzinfo=UTC) + timedelta(hours=20)
        yield day.strftime("%Y-%m-%dT%H:%M:%S+05:30")
