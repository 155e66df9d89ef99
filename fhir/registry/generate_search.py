"""Make definitions/search.json from HL7's own R4 definitions; run it again when those change.

``python -m fhir.registry.generate_search FOLDER``, where FOLDER holds search-parameters.json,
profiles-resources.json (which holds the five CompartmentDefinitions too), profiles-types.json and
valuesets.json of https://hl7.org/fhir/R4/downloads.html. Every expression is resolved once against
the StructureDefinitions into plain JSON paths with the data type of what they reach, so that nobody
evaluates FHIRPath while records are written. Numbers of parameters are kept from run to run: stored
index rows refer to them.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fhir.registry.types import SUPPORTED_TYPES

TARGET = Path(__file__).parent / "definitions" / "search.json"

_PRIMITIVE = re.compile(r"http://hl7\.org/fhirpath/System\.(\w+)")
_FILTER = re.compile(r"where\((?:(\w+)='([^']*)'|resolve\(\) is (\w+))\)")
_CAST = re.compile(r"^\(?\s*(.+?)\s+as\s+(\w+)\s*\)?(\.\w+)?$")
_EXISTS = re.compile(r"^(\w+)\.(\w+)\.exists\(\) and \1\.\2 != false$")
_QUANTITIES = {"Age", "Duration", "Distance", "Count", "SimpleQuantity", "MoneyQuantity"}
# Written with a capital in two expressions of R4 (Observation code-value-date).
_SPELLING = {"DateTime": "dateTime"}


class Element(NamedTuple):
    types: tuple[str, ...]
    many: bool
    value_set: str | None = None
    """The value set of its binding, without version."""


@dataclass(frozen=True)
class Reached:
    """One way an expression can go: JSON steps, the data type at the end, whether it repeats."""

    steps: tuple[str, ...]
    type: str
    many: bool
    value_set: str | None = None
    """Of a code: the value set that it is bound to."""

    def as_json(self) -> list[str]:
        return [".".join(self.steps), self.type]


def elements(folder: Path) -> dict[str, Element]:
    """Return every element path of R4, such as ``Patient.name`` or ``Period.start``."""
    found: dict[str, Element] = {}
    for name in ("profiles-types.json", "profiles-resources.json"):
        bundle = json.loads((folder / name).read_text())
        for entry in bundle["entry"]:
            resource = entry["resource"]
            if (
                resource["resourceType"] != "StructureDefinition"
                or resource.get("derivation") == "constraint"
            ):
                continue
            for element in resource["snapshot"]["element"]:
                types = tuple(
                    "string" if _PRIMITIVE.match(t["code"]) else t["code"]
                    for t in element.get("type", ())
                )
                if reference := element.get("contentReference"):
                    types = (reference.lstrip("#"),)
                value_set = element.get("binding", {}).get("valueSet", "").partition("|")[0]
                found[element["path"]] = Element(types, element["max"] != "1", value_set or None)
    return found


def systems_of(folder: Path) -> dict[str, list[str]]:
    """Return the code systems that each value set takes codes from."""
    bundle = json.loads((folder / "valuesets.json").read_text())
    return {
        resource["url"]: [
            part["system"] for part in resource["compose"]["include"] if "system" in part
        ]
        for entry in bundle["entry"]
        if (resource := entry["resource"])["resourceType"] == "ValueSet" and "compose" in resource
    }


class Resolver:
    """Resolves the FHIRPath subset of R4's search expressions against the StructureDefinitions."""

    def __init__(self, known: dict[str, Element], systems: dict[str, list[str]]) -> None:
        self._known = known
        self._systems = systems

    def systems(self, paths: list[Reached]) -> list[str]:
        """Return the code systems that the codes at ``paths`` are from, though they do not say."""
        found = [s for p in paths if p.value_set for s in self._systems.get(p.value_set, ())]
        return list(dict.fromkeys(found))

    def branches(self, expression: str, base: str) -> Iterator[str]:
        """Yield the branches of a union that begin at ``base``."""
        for branch in expression.split("|"):
            text = branch.strip()
            if re.match(rf"^\(*\s*(?:{base}|Resource|DomainResource)\b", text):
                yield text

    def resolve(self, branch: str, base: str, start: tuple[Reached, ...]) -> list[Reached]:
        text = branch.strip()
        if match := _CAST.match(text):
            path, cast, tail = match.groups()
            reached = self._walk(path, base, start, cast)
            return self._walk(tail.lstrip("."), "", tuple(reached)) if tail else reached
        return self._walk(text, base, start)

    def _walk(
        self, path: str, base: str, start: tuple[Reached, ...], cast: str | None = None
    ) -> list[Reached]:
        current = list(start)
        steps = re.findall(r"\w+\([^()]*(?:\(\)[^()]*)?\)|\[0\]|\w+", path)
        if steps and steps[0] in {base, "Resource", "DomainResource"}:
            steps = steps[1:]
        for step in steps:
            if step == "[0]":
                current = [
                    Reached((*r.steps[:-1], r.steps[-1] + step), r.type, r.many) for r in current
                ]
            elif match := _FILTER.fullmatch(step):
                name, value, target = match.groups()
                suffix = f"[{name}={value}]" if name else f"[is {target}]"
                current = [
                    Reached((*r.steps[:-1], r.steps[-1] + suffix), r.type, r.many) for r in current
                ]
            elif step.startswith(("as(", "ofType(")):
                wanted = step[step.index("(") + 1 : -1]
                wanted = _SPELLING.get(wanted, wanted)
                current = [r for r in current if r.type == wanted]
            else:
                current = [found for r in current for found in self._child(r, step)]
        if cast:
            wanted = _SPELLING.get(cast, cast)
            current = [r for r in current if r.type == wanted]
        return current

    def _child(self, parent: Reached, name: str) -> list[Reached]:
        path = f"{parent.type}.{name}"
        element = self._known.get(path)
        if element is not None:
            kind = element.types[0] if element.types else "Element"
            if kind in {"BackboneElement", "Element"}:
                kind = path
            value_set = element.value_set if kind == "code" else None
            many = parent.many or element.many
            return [Reached((*parent.steps, name), kind, many, value_set)]
        choice = self._known.get(path + "[x]")
        if choice is None:
            raise ValueError(f"no such element: {path}")
        return [
            Reached((*parent.steps, name + kind[0].upper() + kind[1:]), kind, parent.many)
            for kind in choice.types
        ]


def _paths(resolver: Resolver, expression: str, base: str) -> list[Reached]:
    start = (Reached((), base, False),)
    found: list[Reached] = []
    for branch in resolver.branches(expression, base):
        found += resolver.resolve(branch, base, start)
    return list(dict.fromkeys(found))


def _described(reached: Reached) -> list[str]:
    steps, kind = reached.as_json()
    return [steps, "Quantity" if kind in _QUANTITIES else kind]


def _is_multi(paths: list[Reached]) -> bool:
    """Say whether one resource can have several values (branches of a choice have one)."""
    roots = {re.sub(r"[A-Z]\w*$", "", path.steps[-1]) if path.steps else "" for path in paths}
    return any(path.many for path in paths) or (len(paths) > 1 and len(roots) > 1)


def _parameter(
    resolver: Resolver, source: dict[str, Any], base: str, by_url: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    expression = source.get("expression", "")
    result: dict[str, Any] = {"kind": source["type"], "url": source["url"]}
    branches = list(resolver.branches(expression, base))
    result["expression"] = " | ".join(branches)
    if match := _EXISTS.match(result["expression"]):
        # "is dead": true when a date is given, and false when nothing is said at all.
        result["paths"] = [
            [f"{match[2]}Boolean", "boolean"],
            [f"{match[2]}DateTime", "exists"],
        ]
        result["absent"] = "false"
        return result
    paths = _paths(resolver, expression, base)
    result["paths"] = [_described(path) for path in paths]
    if _is_multi(paths):
        result["multi"] = True
    if source["type"] == "token" and (systems := resolver.systems(paths)):
        result["systems"] = systems
    if source.get("target"):
        result["targets"] = source["target"]
    if source["type"] == "composite":
        result["components"] = [
            _component(resolver, component, paths, by_url) for component in source["component"]
        ]
    return result


def _component(
    resolver: Resolver,
    component: dict[str, Any],
    bases: list[Reached],
    by_url: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    definition = by_url[component["definition"]]
    found: list[Reached] = []
    for kind in dict.fromkeys(base.type for base in bases):
        for branch in component["expression"].split("|"):
            found += resolver.resolve(branch, "", (Reached((), kind, False),))
    kind = definition["type"]
    # R4 names the two halves of DocumentReference.relationship the wrong way round.
    reached = {path.type for path in found}
    if kind == "reference" and "Reference" not in reached:
        kind = "token"
    elif kind == "token" and reached <= {"Reference", "Identifier"}:
        kind = "reference"
    return {
        "code": definition["code"],
        "kind": kind,
        "paths": [_described(path) for path in dict.fromkeys(found)],
    }


def generate(folder: Path) -> dict[str, Any]:
    known = elements(folder)
    resolver = Resolver(known, systems_of(folder))
    sources = [
        entry["resource"]
        for entry in json.loads((folder / "search-parameters.json").read_text())["entry"]
    ]
    by_url = {source["url"]: source for source in sources}
    before = json.loads(TARGET.read_text())["parameters"] if TARGET.exists() else {}
    last = max((p["number"] for ps in before.values() for p in ps.values()), default=0)
    parameters: dict[str, dict[str, Any]] = {}
    for resource_type in sorted(SUPPORTED_TYPES):
        parents = {resource_type, "Resource"}
        if "DomainResource.text" in known and f"{resource_type}.text" in known:
            parents.add("DomainResource")
        own = parameters.setdefault(resource_type, {})
        for source in sorted(sources, key=lambda s: s["code"]):
            if parents & set(source["base"]):
                own[source["code"]] = _parameter(resolver, source, resource_type, by_url)
        kept = before.get(resource_type, {})
        for code, parameter in own.items():
            if code in kept:
                parameter["number"] = kept[code]["number"]
            else:
                last += 1
                parameter["number"] = last
    return {
        "fhirVersion": "4.0.1",
        "compartments": _compartments(folder),
        "parameters": parameters,
    }


def _compartments(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Return the parameters that make each type a member of each compartment."""
    bundle = json.loads((folder / "profiles-resources.json").read_text())
    found = {
        definition["code"]: {
            member["code"]: member["param"]
            for member in definition["resource"]
            if member.get("param") and member["code"] in SUPPORTED_TYPES
        }
        for entry in bundle["entry"]
        if (definition := entry["resource"])["resourceType"] == "CompartmentDefinition"
    }
    return dict(sorted(found.items()))


def write(definitions: dict[str, Any]) -> None:
    """Write one line for each resource type, so that a change reads well as a difference."""

    def lines(mapping: dict[str, Any]) -> str:
        rows = (f"{json.dumps(k)}: {json.dumps(v, sort_keys=True)}" for k, v in mapping.items())
        return "{\n" + ",\n".join(rows) + "\n}"

    parts = [
        f'"{name}": {lines(value) if isinstance(value, dict) else json.dumps(value)}'
        for name, value in definitions.items()
    ]
    TARGET.write_text("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    write(generate(Path(sys.argv[1])))
