"""A referral that the hub sends on by message (BaRS, as the sender), and its cancellation. Pure.

Guide, Standard pattern for composites and Cancellation; the parts follow the standard's
MessageDefinitions ``bars-message-servicerequest-request-referral`` and ``-request-cancelled``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fhir.messaging.codes import (
    MESSAGE_EVENTS,
    MESSAGE_REASONS,
    REQUEST_CATEGORY,
    SERVICE_REQUEST,
    USE_CASES,
)
from fhir.messaging.message import Message
from fhir.messaging.parts import (
    VIRTUAL,
    Part,
    Parts,
    Sender,
    completed_plan,
    instant,
    message_bundle,
    source,
)
from fhir.systems import DOS_SERVICE, ODS_ORGANIZATION

_DEFINITION = "https://fhir.nhs.uk/MessageDefinition/bars-message-servicerequest-request"
_HEADER_PROFILE = "https://fhir.nhs.uk/StructureDefinition/BARSMessageHeader-servicerequest-request"
_REQUEST_PROFILE = "https://fhir.nhs.uk/StructureDefinition/BARSServiceRequest-request-referral"
_CONSENT = "https://fhir.nhs.uk/CodeSystem/consent-categories-bars"
_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"

_KEPT_OF_REQUEST = ("code", "priority", "reasonCode", "authoredOn", "occurrenceDateTime",
                    "occurrencePeriod")  # fmt: skip
_KEPT_OF_PATIENT = ("identifier", "active", "name", "telecom", "gender", "birthDate",
                    "deceasedBoolean", "deceasedDateTime", "address", "maritalStatus",
                    "communication", "contact")  # fmt: skip
_KEPT_OF_FLAG = ("extension", "status", "category", "code", "period")


@dataclass(frozen=True, slots=True)
class Receiver:
    """The service that a referral is sent on to."""

    service: str
    dos_id: str
    organisation: str
    ods_code: str

    @property
    def endpoint(self) -> str:
        """MessageHeader.destination.endpoint."""
        return f"{DOS_SERVICE}|{self.dos_id}"


@dataclass(frozen=True, slots=True)
class Referral:
    """What is sent on."""

    id: str
    """Bundle.id, a GUID; kept in what follows, the ids of the parts are made from it."""
    version: str
    at: datetime
    since: datetime
    """When the hub received it."""
    case: str
    """The hub's own number of the case."""
    words: str
    """The story as the receiver reads it, with why it is sent on."""
    request: Mapping[str, Any]
    """ServiceRequest as recorded."""
    patient: Mapping[str, Any]
    flags: Sequence[Mapping[str, Any]] = ()
    use_case: str = ""
    """Code of usecases-categories-bars; empty where none of them is meant."""


def request_bundle(referral: Referral, us: Sender, to: Receiver) -> dict[str, Any]:
    """Build the message that refers a person to another organisation's service."""
    made = _Parts(referral.id, referral.at)
    ours = made.organisation(us)
    practitioner, role = made.desk(us, ours)
    theirs = made.receiver(to)
    service = made.service(to, theirs)
    patient = made.patient(referral.patient)
    encounter = made.encounter(referral, patient, ours)
    plan = made.new("plan", completed_plan(patient[0], encounter, referral.words))
    request = made.request(
        referral, patient=patient, encounter=encounter, plan=plan, role=role, service=service
    )
    header = made.header(us, to, ours, theirs, request[0])
    entries = [header, request, patient, encounter, plan, ours, theirs, practitioner, role, service]
    entries.append(made.consent(patient))
    entries += [made.flag(n, each, patient) for n, each in enumerate(referral.flags)]
    return message_bundle(referral.id, referral.version, referral.at, entries)


def cancellation_bundle(
    original: Message, at: datetime, *, words: str, entered_in_error: bool = False
) -> dict[str, Any]:
    """Build the message that takes a referral back that the hub has sent: stripped to the least."""
    request, patient = original.service_request, original.patient
    if request is None or patient is None:
        raise ValueError("only a message about one ServiceRequest of one Patient is cancelled so")
    moment = {"lastUpdated": instant(at)}
    header = dict(original.header) | {
        "meta": moment | {"profile": [_HEADER_PROFILE]},
        "reason": {"coding": [{"system": MESSAGE_REASONS, "code": "update"}]},
        "definition": f"{_DEFINITION}-cancelled",
    }
    revoked = dict(request.resource) | {
        "meta": moment | {"profile": [_REQUEST_PROFILE]},
        "status": "entered-in-error" if entered_in_error else "revoked",
        "note": [{"time": instant(at), "text": words}],
    }
    kept = [patient, *original.of_type("Organization")]
    entries: list[Part] = [(original.entries[0].full_url, header), (request.full_url, revoked)]
    entries += [(each.full_url, dict(each.resource)) for each in kept]
    return message_bundle(original.id, original.version, at, entries)


class _Parts(Parts):
    """Makes the parts of one referral."""

    def header(self, us: Sender, to: Receiver, ours: Part, theirs: Part, focus: str) -> Part:
        return self.new(
            "header",
            {
                "resourceType": "MessageHeader",
                "meta": {"profile": [_HEADER_PROFILE]},
                "eventCoding": {"system": MESSAGE_EVENTS, "code": SERVICE_REQUEST},
                "destination": [{"endpoint": to.endpoint, "receiver": {"reference": theirs[0]}}],
                "sender": {"reference": ours[0]},
                "source": source(us, us.endpoint),
                "reason": {"coding": [{"system": MESSAGE_REASONS, "code": "new"}]},
                "focus": [{"reference": focus}],
                "definition": f"{_DEFINITION}-referral",
            },
        )

    def receiver(self, to: Receiver) -> Part:
        return self.new(
            "receiver",
            {
                "resourceType": "Organization",
                "identifier": [{"system": ODS_ORGANIZATION, "value": to.ods_code}],
                "name": to.organisation,
            },
        )

    def service(self, to: Receiver, theirs: Part) -> Part:
        return self.new(
            "service",
            {
                "resourceType": "HealthcareService",
                "identifier": [{"system": DOS_SERVICE, "value": to.dos_id}],
                "active": True,
                "providedBy": {"reference": theirs[0]},
                "name": to.service,
            },
        )

    def patient(self, patient: Mapping[str, Any]) -> Part:
        kept = {name: patient[name] for name in _KEPT_OF_PATIENT if name in patient}
        return self.new("patient", {"resourceType": "Patient", **kept})

    def encounter(self, referral: Referral, patient: Part, ours: Part) -> Part:
        return self.new(
            "encounter",
            {
                "resourceType": "Encounter",
                "identifier": [{"system": "urn:ietf:rfc:3986", "value": referral.case}],
                "status": "finished",
                "class": VIRTUAL,
                "subject": {"reference": patient[0]},
                "period": {"start": instant(referral.since), "end": self.at},
                "serviceProvider": {"reference": ours[0]},
            },
        )

    def request(
        self,
        referral: Referral,
        *,
        patient: Part,
        encounter: Part,
        plan: Part,
        role: Part,
        service: Part,
    ) -> Part:
        given = referral.request
        codings = [{"system": REQUEST_CATEGORY, "code": "referral", "display": "Transfer of Care"}]
        if referral.use_case:
            codings.append({"system": USE_CASES, "code": referral.use_case})
        return self.new(
            "request",
            {
                "resourceType": "ServiceRequest",
                "meta": {"profile": [_REQUEST_PROFILE]},
                "basedOn": [{"reference": plan[0]}],
                "status": "active",
                "intent": "plan",
                "category": [{"coding": codings}],
                **{name: given[name] for name in _KEPT_OF_REQUEST if name in given},
                "subject": {"reference": patient[0]},
                "encounter": {"reference": encounter[0]},
                "requester": {"reference": role[0]},
                "performer": [{"reference": service[0]}],
            },
        )

    def consent(self, patient: Part) -> Part:
        return self.new(
            "consent",
            {
                "resourceType": "Consent",
                "status": "active",
                "scope": {"coding": [{"system": _SCOPE, "code": "patient-privacy"}]},
                "category": [
                    {"coding": [{"system": _CONSENT, "code": "DRC", "display": "Direct Care"}]}
                ],
                "patient": {"reference": patient[0]},
                "dateTime": self.at,
                "policyRule": {"coding": [{"system": _ACT, "code": "IMPLIED"}]},
            },
        )

    def flag(self, number: int, flag: Mapping[str, Any], patient: Part) -> Part:
        kept = {name: flag[name] for name in _KEPT_OF_FLAG if name in flag}
        whole = {"resourceType": "Flag", **kept, "subject": {"reference": patient[0]}}
        return self.new(f"flag {number}", whole)
