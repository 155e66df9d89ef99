"""What the hub sends on is what a receiver of the standard takes: its own receiver too."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fhir.messaging import (
    Message,
    Receiver,
    Referral,
    Workflow,
    cancellation_bundle,
    decide,
    request_bundle,
)
from fhir.validation import validate
from tests.shared_data import data
from tests.unit.fhir.messaging.test_response import HUB, read, references

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
TO = Receiver("Acute assessment unit", "2000099091", "Prittle Hospital", "RXH")
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "meta": {"versionId": "3", "tag": [{"code": "untraced"}]},
    "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"}],
    "name": [{"family": "Tapper", "given": ["Ivy"]}],
    "birthDate": "1940-02-29",
    "generalPractitioner": [{"reference": "Organization/f81999"}],
}
REQUEST = {
    "resourceType": "ServiceRequest",
    "id": "s1",
    "status": "completed",
    "intent": "order",
    "priority": "urgent",
    "code": {"text": "Advise me"},
    "reasonCode": [{"text": "Short of breath"}],
    "authoredOn": "2026-11-27T08:00:00Z",
    "subject": {"reference": "Patient/p1"},
    "requester": {"reference": "Practitioner/gp"},
    "extension": [{"url": "https://carehub.example/door", "valueCode": "phone"}],
}
FLAG = {
    "resourceType": "Flag",
    "id": "f1",
    "status": "active",
    "category": [
        {
            "coding": [
                {"system": "https://fhir.nhs.uk/CodeSystem/flag-categories-bars", "code": "SG"}
            ]
        }
    ],
    "code": {"text": "Adult safeguarding concern"},
    "subject": {"reference": "Patient/p1"},
    "author": {"reference": "Practitioner/x"},
}


def sent(**changes: Any) -> Message:
    given: dict[str, Any] = {
        "id": "6f0a4ff4-0f1f-4d6e-9d0c-5a8b3ef0a001",
        "version": "1.4.0",
        "at": NOW,
        "since": NOW - timedelta(hours=1),
        "case": "https://hub.example.org/fhir/ServiceRequest/s1",
        "words": "Short of breath since Monday",
        "request": REQUEST,
        "patient": PATIENT,
        "flags": (FLAG,),
    }
    return read(request_bundle(Referral(**given | changes), HUB, TO))


def asked_of(message: Message) -> Workflow:
    return decide(message, on_file=lambda _: False, slot_free=lambda _: True)


def test_a_referral_and_its_cancellation_are_those_of_the_receivers_table() -> None:
    message = sent()
    assert asked_of(message) is Workflow.REFERRAL_NEW
    for error, status in ((False, "revoked"), (True, "entered-in-error")):
        cancelled = read(
            cancellation_bundle(
                message, NOW + timedelta(hours=1), words="Better", entered_in_error=error
            )
        )
        assert asked_of(cancelled) is Workflow.REFERRAL_CANCEL
        # Bundle.id is "retained in subsequent messages", and so is what the message is about.
        assert cancelled.id == message.id
        assert cancelled.focus.full_url == message.focus.full_url
        assert cancelled.focus.resource["status"] == status
        assert cancelled.bundle["meta"]["lastUpdated"] > message.bundle["meta"]["lastUpdated"]
        assert cancelled.header["definition"].endswith("servicerequest-request-cancelled")
        assert cancelled.destination == message.destination == f"{_DOS}|2000099091"


_DOS = "https://fhir.nhs.uk/Id/dos-service-id"


@pytest.mark.parametrize("cancel", [False, True])
def test_each_is_valid_and_everything_in_it_resolves(cancel: bool) -> None:
    message = sent()
    if cancel:
        message = read(cancellation_bundle(message, NOW, words="Better"))
    assert [i for i in validate(message.bundle) if i.severity in {"error", "fatal"}] == []
    assert set(references(message.bundle)) <= {entry.full_url for entry in message.entries}
    text = str(message.bundle)
    for inside in ("untraced", "carehub.example", "Practitioner/gp", "Practitioner/x"):
        assert inside not in text


@pytest.mark.parametrize(
    ("file", "cancel"),
    [
        ("BARS-MessageDefinition-ServiceRequest-Request-Referral", False),
        ("BARSMessageDefinitionServiceRequestRequestCancelled", True),
    ],
)
def test_it_holds_the_parts_that_its_definition_asks_for(file: str, cancel: bool) -> None:
    path = data(f"bars/definitions/MessageDefinition/{file}.json")
    definition = json.loads(path.read_bytes())
    message = sent()
    if cancel:
        message = read(cancellation_bundle(message, NOW, words="Better"))
    assert message.header["definition"] == definition["url"]
    allowed = {each["code"] for each in definition["focus"]}
    assert {entry.type for entry in message.entries} <= allowed
    for each in definition["focus"]:
        if each["code"] != "Bundle":
            found = len(list(message.of_type(each["code"])))
            assert found >= each["min"], each["code"]
            assert each["max"] == "*" or found <= int(each["max"]), each["code"]


def test_the_story_the_urgency_and_the_flags_travel() -> None:
    message = sent(use_case="a1t4")
    request = message.focus.resource
    assert request["priority"] == "urgent"
    assert request["reasonCode"] == [{"text": "Short of breath"}]
    assert [c["code"] for c in request["category"][0]["coding"]] == ["referral", "a1t4"]
    (plan,) = message.of_type("CarePlan")
    words = plan.resource["activity"][0]["outcomeCodeableConcept"][0]["text"]
    assert words == "Short of breath since Monday"
    (flag,) = message.of_type("Flag")
    assert flag.resource["code"] == FLAG["code"]
    assert message.patient is not None
    assert message.patient.resource["birthDate"] == "1940-02-29"
