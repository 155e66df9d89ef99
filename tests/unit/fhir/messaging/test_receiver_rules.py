"""The receiver's decision table, on every message of the guide and every faulty one."""

import json
from pathlib import Path
from typing import Any

import pytest

from fhir.messaging import (
    SUPPORTED_VERSIONS,
    MessageRefusedError,
    Workflow,
    decide,
    parse_message,
    version_supported,
)
from tests.shared_data import data

ORIGINALS = {
    # Bundle.id of the referral and of the validation request that the examples answer.
    "79120f41-a431-4f08-bcc5-1e67006fcae0",
    "86e3371d-1c15-4862-9552-d9560f8292ba",
}

GUIDE: dict[str, Workflow | tuple[int, str, str]] = {
    # Accepted: completed plan, finished encounter.
    "REFREQ02": Workflow.REFERRAL_NEW,
    "REFREQ03": Workflow.REFERRAL_NEW,
    "REFREQ07": Workflow.REFERRAL_NEW,
    # CarePlan active: a referral needs a completed one.
    "REFREQ05": (400, "REC_BAD_REQUEST", "invariant"),
    "REFREQ8A": (400, "REC_BAD_REQUEST", "invariant"),
    # A referral may be cancelled by an update, never changed.
    "REFREQ8C": (400, "REC_BAD_REQUEST", "invariant"),
    "REFREQ9A": (400, "REC_BAD_REQUEST", "invariant"),
    "REFRESP01": Workflow.NO_SHOW,
    "SERVREQ01": Workflow.VALIDATION_CANCEL,
    # "delete" is a reason code that the receiver table has no workflow for.
    "SERVREQ02": (400, "REC_BAD_REQUEST", "invariant"),
    # Named a response, but it is a new validation request.
    "VALRESP01": Workflow.VALIDATION_NEW,
    # Focus encounter finished needs ServiceRequest completed; the example leaves it active.
    "VALRESP02": (400, "REC_BAD_REQUEST", "invariant"),
    # A rejection needs ServiceRequest revoked and the focus encounter triaged.
    "VALRESP04": (400, "REC_BAD_REQUEST", "invariant"),
}


def workflow_of(path: Path, *, free: bool = True) -> Workflow | tuple[int, str, str]:
    try:
        message = parse_message(path.read_bytes(), versions=SUPPORTED_VERSIONS)
        return decide(
            message, on_file=lambda bundle: bundle in ORIGINALS, slot_free=lambda _slot: free
        )
    except MessageRefusedError as error:
        return error.status, error.code, error.issue


@pytest.mark.parametrize("name", sorted(GUIDE))
def test_messages_of_the_guide(name: str) -> None:
    (path,) = data("bars/ig").glob(f"{name} - *.json")
    assert workflow_of(path) == GUIDE[name]


def test_no_message_of_the_guide_is_left_out() -> None:
    names = {
        path.name.split(" - ")[0]
        for path in data("bars/ig").glob("*.json")
        if json.loads(path.read_bytes()).get("type") == "message"
    }
    assert names == set(GUIDE)


def faulty() -> list[dict[str, Any]]:
    try:
        index = data("invalid/bars-negative.json")
    except pytest.skip.Exception:
        return []
    cases: list[dict[str, Any]] = json.loads(index.read_bytes())
    # Cases of the headers and of repeated ids are decided before the body is read.
    return [case for case in cases if not case["headers"]]


@pytest.mark.parametrize("case", faulty(), ids=lambda case: str(case["file"]))
def test_faulty_messages_get_the_expected_answer(case: dict[str, Any]) -> None:
    path = data("invalid/bars-negative") / case["file"]
    found = workflow_of(path, free="slot busy" not in case["setup"])
    if case["http"] == 200:
        assert isinstance(found, Workflow)
    elif case["setup"] == "mark the slot busy in the receiver":
        assert workflow_of(path, free=False) == (409, "REC_CONFLICT", "conflict")
    else:
        assert found == (case["http"], case["bars_code"], case["issue_code"])


@pytest.mark.parametrize(
    ("version", "supported"),
    [
        ("1.0.0-alpha", True),
        ("1.2.0", True),
        ("1.2.11", True),
        ("1.3.4", True),
        ("1.4.0", True),
        ("1.4.1", False),
        ("1.2.x", True),
        ("1.2.", False),
        ("1.2.0-beta", False),
        ("9.9.9", False),
    ],
)
def test_supported_versions(version: str, supported: bool) -> None:
    assert version_supported(version, SUPPORTED_VERSIONS) is supported


# The table itself, row by row, on a small message of our own. --------------------------------


def small_message(
    *,
    event: str = "servicerequest-request",
    reason: str = "new",
    category: str = "referral",
    status: str = "active",
    plan: str | None = "completed",
    encounter: str | None = "finished",
    focus: str = "urn:uuid:request",
    response: str | None = None,
) -> bytes:
    request: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "status": status,
        "intent": "order",
        "category": [
            {
                "coding": [
                    {
                        "system": "https://fhir.nhs.uk/CodeSystem/message-category-servicerequest",
                        "code": category,
                    }
                ]
            }
        ],
        "subject": {"reference": "urn:uuid:person"},
    }
    header: dict[str, Any] = {
        "resourceType": "MessageHeader",
        "eventCoding": {
            "system": "https://fhir.nhs.uk/CodeSystem/message-events-bars",
            "code": event,
        },
        "source": {"endpoint": "https://fhir.nhs.uk/Id/dos-service-id|1"},
        "reason": {"coding": [{"code": reason}]},
        "focus": [{"reference": focus}],
    }
    if response:
        header["response"] = {"identifier": response, "code": "ok"}
    entries = [
        {"fullUrl": "urn:uuid:header", "resource": header},
        {"fullUrl": "urn:uuid:request", "resource": request},
        {"fullUrl": "urn:uuid:person", "resource": {"resourceType": "Patient"}},
    ]
    if plan:
        request["basedOn"] = [{"reference": "urn:uuid:plan"}]
        entries.append(
            {"fullUrl": "urn:uuid:plan", "resource": {"resourceType": "CarePlan", "status": plan}}
        )
    if encounter:
        request["encounter"] = {"reference": "urn:uuid:encounter"}
        entries.append(
            {
                "fullUrl": "urn:uuid:encounter",
                "resource": {"resourceType": "Encounter", "status": encounter},
            }
        )
    bundle = {
        "resourceType": "Bundle",
        "id": "b-1",
        "type": "message",
        "meta": {"versionId": "1.1.0"},
        "entry": entries,
    }
    return json.dumps(bundle).encode()


def outcome_of(body: bytes) -> Workflow | tuple[int, str]:
    try:
        message = parse_message(body, versions=SUPPORTED_VERSIONS)
        return decide(message, on_file=lambda bundle: bundle == "known", slot_free=lambda _: True)
    except MessageRefusedError as error:
        return error.status, error.issue


INVARIANT = (400, "invariant")


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, Workflow.REFERRAL_NEW),
        ({"encounter": "triaged"}, Workflow.REFERRAL_NEW),
        ({"encounter": "in-progress"}, INVARIANT),
        ({"plan": "active"}, INVARIANT),
        ({"plan": None}, INVARIANT),
        ({"encounter": None}, INVARIANT),
        ({"status": "draft"}, INVARIANT),
        ({"category": "other"}, INVARIANT),
        ({"reason": "delete"}, INVARIANT),
        ({"category": "validation", "plan": "active"}, INVARIANT),
        (
            {"category": "validation", "plan": "active", "encounter": "in-progress"},
            Workflow.VALIDATION_NEW,
        ),
        (
            {"category": "validation", "plan": "active", "encounter": "triaged"},
            Workflow.VALIDATION_NEW,
        ),
        ({"reason": "update", "status": "revoked"}, Workflow.REFERRAL_CANCEL),
        ({"reason": "update", "status": "entered-in-error"}, Workflow.REFERRAL_CANCEL),
        ({"reason": "update", "status": "active"}, INVARIANT),
        (
            {"reason": "update", "category": "validation", "status": "revoked"},
            Workflow.VALIDATION_CANCEL,
        ),
        (
            {"reason": "update", "category": "validation", "status": "on-hold"},
            Workflow.VALIDATION_UPDATE,
        ),
        (
            {"reason": "update", "category": "validation", "status": "completed"},
            INVARIANT,
        ),
    ],
)
def test_requests(parts: dict[str, Any], expected: Workflow | tuple[int, str]) -> None:
    assert outcome_of(small_message(**parts)) == expected


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"response": None}, INVARIANT),
        ({"response": "unknown"}, (404, "not-found")),
        ({"status": "revoked"}, Workflow.NO_SHOW),
        ({"status": "revoked", "reason": "update"}, INVARIANT),
        ({"category": "validation", "encounter": "in-progress"}, Workflow.VALIDATION_INTERIM),
        (
            {"category": "validation", "encounter": "in-progress", "reason": "update"},
            INVARIANT,
        ),
        (
            {"category": "validation", "status": "completed", "encounter": "finished"},
            Workflow.VALIDATION_FINAL,
        ),
        (
            {
                "category": "validation",
                "status": "completed",
                "encounter": "triaged",
                "reason": "update",
            },
            Workflow.VALIDATION_FINAL,
        ),
        (
            {"category": "validation", "status": "revoked", "encounter": "triaged"},
            Workflow.VALIDATION_REJECTED,
        ),
        ({"category": "validation", "status": "revoked", "encounter": "planned"}, INVARIANT),
    ],
)
def test_responses(parts: dict[str, Any], expected: Workflow | tuple[int, str]) -> None:
    focus = "urn:uuid:encounter" if parts.get("category") == "validation" else "urn:uuid:request"
    wanted = {"response": "known", **parts}
    body = small_message(event="servicerequest-response", focus=focus, **wanted)
    assert outcome_of(body) == expected


@pytest.mark.parametrize(
    "body",
    [b"[]", b'"text"', b"{", b"\xff", b'{"resourceType": "Bundle", "resourceType": "Bundle"}'],
)
def test_what_is_no_json_object_is_a_structure_fault(body: bytes) -> None:
    with pytest.raises(MessageRefusedError) as caught:
        parse_message(body, versions=SUPPORTED_VERSIONS)
    assert (caught.value.status, caught.value.issue) == (400, "structure")


def test_an_outcome_names_the_code_and_the_place_and_no_person() -> None:
    with pytest.raises(MessageRefusedError) as caught:
        parse_message(small_message(focus="urn:uuid:nowhere"), versions=SUPPORTED_VERSIONS)
    (issue,) = caught.value.outcome("o-1")["issue"]
    assert issue["details"]["coding"][0]["code"] == "REC_BAD_REQUEST"
    assert issue["expression"] == ["MessageHeader.focus[0]"]
    assert issue["diagnostics"] == "MessageHeader.focus does not resolve in the message"
