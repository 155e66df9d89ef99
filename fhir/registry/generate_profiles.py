"""Write definitions/profiles.json, value_sets.json and extensible.json; run by hand.

``python -m fhir.registry.generate_profiles DEFINITIONS_DIR UKCORE_DIR``: the official R4
definitions and the UK Core package (StructureDefinitions, ValueSets and CodeSystems in folders
below it). UK Core is Copyright 2021+ HL7 UK, under the Apache License 2.0; what is written here is
an extract of it: differentials without prose, and codes without displays. Value sets that draw on
SNOMED CT or LOINC are left out: their codes are not ours to ship.
"""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from fhir.registry.generate import (
    OPEN_ENDED,
    concepts,
    resources_of,
    write,
)

LARGEST = 1_000
"""A value set with more codes is left to a terminology."""
CHECKED = {"required", "extensible"}


def resources_below(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.rglob("*.json")):
        yield orjson.loads(path.read_bytes())


def kept(element: dict[str, Any]) -> dict[str, Any]:
    """Return the rules of one element of a differential, without its prose."""
    found: dict[str, Any] = {"id": element["id"]}
    for name in ("min", "max", "sliceName"):
        if name in element:
            found[name] = element[name]
    if element.get("mustSupport"):
        found["must"] = True
    for name, value in element.items():
        for rule in ("fixed", "pattern"):
            if name.startswith(rule) and name[len(rule) :][:1].isupper():
                found[rule] = value
    if "type" in element:
        found["types"] = [
            {
                "code": each["code"],
                **{k: each[k] for k in ("profile", "targetProfile") if k in each},
            }
            for each in element["type"]
        ]
    binding = element.get("binding", {})
    if binding.get("strength") in CHECKED and "valueSet" in binding:
        found["binding"] = [binding["strength"], binding["valueSet"].partition("|")[0]]
    if "slicing" in element:
        slicing = element["slicing"]
        found["slicing"] = [[d["type"], d["path"]] for d in slicing.get("discriminator", ())]
        found["closed"] = slicing["rules"] == "closed"
    if "constraint" in element:
        found["rules"] = [
            [each["key"], each["severity"], each["human"], each["expression"]]
            for each in element["constraint"]
        ]
    return found


def profile(definition: dict[str, Any]) -> dict[str, Any]:
    found = {
        "base": definition["baseDefinition"],
        "name": definition["name"],
        "type": definition["type"],
        "version": definition["version"],
        "elements": [
            rules for each in definition["differential"]["element"] if len(rules := kept(each)) > 1
        ],
    }
    if contexts := [
        each["expression"] for each in definition.get("context", ()) if each["type"] == "element"
    ]:
        found["contexts"] = contexts
    return found


def codes_of(
    value_set: dict[str, Any] | None, systems: dict[str, dict[str, Any]]
) -> dict[str, list[str]] | None:
    """Expand a value set; None where its codes are not all known here or not ours to ship."""
    compose = (value_set or {}).get("compose", {})
    if not compose or "exclude" in compose:
        return None
    found: dict[str, set[str]] = {}
    for include in compose["include"]:
        if "filter" in include or "valueSet" in include:
            return None
        system = include["system"]
        if system.startswith(("http://snomed.info/", "http://loinc.org")):
            return None
        listed = include.get("concept")
        if listed is None:
            source = systems.get(system, {})
            if source.get("content") != "complete":
                return None
            listed = source.get("concept", [])
        found.setdefault(system, set()).update(concepts(listed))
    if sum(map(len, found.values())) > LARGEST:
        return None
    return {system: sorted(codes) for system, codes in sorted(found.items())}


def extensible(definition: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (path, value set) of the extensible bindings of a type of R4."""
    for element in definition["snapshot"]["element"]:
        binding = element.get("binding", {})
        if binding.get("strength") == "extensible" and "valueSet" in binding:
            yield element["path"].removesuffix("[x]"), binding["valueSet"].partition("|")[0]


def main(official: Path, ukcore: Path) -> None:
    terminology = resources_of(official / "valuesets.json")
    national = list(resources_below(ukcore))
    value_sets = {
        each["url"]: each
        for each in (*terminology, *national)
        if each["resourceType"] == "ValueSet"
    }
    systems = {
        each["url"]: each
        for each in (*terminology, *national)
        if each["resourceType"] == "CodeSystem"
    }
    profiles = {
        each["url"]: profile(each)
        for each in national
        if each["resourceType"] == "StructureDefinition"
    }
    bound = {
        path: url
        for name in ("profiles-types.json", "profiles-resources.json")
        for definition in resources_of(official / name)
        if definition["resourceType"] == "StructureDefinition"
        and definition["kind"] in {"resource", "complex-type"}
        and definition.get("derivation") != "constraint"
        for path, url in extensible(definition)
    }
    wanted = set(bound.values()) | {
        rules["binding"][1]
        for each in profiles.values()
        for rules in each["elements"]
        if "binding" in rules
    }
    known = {
        url: codes
        for url in sorted(wanted - OPEN_ENDED)
        if (codes := codes_of(value_sets.get(url), systems)) is not None
    }
    write("profiles.json", profiles)
    write("value_sets.json", known)
    write("extensible.json", {path: url for path, url in bound.items() if url in known})


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
