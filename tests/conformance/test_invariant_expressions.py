"""The functions of the invariants say what R4's own FHIRPath expressions say.

The expressions are evaluated by fhirpathpy on the official examples, with parts of other examples
put in and their own taken out.
"""

import copy
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import fhirpathpy
from fhirpathpy.models import models

from fhir import jsontext, registry
from fhir.registry import SUPPORTED_TYPES
from fhir.validation.accept import rules_of
from fhir.validation.items import Item, every, root
from tests.conformance.test_validation import files
from tests.shared_data import data

NOT_COMPARED = {
    "bdl-3": "fhirpathpy does not know %resource",
    "bdl-4": "fhirpathpy does not know %resource",
    "bdl-8": "R4's expression has no answer where there is no fullUrl",
    "bdl-10": "fhirpathpy does not know hasValue",
    "bdl-12": "R4's expression has no answer where there is no entry",
    "ctm-1": "needs the resource that a reference leads to",
    "per-1": "fhirpathpy does not know hasValue",
    "obs-7": "fhirpathpy does not know %resource",
    "que-7": "R4 writes Boolean for boolean",
    "que-12": "R4's expression counts more than two, its sentence more than one",
    "ras-2": "fhirpathpy does not cast where there is no probability",
    "rng-2": "fhirpathpy does not compare quantities",
}
"""Key -> why its expression is no measure of ours."""

ENOUGH = 12
"""Evaluations of each rule."""

Expressions = dict[tuple[str, str], str]


def expressions() -> Expressions:
    found: Expressions = {}
    for name in ("profiles-types.json", "profiles-resources.json"):
        entries = json.loads(data(f"r4-definitions/{name}").read_bytes())["entry"]
        for resource in (entry["resource"] for entry in entries):
            for element in resource.get("snapshot", {}).get("element", ()):
                for rule in element.get("constraint", ()):
                    if rule["severity"] == "error" and "expression" in rule:
                        found.setdefault((element["path"], rule["key"]), rule["expression"])
    return found


def examples() -> list[dict[str, Any]]:
    kinds = {*SUPPORTED_TYPES, "Bundle", "Parameters"}
    found = [
        jsontext.parse(path.read_bytes())[0]
        for path in files("r4-examples", "ukcore-examples")
        if path.stat().st_size < 20_000
    ]
    return [resource for resource in found if resource["resourceType"] in kinds]


def ruled(resource: dict[str, Any]) -> Iterator[Item]:
    """Yield what has invariants in a resource, but not in the resources inside it."""
    for item in every(root(resource)):
        inside = ".resource" in item.path or ".contained" in item.path
        if item.kind not in registry.PRIMITIVES and not inside and rules_of(item.owner):
            yield item


def change(value: dict[str, Any], owner: str, donors: list[Any], chance: random.Random) -> None:
    """Take out members that need not be there, and put in some of another value of this kind."""
    known = registry.members(owner)
    free = [name for name in value if name in known and not known[name][0].min]
    for name in chance.sample(free, min(len(free), chance.randint(0, 2))):
        del value[name]
    for _ in range(chance.randint(0, 3)):
        donor = chance.choice(donors)
        name = chance.choice([*donor])
        if name in known:
            for member in known[name][0].members:
                value.pop(member, None)
            value[name] = copy.deepcopy(donor[name])


def holds(expression: str, item: Item, resource: dict[str, Any]) -> bool:
    whole = item.path == resource["resourceType"]
    text = expression if whole else f"{item.path}.all({expression})"
    compiled: Callable[..., list[Any]] = fhirpathpy.compile(text, models["r4"])
    return compiled(resource) != [False]


def test_our_functions_and_r4s_expressions_agree() -> None:
    chance = random.Random(11)
    official = expressions()
    resources = examples()
    donors: dict[str, list[Any]] = defaultdict(list)
    for resource in resources:
        for item in ruled(resource):
            donors[item.owner].append(copy.deepcopy(item.below))
    chance.shuffle(resources)
    seen, broken = Counter[str](), Counter[str]()
    disagree = []
    for resource in resources:
        for item in ruled(resource):
            kept = dict(item.below)
            for key, rule in rules_of(item.owner).items():
                expression = official.get((item.owner, key))
                if expression is None or key in NOT_COMPARED or seen[key] >= ENOUGH:
                    continue
                for _ in range(3):
                    change(item.below, item.owner, donors[item.owner], chance)
                    if item.below:
                        ours = bool(rule(item.below))
                        seen[key] += 1
                        broken[key] += not ours
                        if holds(expression, item, resource) != ours:
                            disagree.append((key, item.path, dict(item.below)))
                    item.below.clear()
                    item.below.update(kept)
    assert disagree == []
    assert len(seen) > 55
    assert len(broken - Counter()) > 10
