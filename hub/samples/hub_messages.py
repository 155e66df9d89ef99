"""What a sender must put into a message to a service of the hub: MessageDefinitions, our own.

The Booking and Referral Standard lets a receiver say so (OpenAPI 1.4.0, ``GET /MessageDefinition``
by ``context``, a service id). They say what ``fhir.messaging.decision`` asks for, no more: what is
optional is kept where it comes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from fhir import systems
from fhir.messaging.codes import BOOKING_REQUEST, MESSAGE_EVENTS, SERVICE_REQUEST
from hub.domain.definition import HubDefinition

_DATED = "2026-11-27"
_USAGE = "http://terminology.hl7.org/CodeSystem/usage-context-type"
_NEEDED = ("Bundle", "MessageHeader", "ServiceRequest", "Patient", "Encounter", "CarePlan")
_TAKEN = (
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "HealthcareService",
    "Location",
    "Consent",
    "Flag",
    "Condition",
    "Observation",
    "Procedure",
    "MedicationStatement",
    "AllergyIntolerance",
    "QuestionnaireResponse",
    "DocumentReference",
)
_KINDS: Mapping[str, tuple[str, str, tuple[str, ...], tuple[str, ...]]] = {
    "bars-request-referral": (
        SERVICE_REQUEST,
        "Referral to the hub: new, update, cancel",
        _NEEDED,
        _TAKEN,
    ),
    "bars-request-validation": (
        SERVICE_REQUEST,
        "Validation by the hub: new, update, cancel",
        _NEEDED,
        _TAKEN,
    ),
    "bars-request-booking": (
        BOOKING_REQUEST,
        "Booking with the hub: new, update, cancel",
        ("Bundle", "MessageHeader", "Appointment", "Patient"),
        ("Slot", "Schedule", "ServiceRequest", *_TAKEN),
    ),
}
"""Id -> event, title, types without which the message is refused, types that are kept."""


def message_definitions(hub: HubDefinition) -> Iterator[dict[str, Any]]:
    """Yield the MessageDefinitions of a hub, each for all services that have a directory id."""
    contexts = [
        {
            "code": {"system": _USAGE, "code": "workflow"},
            "valueCodeableConcept": {
                "coding": [{"system": systems.DOS_SERVICE, "code": each.dos_id}],
                "text": each.name,
            },
        }
        for each in hub.services.values()
        if each.dos_id and each.in_bundle
    ]
    for known, (event, title, needed, taken) in _KINDS.items():
        yield {
            "resourceType": "MessageDefinition",
            "id": known,
            "url": f"{systems.CAREHUB}/MessageDefinition/{known}",
            "version": "1.0.0",
            "name": "".join(part.capitalize() for part in known.split("-")),
            "title": title,
            "status": "active",
            "date": _DATED,
            "useContext": contexts,
            "eventCoding": {"system": MESSAGE_EVENTS, "code": event},
            "category": "consequence",
            "focus": [
                *({"code": each, "min": 1, "max": "1"} for each in needed),
                *({"code": each, "min": 0, "max": "*"} for each in taken),
            ],
        }
