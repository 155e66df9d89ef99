"""Nothing that is wrong is accepted, nothing that is right is refused: the official data."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir import jsontext, registry
from fhir.outcomes import Issue
from fhir.registry import SUPPORTED_TYPES
from fhir.validation import validate
from fhir.validation.accept import accepts
from fhir.validation.report import report
from tests.shared_data import data

TRULY_INVALID = {
    "ActivityDefinition-blood-tubes-supply.json": "txt-2: its narrative is empty",
    "DeviceMetric-example.json": "parent is a DeviceMetric, R4 allows only a Device",
    "DeviceUseStatement-example.json": "reasonReference names a type that R4 does not allow there",
    "EventDefinition-example.json": "txt-2: its narrative is empty",
    "MedicationRequest-medrx0301.json": "dispenseRequest.performer is a Practitioner, R4 allows "
    "only an Organization",
    "Questionnaire-qs1.json": "items without linkId, which R4 requires",
    "Extension-UKCore-ConditionEpisode-Example.json": "an extension with two values",
    "aggregation-apart-good4.json": "an Encounter without class, which R4 requires",
}
"""Published as good, but not legal R4: file -> why."""

MUTANTS = {
    "cardinality-json-array": 15,
    "cardinality-json-scalar": 18,
    "choice-duplicate": 4,
    "empty-array": 14,
    "empty-string": 23,
    "missing-required": 26,
    "null-value": 14,
    "primitive-format": 38,
    "primitive-json-type": 3,
    "reference-target-type": 13,
    "required-binding": 21,
    "resource-id": 23,
    "unknown-property": 20,
}
"""Kind of fault -> how many mutants have it."""

HL7_CASES = {
    "base-spec-rule": 35,
    "malformed-json": 4,
    "profile-or-other": 56,
    "structural-schema": 16,
    "terminology": 26,
}

GOOD = {"r4-examples": 353, "ukcore-examples": 99, "invalid/valid-controls": 91}
"""Folder -> how many examples that are said to be good."""

# R4 arranges issue types: structure, required, value and invariant are kinds of "invalid"
# (https://hl7.org/fhir/R4/valueset-issue-type.html). HL7's validator says "invalid" or "structure"
# where we name the kind; a code that is in no value set is "code-invalid" for both.
KINDS = {
    "invalid": {"invalid", "structure", "required", "value", "invariant"},
    "structure": {"structure", "required", "value"},
    "invariant": {"invariant", "invalid"},
    "code-invalid": {"code-invalid"},
    "required": {"required", "structure"},
}

SMART_HEALTH_CARD = "shc-file.json"
"""No resource at all: HL7 unpacks the card in it, for R4 its resourceType is missing."""

NO_RULE_OF_R4 = {
    "displays": "displays are compared with a terminology, never required",
    "extensions": "unknown extensions, or where HL7's own may stand: extensions are open in R4",
    "addresses": "relative canonicals and fullUrls: official examples have them, $validate warns",
    "profiles": "a rule of a profile or of vital signs, which no ordinary write enforces",
    "references": "what a reference resolves to inside a bundle",
    "searches": "what a searchset should hold for the search that its link names",
    "signatures": "CQL, XML or signatures inside",
    "lost": "the fault of the XML is not in the JSON that was made from it",
}

NOT_REFUSED = {
    "PulseOxBundle_25Oct2022.json": "profiles",
    "bad-bundle-reference-type-4.json": "references",
    "bad-markdown-no-html.json": "profiles",
    "bundle-dual-subject.json": "lost",
    "bundle-duplicate-id.json": "addresses",
    "bundle-duplicate-ids-not.json": "displays",
    "bundle-id-4.json": "searches",
    "bundle-id-5.json": "searches",
    "bundle-ihe-good.json": "addresses",
    "ips-nz-pj.json": "displays",
    "maiden-name-extension.json": "extensions",
    "mr-m-simple-nossystem.json": "addresses",
    "nested-questionnaire-nested-valueset.json": "extensions",
    "obs-temp-bad.json": "profiles",
    "pat-dob-ext.json": "extensions",
    "patient-extension-complex-bad1.json": "extensions",
    "patient-translated-codes.json": "displays",
    "patient-xver-bad-gino.json": "extensions",
    "patient-xver-bad.json": "extensions",
    "q-bp.json": "extensions",
    "sdoh-type-slice.json": "displays",
    "vs-params-4.json": "signatures",
}
"""Cases that HL7 calls rules of the base, accepted by us: file -> which reason."""


def files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(data(folder).glob("*.json"))


def parsed(path: Path) -> dict[str, Any]:
    return jsontext.parse(path.read_bytes())[0]


def index(name: str) -> list[dict[str, Any]]:
    """Return an index file, having seen that it lists the files of its folder and no others."""
    folder = {"expected": "resources"}.get(name, name)
    listed: list[dict[str, Any]] = json.loads(data(f"invalid/{name}.json").read_text("utf-8"))
    assert sorted(each["file"] for each in listed) == sorted(
        path.name for path in files(f"invalid/{folder}")
    )
    return listed


def test_every_mutant_is_refused_at_its_fault() -> None:
    mutants = index("mutations")
    missed = []
    for mutant in mutants:
        wanted = (mutant["expected_issue_code"], mutant["expression"])
        found = {
            (issue.code, issue.expression)
            for issue in validate(parsed(data("invalid/mutations") / mutant["file"]))
        }
        # Where one of several references is wrong the index names the element, we the one.
        if wanted not in found and (wanted[0], f"{wanted[1]}[0]") not in found:
            missed.append((mutant["file"], wanted, found))
    assert missed == []
    assert Counter(mutant["mutation"] for mutant in mutants) == MUTANTS


def test_every_mutant_sent_to_the_api_gets_400_with_its_fault(
    client: FlaskClient, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    mutants = index("mutations")
    for mutant in mutants:
        kind = mutant["resourceType"]
        body = (data("invalid/mutations") / mutant["file"]).read_bytes()
        # On create id and meta are ours: those faults are for PUT and $validate to refuse.
        ours = mutant["mutation"] == "resource-id" or mutant["expression"].endswith("lastUpdated")
        created = client.post(f"/fhir/{kind}", data=body, headers=headers)
        assert created.status_code == (201 if ours else 400), (mutant["file"], created.text)
        checked = client.post(f"/fhir/{kind}/$validate", data=body, headers=headers)
        found = [created, checked] if not ours else [checked]
        for answer in found:
            told = {
                (issue["code"], issue.get("expression", [""])[0].removesuffix("[0]"))
                for issue in answer.get_json()["issue"]
                if issue["severity"] == "error"
            }
            assert (mutant["expected_issue_code"], mutant["expression"]) in told, mutant["file"]
    assert len(mutants) == 232


_MISSING = re.compile(r"(?:\w+\.)*(\w+)(?:\[x\])?: minimum required").match
_UNKNOWN = re.compile(r"Unrecognized property '(\w+)'").match


def place(error: dict[str, Any]) -> str:
    """Return where HL7 found a fault, in our words: below the element where it names the parent."""
    path = (error["expression"] or [""])[0]
    path = re.sub(r"/\*.*?\*/\.?", ".", path).rstrip(".").replace("..", ".")
    path = re.sub(r"\.ofType\(\w+\)", "", path)
    for named in (_MISSING(error["text"]), _UNKNOWN(error["text"])):
        if named:
            return f"{path}.{named[1]}"
    return path


def agrees(error: dict[str, Any], issue: Issue) -> bool:
    at = (issue.expression or "").removesuffix("[x]")
    wanted = place(error)
    below = at.removeprefix(wanted)
    close = at.startswith(wanted) and (not below or below[0] in ".[")
    if issue.code == "invariant":
        # A rule stands at the element that has it, whatever below it breaks it.
        close = close or wanted.startswith(f"{at}.")
    return close and issue.code in KINDS.get(error["code"], set())


@pytest.mark.parametrize("kind", ["structural-schema", "base-spec-rule"])
def test_every_case_of_hl7s_validator_is_refused_where_it_says(kind: str) -> None:
    cases = [case for case in index("expected") if case["class"] == kind]
    accepted, elsewhere = [], []
    for case in cases:
        issues = validate(parsed(data("invalid/resources") / case["file"]))
        if not issues:
            accepted.append(case["file"])
        elif case["file"] == SMART_HEALTH_CARD:
            assert [(i.code, i.expression) for i in issues] == [("required", "resourceType")]
        elif not any(agrees(error, i) for error in case["expected_errors"] for i in issues):
            elsewhere.append((case["file"], [(i.code, i.expression) for i in issues]))
    assert elsewhere == []
    assert sorted(accepted) == (sorted(NOT_REFUSED) if kind == "base-spec-rule" else [])
    assert len(cases) == HL7_CASES[kind]


def test_every_malformed_case_is_refused_as_such(client: FlaskClient, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    cases = [case for case in index("expected") if case["class"] == "malformed-json"]
    for case in cases:
        body = (data("invalid/resources") / case["file"]).read_bytes()
        for address in ("Patient", "Patient/$validate"):
            answer = client.post(f"/fhir/{address}", data=body, headers=headers)
            assert answer.status_code == 400, case["file"]
            assert answer.get_json()["issue"][0]["code"] == "structure"
    assert len(cases) == HL7_CASES["malformed-json"]


def test_every_case_of_hl7s_validator_is_of_a_kind_that_is_accounted_for() -> None:
    assert Counter(case["class"] for case in index("expected")) == HL7_CASES
    assert set(NOT_REFUSED.values()) == set(NO_RULE_OF_R4)


def test_every_good_example_is_accepted() -> None:
    faulty = {}
    seen = Counter[str]()
    for folder in GOOD:
        for path in files(folder):
            resource = parsed(path)
            assert resource["resourceType"] in registry.resource_types()
            seen[folder] += 1
            if issues := validate(resource):
                faulty[path.name] = [(i.expression, i.text) for i in issues[:2]]
    assert set(faulty) == set(TRULY_INVALID), {
        name: why for name, why in faulty.items() if name not in TRULY_INVALID
    }
    assert seen == GOOD


def test_every_good_example_of_a_held_type_is_created_over_the_api(
    client: FlaskClient, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    created = Counter[str]()
    for folder in GOOD:
        for path in files(folder):
            kind = parsed(path)["resourceType"]
            if kind not in SUPPORTED_TYPES:
                continue
            answer = client.post(f"/fhir/{kind}", data=path.read_bytes(), headers=headers)
            wanted = 400 if path.name in TRULY_INVALID else 201
            assert answer.status_code == wanted, (path.name, answer.text[:300])
            created[folder] += 1
    assert created == {"r4-examples": 215, "ukcore-examples": 85, "invalid/valid-controls": 72}


def test_every_bars_request_example_is_accepted() -> None:
    paths = list(files("bars/ig"))
    for path in paths:
        assert validate(parsed(path)) == [], path.name
    assert len(paths) == 31


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
