"""Write fhir/registry/definitions from the official FHIR R4 definitions; run by hand.

``python -m fhir.registry.generate DEFINITIONS_DIR`` (profiles-resources.json, profiles-types.json
and valuesets.json of https://hl7.org/fhir/R4/downloads.html). The same input gives the same bytes.
"""

import logging
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

DEFINITIONS = Path(__file__).parent / "definitions"
PROFILE_BASE = "http://hl7.org/fhir/StructureDefinition/"
FHIR_TYPE_EXTENSION = PROFILE_BASE + "structuredefinition-fhir-type"
INHERITED = {
    "Resource": ("id", "meta", "implicitRules", "language"),
    "Element": ("id", "extension"),
}
INHERITED["DomainResource"] = (
    *INHERITED["Resource"],
    "text",
    "contained",
    "extension",
    "modifierExtension",
)
INHERITED["BackboneElement"] = (*INHERITED["Element"], "modifierExtension")
SUPPLEMENT = {
    # Bound by Composition.confidentiality; its code system is published with HL7 v3, not here
    # (http://terminology.hl7.org/ValueSet/v3-ConfidentialityClassification).
    "http://terminology.hl7.org/ValueSet/v3-ConfidentialityClassification": {
        "http://terminology.hl7.org/CodeSystem/v3-Confidentiality": ["L", "M", "N", "R", "U", "V"],
    },
}
OPEN_ENDED = {
    # No finite list of codes stands behind these: their code systems are open or outside FHIR.
    "http://hl7.org/fhir/ValueSet/currencies",
    "http://hl7.org/fhir/ValueSet/mimetypes",
    "http://hl7.org/fhir/ValueSet/ucum-units",
    "http://loinc.org/vs/LL379-9",
}

log = logging.getLogger("fhir.registry.generate")


def resources_of(path: Path) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in orjson.loads(path.read_bytes())["entry"]]


def type_name(declared: dict[str, Any]) -> str:
    """Return the type of an element; System.String stands for the FHIR type in its extension."""
    code: str = declared["code"]
    for extension in declared.get("extension", ()):
        if extension["url"] == FHIR_TYPE_EXTENSION:
            code = extension["valueUrl"]
    return code.rpartition(".")[2] if code.startswith("http://hl7.org/fhirpath/") else code


def declared_type(declared: dict[str, Any]) -> str:
    """Return ``Reference(Patient|Group)`` for a reference with declared targets, else the type."""
    name = type_name(declared)
    targets = [profile.removeprefix(PROFILE_BASE) for profile in declared.get("targetProfile", ())]
    if name == "Reference" and targets and "Resource" not in targets:
        return f"Reference({'|'.join(targets)})"
    return name


def required_value_set(element: dict[str, Any]) -> str | None:
    binding = element.get("binding", {})
    if binding.get("strength") != "required" or "valueSet" not in binding:
        return None
    canonical: str = binding["valueSet"]
    return canonical.partition("|")[0]


def described(element: dict[str, Any]) -> dict[str, Any]:
    """Return what the registry keeps of an element; what is usual (0..1) is left out."""
    kept: dict[str, Any] = {}
    if reference := element.get("contentReference"):
        kept["same"] = reference.removeprefix("#")
    else:
        kept["types"] = [declared_type(declared) for declared in element["type"]]
    if element["min"]:
        kept["min"] = element["min"]
    if element["max"] != "1":
        kept["max"] = element["max"]
    if element.get("isSummary"):
        kept["summary"] = True
    if codes := required_value_set(element):
        kept["codes"] = codes
    return kept


def structure(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (owner, {"base", "elements"}): the type itself, then each of its backbones."""
    owners: dict[str, dict[str, Any]] = {}
    elements = definition["snapshot"]["element"]
    root = elements[0]["path"]
    base = definition.get("baseDefinition", "").removeprefix(PROFILE_BASE)
    owners[root] = {"base": base if base in INHERITED else "", "elements": {}}
    parents = {element["path"].rpartition(".")[0] for element in elements[1:]}
    backbones = {
        element["path"]: element["type"][0]["code"]
        for element in elements[1:]
        if element["path"] in parents
    }
    for path, code in backbones.items():
        owners[path] = {"base": code, "elements": {}}
    for element in elements[1:]:
        owner, _, name = element["path"].rpartition(".")
        if name in INHERITED.get(owners[owner]["base"], ()):
            continue
        owners[owner]["elements"][name] = described(element)
    if root == "Resource":
        # The snapshot says string; https://hl7.org/fhir/R4/resource.html#id says id.
        owners[root]["elements"]["id"] = {"types": ["id"]}
    yield from owners.items()


def invariants(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (path, {key: sentence}) of the constraints that are errors, without inherited ones."""
    for element in definition["snapshot"]["element"]:
        own = {
            constraint["key"]: constraint["human"]
            for constraint in element.get("constraint", ())
            if constraint["severity"] == "error"
            and constraint.get("source", "").removeprefix(PROFILE_BASE)
            in {"", definition["type"], element["path"].partition(".")[0]}
        }
        if own:
            yield element["path"], own


def concepts(listed: Iterable[dict[str, Any]]) -> Iterator[str]:
    for concept in listed:
        yield concept["code"]
        yield from concepts(concept.get("concept", ()))


def expanded(
    value_set: dict[str, Any], code_systems: dict[str, dict[str, Any]]
) -> dict[str, list[str]]:
    """Expand a value set that lists its codes or takes whole code systems."""
    compose = value_set["compose"]
    if "exclude" in compose:
        raise ValueError(f"{value_set['url']} excludes: expand it by hand")
    systems: dict[str, set[str]] = {}
    for include in compose["include"]:
        if "filter" in include or "valueSet" in include:
            raise ValueError(f"{value_set['url']} filters: expand it by hand")
        listed = include.get("concept")
        if listed is None:
            listed = code_systems[include["system"]]["concept"]
        systems.setdefault(include["system"], set()).update(concepts(listed))
    return {system: sorted(codes) for system, codes in sorted(systems.items())}


def write(name: str, content: dict[str, Any]) -> None:
    """Write one JSON object, one member a line, so that a change reads well in a diff."""
    lines = [
        f"{orjson.dumps(key).decode()}:{orjson.dumps(value).decode()}"
        for key, value in sorted(content.items())
    ]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    (DEFINITIONS / name).write_text(text, encoding="utf-8")
    log.info("%s: %d entries, %d bytes", name, len(content), len(text))


def main(folder: Path) -> None:
    definitions = [
        definition
        for name in ("profiles-types.json", "profiles-resources.json")
        for definition in resources_of(folder / name)
        if definition["resourceType"] == "StructureDefinition"
        and definition["kind"] in {"resource", "complex-type"}
        and definition.get("derivation") != "constraint"
    ]
    terminology = resources_of(folder / "valuesets.json")
    value_sets = {r["url"]: r for r in terminology if r["resourceType"] == "ValueSet"}
    code_systems = {r["url"]: r for r in terminology if r["resourceType"] == "CodeSystem"}

    elements: dict[str, Any] = {}
    rules: dict[str, dict[str, str]] = {}
    for definition in definitions:
        elements.update(structure(definition))
        rules.update(invariants(definition))
    bound = {
        element["codes"]
        for owner in elements.values()
        for element in owner["elements"].values()
        if "codes" in element
    }
    DEFINITIONS.mkdir(exist_ok=True)
    write("elements.json", elements)
    write("invariants.json", rules)
    write(
        "codes.json",
        {
            url: SUPPLEMENT.get(url) or expanded(value_sets[url], code_systems)
            for url in bound - OPEN_ENDED
        },
    )
    names = {d["type"]: d["kind"] for d in definitions if not d["abstract"]}
    write("kinds.json", names)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(Path(sys.argv[1]))
