"""Posting BaRS messages to the hub in tests, and the sample hub they arrive at."""

import copy
import json
import uuid
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub import records
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.records import Record

_HUB = hub_actor("test")

CATEGORY = "https://fhir.nhs.uk/CodeSystem/message-category-servicerequest"
USE_CASE = "https://fhir.nhs.uk/CodeSystem/usecases-categories-bars"
NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
VERIFICATION = (
    "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus"
)


def sender(code: str) -> Actor:
    """Return a system that may refer by message."""
    return Actor(
        kind=ActorKind.SYSTEM,
        id=f"client/{code}",
        display=code,
        scopes=frozenset({"system/ServiceRequest.c"}),
    )


def post(
    client: FlaskClient,
    token: str,
    body: dict[str, Any] | bytes,
    *,
    headers: dict[str, str | None] | None = None,
) -> TestResponse:
    """Post a message with fresh ids; a header given as None is left out."""
    sent: dict[str, str | None] = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/fhir+json",
        "X-Request-Id": str(uuid.uuid4()),
        "X-Correlation-Id": str(uuid.uuid4()),
        **(headers or {}),
    }
    return client.post(
        "/fhir/$process-message",
        data=body if isinstance(body, bytes) else json.dumps(body),
        headers={name: value for name, value in sent.items() if value is not None},
    )


def issue(response: TestResponse) -> tuple[int, str, str]:
    """Return (status, BaRS code, issue code) of a refusal."""
    body = json.loads(response.get_data())
    assert body["resourceType"] == "OperationOutcome", body
    first = body["issue"][0]
    return response.status_code, first["details"]["coding"][0]["code"], first["code"]


def found(resource_type: str, *params: tuple[str, str]) -> list[Record]:
    return list(records.search(_HUB, resource_type, params).records)


def task_of(request: str, code: str) -> Record:
    (task,) = [
        task
        for task in found("Task", ("focus", request))
        if task.managed and task["code"]["coding"][0]["code"] == code
    ]
    return task


def accepted(client: FlaskClient, token: str, message: dict[str, Any]) -> str:
    """Post a message that must be accepted; return the reference of its referral."""
    response = post(client, token, message)
    assert response.status_code == 200, response.get_data(as_text=True)
    return f"ServiceRequest/{json.loads(response.get_data())['entry'][1]['resource']['id']}"


def referral(
    *,
    nhs_number: str | None = "9990000018",
    family: str = "Example",
    born: str = "1950-02-01",
    reason: str = "Two falls this month, needs help to wash",
    priority: str | None = "urgent",
    category: str = "referral",
    use_case: str = "a5t1",
    dos_id: str = "2000099002",
    flags: tuple[tuple[str, str], ...] = (),
    falls: bool | None = None,
    carer: str | None = None,
) -> dict[str, Any]:
    """Return a new referral (or validation) message of our own."""
    urls = {name: f"urn:uuid:{uuid.uuid4()}" for name in _PARTS}
    request: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "category": [
            {
                "coding": [
                    {"system": CATEGORY, "code": category},
                    {"system": USE_CASE, "code": use_case},
                ]
            }
        ],
        "subject": {"reference": urls["patient"]},
        "encounter": {"reference": urls["encounter"]},
        "basedOn": [{"reference": urls["plan"]}],
        "requester": {"reference": urls["practitioner"]},
        "reasonCode": [{"text": reason}],
        "authoredOn": "2026-11-20T09:00:00+00:00",
    }
    if priority:
        request["priority"] = priority
    patient: dict[str, Any] = {
        "resourceType": "Patient",
        "name": [{"family": family, "given": ["Pat"]}],
        "gender": "female",
        "birthDate": born,
        "address": [{"line": ["1 Example Street"], "postalCode": "SS0 1AA"}],
    }
    if nhs_number:
        patient["identifier"] = [verified(nhs_number)]
    if carer:
        patient["contact"] = [{"relationship": [{"text": "Carer"}], "name": {"text": carer}}]
    plan_status = "active" if category == "validation" else "completed"
    encounter_status = "triaged" if category == "validation" else "finished"
    resources: dict[str, dict[str, Any]] = {
        "header": header(urls["request"], urls["sender"], dos_id=dos_id),
        "request": request,
        "patient": patient,
        "encounter": {
            "resourceType": "Encounter",
            "status": encounter_status,
            "class": {
                "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
                "code": "AMB",
            },
            "subject": {"reference": urls["patient"]},
        },
        "plan": {
            "resourceType": "CarePlan",
            "status": plan_status,
            "intent": "plan",
            "subject": {"reference": urls["patient"]},
        },
        "practitioner": {"resourceType": "Practitioner", "name": [{"text": "Dr Sam Sender"}]},
        "sender": {"resourceType": "Organization", "name": "Sending surgery"},
    }
    for number, (flag_category, words) in enumerate(flags):
        urls[f"flag-{number}"] = f"urn:uuid:{uuid.uuid4()}"
        resources[f"flag-{number}"] = flag(flag_category, words, urls["patient"])
    if falls is not None:
        urls["form"] = f"urn:uuid:{uuid.uuid4()}"
        resources["form"] = {
            "resourceType": "QuestionnaireResponse",
            "status": "completed",
            "item": [{"linkId": "falls", "answer": [{"valueBoolean": falls}]}],
        }
    return bundle({urls[name]: resource for name, resource in resources.items()})


_PARTS = ("header", "request", "patient", "encounter", "plan", "practitioner", "sender")


def bundle(entries: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "id": str(uuid.uuid4()),
        "meta": {"versionId": "1.4.0"},
        "type": "message",
        "timestamp": "2026-11-20T09:00:00+00:00",
        "entry": [{"fullUrl": url, "resource": resource} for url, resource in entries.items()],
    }


def header(focus: str, sender: str, *, dos_id: str, reason: str = "new") -> dict[str, Any]:
    return {
        "resourceType": "MessageHeader",
        "eventCoding": {
            "system": "https://fhir.nhs.uk/CodeSystem/message-events-bars",
            "code": "servicerequest-request",
        },
        "destination": [{"endpoint": f"https://fhir.nhs.uk/Id/dos-service-id|{dos_id}"}],
        "sender": {"reference": sender},
        "source": {
            "name": "Sending surgery",
            "endpoint": "https://fhir.nhs.uk/Id/dos-service-id|2000000001",
        },
        "reason": {
            "coding": [
                {"system": "https://fhir.nhs.uk/CodeSystem/message-reason-bars", "code": reason}
            ]
        },
        "focus": [{"reference": focus}],
    }


def verified(nhs_number: str) -> dict[str, Any]:
    """Return an NHS number identifier that its sender calls verified."""
    return {
        "extension": [
            {"url": VERIFICATION, "valueCodeableConcept": {"coding": [{"code": "01"}]}},
        ],
        "system": NHS_NUMBER,
        "value": nhs_number,
    }


def flag(category: str, words: str, patient: str) -> dict[str, Any]:
    return {
        "resourceType": "Flag",
        "status": "active",
        "category": [
            {
                "coding": [
                    {
                        "system": "https://fhir.nhs.uk/CodeSystem/flag-categories-bars",
                        "code": category,
                    }
                ]
            }
        ],
        "code": {"text": words},
        "subject": {"reference": patient},
    }


def resource_of(message: dict[str, Any], resource_type: str) -> dict[str, Any]:
    """Return the first resource of a type in a message, to be changed by a test."""
    found: dict[str, Any] = next(
        entry["resource"]
        for entry in message["entry"]
        if entry["resource"]["resourceType"] == resource_type
    )
    return found


def changed(message: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(message)
