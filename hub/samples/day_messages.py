"""Referrals as another system sends them: BaRS message bundles with their headers.

https://simplifier.net/guide/nhsbookingandreferrals: ``servicerequest-request`` with reason ``new``
for a transfer of care, with reason ``update`` and a revoked ServiceRequest to cancel it.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from fhir import systems
from hub.domain.definition import HubDefinition
from hub.samples.day_script import Referral, Referred

VERSION = "1.4.0"
REFERRAL_NUMBER = "https://simulator.example.org/Id/referral"
"""Identifier system of the sender's own number: how the report finds each referral again."""
_BARS = "https://fhir.nhs.uk/CodeSystem"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_PROFILE = "https://fhir.nhs.uk/StructureDefinition"
_ALERTS = {
    "SG": ("safeguarding-codes-bars", "766561000000109", "Adult safeguarding concern (finding)"),
    "SS": ("scene-safety-codes-bars", "U", "The Scene is unsafe"),
}
_USE_CASES = {"rya": "a3t2", "nx1": "a1t1", "nxo": "a1t1"}
"""Of 999 and 111; everybody else refers like primary care."""

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message as it goes over the wire; sending it again is sending the same bytes."""

    referral: int
    kind: str
    """``new`` or ``cancel``."""
    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str:
        return self.headers["X-Request-Id"]


def new_referral(referral: Referral, definition: HubDefinition) -> OutgoingMessage:
    """Return the message that refers somebody."""
    bundle = _bundle(referral, definition, at=referral.at, reason="new", status="active")
    return _sealed(referral, definition, "new", referral.request_id, bundle)


def cancellation(referral: Referral, definition: HubDefinition, at: datetime) -> OutgoingMessage:
    """Return the message that takes the referral back."""
    bundle = _bundle(referral, definition, at=at, reason="update", status="revoked")
    return _sealed(referral, definition, "cancel", _uuid(referral, "cancel request"), bundle)


def _sealed(
    referral: Referral,
    definition: HubDefinition,
    kind: str,
    request_id: str,
    bundle: Resource,
) -> OutgoingMessage:
    organisation = definition.organisations[referral.source]
    sender = {
        "resourceType": "Organization",
        "identifier": [{"system": systems.ODS_ORGANIZATION, "value": organisation.ods_code}],
        "name": organisation.name,
    }
    software = {"resourceType": "Device", "deviceName": [{"name": "Simulator", "type": "other"}]}
    return OutgoingMessage(
        referral=referral.number,
        kind=kind,
        headers={
            "Content-Type": "application/fhir+json",
            "Accept": f"application/fhir+json; version={VERSION}",
            "X-Request-Id": request_id,
            "X-Correlation-Id": _uuid(referral, "conversation"),
            "NHSD-Target-Identifier": _encoded(
                {"system": systems.DOS_SERVICE, "value": _dos_id(referral, definition)}
            ),
            "NHSD-End-User-Organisation": _encoded(sender),
            "NHSD-Requesting-Software": _encoded(software),
        },
        body=json.dumps(bundle, ensure_ascii=False).encode(),
    )


def _bundle(
    referral: Referral, definition: HubDefinition, *, at: datetime, reason: str, status: str
) -> Resource:
    def ref(part: str) -> Resource:
        return {"reference": f"urn:uuid:{_uuid(referral, part)}"}

    moment = at.isoformat()
    parts: list[tuple[str, Resource]] = [
        ("header", _header(referral, definition, ref, reason)),
        ("request", _request(referral, ref, status)),
        (
            "encounter",
            {
                "resourceType": "Encounter",
                "status": "finished",
                "class": {"system": f"{_TERMINOLOGY}/v3-ActCode", "code": "HH"},
                "subject": ref("patient"),
                "period": {"start": referral.at.isoformat()},
            },
        ),
        (
            "plan",
            {
                "resourceType": "CarePlan",
                "status": "completed",
                "intent": "plan",
                "subject": ref("patient"),
                "encounter": ref("encounter"),
                "addresses": [ref("condition")],
                "activity": [{"outcomeCodeableConcept": [{"text": referral.words}]}],
            },
        ),
        ("condition", _condition(referral, ref)),
        ("patient", _patient(referral.person)),
        ("sender", _organisation(definition, referral.source)),
        ("receiver", _organisation(definition, definition.hub_organisation)),
        (
            "requester",
            {
                "resourceType": "Practitioner",
                "identifier": [{"system": systems.SDS_ROLE_PROFILE, "value": "999000000001"}],
                "name": [{"family": "Referrer", "given": ["A"]}],
            },
        ),
        (
            "consent",
            {
                "resourceType": "Consent",
                "status": "active",
                "scope": {
                    "coding": [
                        {"system": f"{_TERMINOLOGY}/consentscope", "code": "patient-privacy"}
                    ]
                },
                "category": [
                    {"coding": [{"system": f"{_BARS}/consent-categories-bars", "code": "DRC"}]}
                ],
                "patient": ref("patient"),
                "dateTime": referral.at.date().isoformat(),
                "policyRule": {
                    "coding": [{"system": f"{_TERMINOLOGY}/v3-ActCode", "code": "IMPLIED"}]
                },
            },
        ),
    ]
    if referral.alert:
        parts.append(("alert", _alert(referral, ref)))
    return {
        "resourceType": "Bundle",
        "id": referral.message_id if reason == "new" else _uuid(referral, f"bundle {reason}"),
        "meta": {
            "versionId": VERSION,
            "lastUpdated": moment,
            "profile": [f"{_PROFILE}/BARSBundleMessage"],
        },
        "type": "message",
        "timestamp": moment,
        "entry": [
            {
                "fullUrl": f"urn:uuid:{_uuid(referral, name)}",
                "resource": resource | {"meta": {"lastUpdated": moment}},
            }
            for name, resource in parts
        ],
    }


def _header(referral: Referral, definition: HubDefinition, ref: Any, reason: str) -> Resource:
    cancels = "" if reason == "new" else "-cancelled"
    organisation = definition.organisations[referral.source]
    return {
        "resourceType": "MessageHeader",
        "eventCoding": {"system": f"{_BARS}/message-events-bars", "code": "servicerequest-request"},
        "destination": [
            {
                "endpoint": f"{systems.DOS_SERVICE}|{_dos_id(referral, definition)}",
                "receiver": ref("receiver"),
            }
        ],
        "sender": ref("sender"),
        "source": {
            "name": organisation.name,
            "software": "Simulator",
            "version": "1.0",
            "contact": {"system": "phone", "value": organisation.phone},
            "endpoint": f"{systems.DOS_SERVICE}|20000990{referral.source}",
        },
        "reason": {"coding": [{"system": f"{_BARS}/message-reason-bars", "code": reason}]},
        "focus": [ref("request")],
        "definition": (
            "https://fhir.nhs.uk/MessageDefinition/"
            f"bars-message-servicerequest-request{cancels or '-referral'}"
        ),
    }


def _request(referral: Referral, ref: Any, status: str) -> Resource:
    return {
        "resourceType": "ServiceRequest",
        "identifier": [{"system": REFERRAL_NUMBER, "value": number_of(referral)}],
        "basedOn": [ref("plan")],
        "status": status,
        "intent": "plan",
        "category": [
            {
                "coding": [
                    {
                        "system": f"{_BARS}/message-category-servicerequest",
                        "code": "referral",
                        "display": "Transfer of Care",
                    },
                    {
                        "system": f"{_BARS}/usecases-categories-bars",
                        "code": _USE_CASES.get(referral.source, "a5t1"),
                    },
                ]
            }
        ],
        "priority": referral.priority,
        "subject": ref("patient"),
        "encounter": ref("encounter"),
        "occurrencePeriod": {"start": referral.at.isoformat()},
        "authoredOn": referral.at.isoformat(),
        "requester": ref("requester"),
        "reasonReference": [ref("condition")],
    }


def _condition(referral: Referral, ref: Any) -> Resource:
    return {
        "resourceType": "Condition",
        "clinicalStatus": {
            "coding": [{"system": f"{_TERMINOLOGY}/condition-clinical", "code": "active"}]
        },
        "verificationStatus": {
            "coding": [{"system": f"{_TERMINOLOGY}/condition-ver-status", "code": "provisional"}]
        },
        "category": [
            {
                "coding": [
                    {
                        "system": systems.SNOMED_CT,
                        "code": "33962009",
                        "display": "Presenting complaint",
                    }
                ]
            }
        ],
        "code": {
            "coding": [{"system": systems.SNOMED_CT, "code": referral.code}],
            "text": referral.words,
        },
        "subject": ref("patient"),
        "encounter": ref("encounter"),
    }


def _patient(person: Referred) -> Resource:
    made: Resource = {
        "resourceType": "Patient",
        "name": [{"use": "official", "family": person.family, "given": [person.given]}],
        "telecom": [{"system": "phone", "value": person.phone, "use": "home"}],
        "gender": person.gender,
        "birthDate": person.birth_date.isoformat(),
        "address": [
            {
                "use": "home",
                "line": [person.street],
                "city": person.town,
                "postalCode": person.postcode,
            }
        ],
    }
    if person.nhs_number:
        made["identifier"] = [
            {
                "extension": [
                    {
                        "url": systems.NHS_NUMBER_VERIFICATION_EXTENSION,
                        "valueCodeableConcept": {
                            "coding": [{"system": systems.NHS_NUMBER_VERIFICATION, "code": "01"}]
                        },
                    }
                ],
                "system": systems.NHS_NUMBER,
                "value": person.nhs_number,
            }
        ]
    if person.carer:
        given, family = person.carer.split(" ")
        made["contact"] = [
            {
                "relationship": [
                    {
                        "coding": [{"system": f"{_TERMINOLOGY}/v3-RoleCode", "code": "CAREGIVER"}],
                        "text": "Carer",
                    }
                ],
                "name": {"family": family, "given": [given]},
            }
        ]
    return made


def _alert(referral: Referral, ref: Any) -> Resource:
    assert referral.alert is not None
    system, code, display = _ALERTS[referral.alert]
    return {
        "resourceType": "Flag",
        "status": "active",
        "category": [
            {"coding": [{"system": f"{_BARS}/flag-categories-bars", "code": referral.alert}]}
        ],
        "code": {"coding": [{"system": f"{_BARS}/{system}", "code": code, "display": display}]},
        "subject": ref("patient"),
    }


def _organisation(definition: HubDefinition, code: str) -> Resource:
    each = definition.organisations[code]
    return {
        "resourceType": "Organization",
        "identifier": [{"system": systems.ODS_ORGANIZATION, "value": each.ods_code}],
        "name": each.name,
    }


def number_of(referral: Referral) -> str:
    return f"R{referral.number:05d}"


def _dos_id(referral: Referral, definition: HubDefinition) -> str:
    """Return where the message is addressed to; without a service the front door itself."""
    service = definition.services.get(referral.service or "")
    return service.dos_id if service and service.dos_id else "2000099000"


def _uuid(referral: Referral, part: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{referral.message_id}/{part}"))


def _encoded(value: Resource) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()
