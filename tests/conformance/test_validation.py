"""Nothing that is wrong is accepted, nothing that is right is refused: the official data."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhir import jsontext, registry
from fhir.outcomes import FHIRError
from fhir.registry import SUPPORTED_TYPES, UNSTORED_TYPES
from fhir.validation import validate
from fhir.validation.accept import accepts
from fhir.validation.report import report
from tests.shared_data import data

TRULY_INVALID = {
    "ActivityDefinition-blood-tubes-supply.json": "txt-2: its narrative is empty",
    "MedicationRequest-medrx0301.json": "dispenseRequest.performer is a Practitioner, R4 allows "
    "only an Organization",
    "Questionnaire-qs1.json": "items without linkId, which R4 requires",
    "Extension-UKCore-ConditionEpisode-Example.json": "an extension with two values",
    "aggregation-apart-good4.json": "an Encounter without class, which R4 requires",
}
"""Published as good, but not legal R4: file -> why."""

NOT_CHECKED = {
    "mr-covid-m5.json": "relative system URI and displays: questions of terminology",
}
"""Listed as structural, but refused by HL7 for reasons beyond structure."""

HELD = {*SUPPORTED_TYPES, *UNSTORED_TYPES}


def files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(data(folder).glob("*.json"))


def parsed(path: Path) -> dict[str, Any]:
    return jsontext.parse(path.read_bytes())[0]


def refused(path: Path) -> bool:
    try:
        return bool(validate(parsed(path)))
    except FHIRError as error:
        return error.status == 400


def test_every_mutant_is_refused_at_its_fault() -> None:
    mutants = json.loads(data("invalid/mutations.json").read_text("utf-8"))
    missed = []
    for mutant in mutants:
        resource = parsed(data("invalid/mutations") / mutant["file"])
        found = {(i.code, (i.expression or "").partition("[0]")[0]) for i in validate(resource)}
        if (mutant["expected_issue_code"], mutant["expression"].partition("[0]")[0]) not in found:
            missed.append((mutant["file"], found))
    assert missed == []
    assert len(mutants) > 200


def test_every_structural_and_malformed_case_is_refused() -> None:
    cases = json.loads(data("invalid/expected.json").read_text("utf-8"))
    accepted = []
    for case in cases:
        if case["class"] not in {"structural-schema", "malformed-json"}:
            continue
        if not refused(data("invalid/resources") / case["file"]):
            accepted.append(case["file"])
    assert accepted == list(NOT_CHECKED)


def test_every_good_example_is_accepted() -> None:
    faulty = {}
    seen = 0
    for path in files("r4-examples", "ukcore-examples", "invalid/valid-controls"):
        resource = parsed(path)
        if resource.get("resourceType") not in HELD:
            continue
        seen += 1
        issues = validate(resource)
        if issues:
            faulty[path.name] = [(i.expression, i.text) for i in issues[:2]]
    assert set(faulty) == set(TRULY_INVALID), {
        name: why for name, why in faulty.items() if name not in TRULY_INVALID
    }
    assert seen > 300


def test_every_bars_request_example_is_accepted() -> None:
    for path in files("bars/ig"):
        assert validate(parsed(path)) == [], path.name


def test_what_the_fast_pass_accepts_the_reporting_pass_finds_no_fault_in() -> None:
    for path in files("r4-examples", "ukcore-examples", "invalid/valid-controls"):
        resource = parsed(path)
        kind = resource.get("resourceType")
        if kind in registry.resource_types() and accepts(resource):
            assert list(report(resource)) == [], path.name


@pytest.mark.parametrize("server_meta", [True, False])
def test_examples_are_not_changed_by_validation(server_meta: bool) -> None:
    for path in list(files("ukcore-examples"))[:20]:
        resource = parsed(path)
        before = jsontext.dumps(resource)
        validate(resource, server_meta=server_meta)
        assert jsontext.dumps(resource) == before
