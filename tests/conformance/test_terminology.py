"""Every value set of R4 that has finitely many held codes expands, and to the right codes.

The codes are computed here a second time from the official files, in another way.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from flask import Flask

from fhir.outcomes import FHIRError
from fhir.terminology import STANDARD, Composition
from fhir.terminology.standard import resources
from hub.domain.actor import hub_actor
from hub.records import terminology
from hub.services.loading import LoadReport, load_file
from tests import shared_data

HUB = hub_actor("test")


@cache
def official() -> dict[tuple[str, str], dict[str, Any]]:
    path = shared_data.data("r4-definitions/valuesets.json")
    return {
        (entry["resource"]["resourceType"], entry["resource"]["url"]): entry["resource"]
        for entry in json.loads(path.read_bytes())["entry"]
    }


def listed(concepts: list[dict[str, Any]]) -> Iterator[str]:
    for concept in concepts:
        yield concept["code"]
        yield from listed(concept.get("concept", []))


class UnknownHereError(Exception):
    """The official file alone does not say which codes these are."""


def expected(value_set: dict[str, Any]) -> set[tuple[str, str]]:
    """Return the codes of a value set: lists, whole systems, imports; nothing cleverer."""
    found: set[tuple[str, str]] = set()
    compose = value_set["compose"]
    if "exclude" in compose or "contained" in value_set:
        raise UnknownHereError
    for include in compose["include"]:
        if "filter" in include or "version" in include:
            raise UnknownHereError
        part: set[tuple[str, str]] | None = None
        if "system" in include:
            system = include["system"]
            if "concept" in include:
                part = {(system, each["code"]) for each in include["concept"]}
            else:
                resource = official().get(("CodeSystem", system))
                if resource is None or "concept" not in resource:
                    raise UnknownHereError
                part = {(system, code) for code in listed(resource["concept"])}
        for reference in include.get("valueSet", []):
            imported = official().get(("ValueSet", reference.partition("|")[0]))
            if imported is None:
                raise UnknownHereError
            codes = expected(imported)
            part = codes if part is None else part & codes
        found |= part or set()
    return found


def test_value_sets_have_the_codes_of_the_official_definitions() -> None:
    asked = Composition(STANDARD)
    compared = 0
    for (kind, url), resource in official().items():
        if kind != "ValueSet":
            continue
        try:
            codes = expected(resource)
        except UnknownHereError:
            continue
        compared += 1
        assert set(asked.members(asked.value_set(url))) == codes, url

    assert compared > 550


# Code systems that are not part of the definitions: national, of other bodies, or without end.
OUTSIDE = (
    *("http://snomed.info/sct", "http://loinc.org", "http://unitsofmeasure.org"),
    *("urn:iso:", "urn:ietf:bcp:", "http://www.ensembl.org", "http://www.ebi.ac.uk/"),
    *("http://www.ncbi.nlm.nih.gov/", "http://cancer.sanger.ac.uk/", "http://varnomen.hgvs.org/"),
    *("http://www.ama-assn.org/", "http://www.genenames.org", "http://nucc.org/"),
    *("https://precision.fda.gov/", "http://www.sequenceontology.org", "http://hl7.org/fhir/sid/"),
    *("https://www.iana.org/time-zones", "http://ihe.net/", "http://unstats.un.org/"),
    *("http://www.nlm.nih.gov/", "urn:oid:", "http://www.iana.org/", "http://www.whocc.no/"),
)
# Faults of the definitions themselves.
FAULTY = {
    # Takes version 3.6.0 of a code system that R4 has as 4.0.1.
    "http://hl7.org/fhir/ValueSet/task-code",
    # Its filter is one that only the example's prose describes.
    "http://hl7.org/fhir/ValueSet/example-filter",
    # Import value sets that R4 names and does not define.
    "http://hl7.org/fhir/ValueSet/media-modality",
    "http://hl7.org/fhir/ValueSet/use-context",
    # Name the code system as url|version.
    "http://terminology.hl7.org/ValueSet/v2-2.3.1-0360",
    "http://terminology.hl7.org/ValueSet/v2-2.7-0360",
}


def test_every_other_value_set_of_r4_expands_or_takes_codes_from_outside() -> None:
    asked = Composition(STANDARD)
    refused: dict[str, str] = {}
    expanded = 0
    for resource in resources("ValueSet"):
        try:
            asked.members(resource)
            expanded += 1
        except FHIRError as error:
            refused[resource["url"]] = error.text

    unexplained = {
        url: text
        for url, text in refused.items()
        if url not in FAULTY and not any(f"code system {each}" in text for each in OUTSIDE)
    }
    assert unexplained == {}
    assert set(refused) >= FAULTY
    assert expanded > 1_200


@pytest.mark.parametrize(
    ("url", "count"),
    [
        # Counted by hand in the pages of https://hl7.org/fhir/R4.
        ("http://hl7.org/fhir/ValueSet/administrative-gender", 4),
        ("http://hl7.org/fhir/ValueSet/task-status", 12),
        ("http://hl7.org/fhir/ValueSet/issue-type", 31),
        ("http://hl7.org/fhir/ValueSet/marital-status", 11),
        ("http://terminology.hl7.org/ValueSet/v2-0131", 12),
    ],
)
def test_counts_of_well_known_value_sets(url: str, count: int) -> None:
    asked = Composition(STANDARD)

    assert len(asked.members(asked.value_set(url))) == count


def test_uk_core_is_loaded_as_records_and_expands(app: Flask) -> None:
    report = LoadReport()
    folders = [shared_data.data(f"ukcore-profiles/{name}") for name in ("codesystems", "valuesets")]
    for folder in folders:
        for path in sorted(folder.glob("*.json")):
            load_file(HUB, path, report)
    assert report.created["CodeSystem"] > 50
    assert report.created["ValueSet"] > 50

    asked = Composition(terminology.holdings(HUB))
    systems = {
        each["url"]: each
        for each in shared_data.resources(folders[0])
        if each["content"] == "complete"
    }
    refused: dict[str, str] = {}
    compared = 0
    for value_set in shared_data.resources(folders[1]):
        includes = value_set["compose"]["include"]
        try:
            found = set(asked.members(asked.value_set(value_set["url"])))
        except FHIRError as error:
            refused[value_set["url"]] = error.text
            continue
        if len(includes) == 1 and includes[0].keys() == {"system"}:
            system = includes[0]["system"]
            if system in systems:
                compared += 1
                assert found == {(system, code) for code in listed(systems[system]["concept"])}
    assert compared > 30
    missing = {
        re.sub(r"the code system (\S+) is not held.*", r"\1", text) for text in refused.values()
    }
    assert missing == {
        # Under licences of their own.
        "http://snomed.info/sct",
        "https://dmd.nhs.uk",
        # UK Core gives the first without codes, and names a version of the second from elsewhere.
        "https://fhir.hl7.org.uk/CodeSystem/UKCore-MessageHeaderInstruction",
        "https://fhir.nhs.uk/CodeSystem/message-event|1.0.19",
    }
