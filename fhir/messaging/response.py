"""A response to a referral or a validation request that came by message (BaRS, reversed roles).

Guide, Standard pattern for composites and Asynchronous workflow; the parts follow the standard's
MessageDefinitions ``bars-message-servicerequest-response-*``. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from fhir.messaging.codes import (
    BUNDLE_PROFILE,
    FLAG_CATEGORIES,
    MESSAGE_EVENTS,
    MESSAGE_REASONS,
    SERVICE_RESPONSE,
)
from fhir.messaging.message import Entry, Message, codes_of

_DEFINITION = "https://fhir.nhs.uk/MessageDefinition/bars-message-servicerequest-response"
_HEADER_PROFILE = (
    "https://fhir.nhs.uk/StructureDefinition/BARSMessageHeader-servicerequest-response"
)
_KEPT_OF_REQUEST = (
    "identifier",
    "intent",
    "category",
    "priority",
    "code",
    "subject",
    "encounter",
    "occurrenceDateTime",
    "occurrencePeriod",
    "authoredOn",
    "requester",
)
_REJECTED = "https://fhir.nhs.uk/CodeSystem/rejected-reasons-bars"
_SAFEGUARDING = "SG"


class ResponseKind(StrEnum):
    """The responses of the standard, by the receiver's table, and a short answer by agreement."""

    INTERIM = "validation-interim"
    FINAL = "validation-final"
    REJECTED = "validation-rejected"
    NO_SHOW = "no-show"
    SHORT = "referral-answer"
    """What became of a transfer of care: no row of the table, so for those who agreed to it."""


_ENDS = {
    ResponseKind.INTERIM: "validation-interim",
    ResponseKind.FINAL: "validation-full",
    ResponseKind.REJECTED: "validation-interim",
    ResponseKind.NO_SHOW: "referral",
    ResponseKind.SHORT: "referral-short",
}
_OF_REQUEST = {
    ResponseKind.INTERIM: "active",
    ResponseKind.FINAL: "completed",
    ResponseKind.REJECTED: "revoked",
    ResponseKind.NO_SHOW: "revoked",
}
_OF_ENCOUNTER = {
    ResponseKind.INTERIM: "in-progress",
    ResponseKind.FINAL: "finished",
    ResponseKind.REJECTED: "triaged",
}


@dataclass(frozen=True, slots=True)
class Responder:
    """Who answers: the hub, its desk and the service that has the referral."""

    name: str
    endpoint: str
    """Where it takes messages, when the request did not say under which service it was asked."""
    organisation: Mapping[str, Any]
    """Organization with its ODS code."""
    phone: str
    service: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered."""

    id: str
    """Bundle.id, a GUID; the ids of the parts are made from it."""
    kind: ResponseKind
    at: datetime
    words: str
    """For the people at the other end: outcome, advice or question. No secrets, no names needed."""
    since: datetime
    """When the referral was received."""
    case: str
    """The responder's own number of the case."""
    status: str | None = None
    """ServiceRequest.status, where the kind does not say it."""


def has_safeguarding_flag(message: Message) -> bool:
    """Say whether the sender flagged a safeguarding concern: a no-show is then reported."""
    return any(
        _SAFEGUARDING in codes_of(entry.resource.get("category"), FLAG_CATEGORIES)
        for entry in message.of_type("Flag")
    )


def response_bundle(original: Message, said: Response, responder: Responder) -> dict[str, Any]:
    """Build the message that answers ``original``, in the version in which it came.

    Of the original only what the answer needs goes back; a reference to a part that stays behind
    is left out, so that everything in the answer resolves.
    """
    request, patient = original.service_request, original.patient
    if request is None or patient is None:
        raise ValueError("only a message about one ServiceRequest of one Patient is answered so")
    made = _Parts(original, said)
    requester = original.resolve(request.resource.get("requester"))
    sender = original.resolve(original.header.get("sender"))
    before = original.resolve(request.resource.get("encounter"))
    taken = [each for each in (patient, sender, before, requester) if each is not None]
    if said.kind is ResponseKind.NO_SHOW:
        taken += [*original.of_type("Flag"), *original.of_type("Consent")]
    ours = made.organisation(responder)
    role = made.desk(responder, ours)
    parts: list[tuple[str, dict[str, Any]]] = [ours, *role]
    service = made.service(responder, ours)
    parts += [service] if service else []
    encounter = made.encounter(before, patient)
    plan: tuple[str, dict[str, Any]] | None = None
    if said.kind is not ResponseKind.NO_SHOW:
        parts.append(encounter)
    if said.kind is ResponseKind.FINAL:
        plan = made.plan(patient, encounter)
        place = original.only("Location")
        parts += [plan, *([] if place else [made.place(responder)])]
        taken += [place] if place else []
    answered = made.request(request, plan)
    # By the receiver's table a validation is answered about its encounter, a referral about itself.
    focus = encounter[0] if said.kind in _OF_ENCOUNTER else request.full_url
    header = made.header(responder, sender, ours, focus)
    entries = [header, (request.full_url, answered), *parts]
    entries += [(e.full_url, dict(e.resource)) for e in _once(taken) if e.full_url]
    known = {url for url, _ in entries}
    moment = _instant(said.at)
    return {
        "resourceType": "Bundle",
        "id": said.id,
        "meta": {
            "versionId": original.version,
            "lastUpdated": moment,
            "profile": [BUNDLE_PROFILE],
        },
        "type": "message",
        "timestamp": moment,
        "entry": [{"fullUrl": url, "resource": _resolving(part, known)} for url, part in entries],
    }


class _Parts:
    """Makes the parts of one response; equal responses have equal ids."""

    def __init__(self, original: Message, said: Response) -> None:
        self._original = original
        self._said = said
        self._meta = {"lastUpdated": _instant(said.at)}

    def _new(self, part: str, resource: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        identity = uuid5(UUID(self._said.id), part)
        whole = {
            "resourceType": resource.pop("resourceType"),
            "id": str(identity),
            "meta": self._meta | resource.pop("meta", {}),
        }
        return f"urn:uuid:{identity}", whole | resource

    def header(
        self,
        responder: Responder,
        sender: Entry | None,
        ours: tuple[str, dict[str, Any]],
        focus: str,
    ) -> tuple[str, dict[str, Any]]:
        to: dict[str, Any] = {"endpoint": self._original.reply_to}
        if sender is not None:
            to["receiver"] = {"reference": sender.full_url}
        return self._new(
            "header",
            {
                "resourceType": "MessageHeader",
                "meta": {"profile": [_HEADER_PROFILE]},
                "eventCoding": {"system": MESSAGE_EVENTS, "code": SERVICE_RESPONSE},
                "destination": [to],
                "sender": {"reference": ours[0]},
                "source": {
                    "name": responder.name,
                    "software": "Carehub",
                    "contact": {"system": "phone", "value": responder.phone},
                    "endpoint": self._original.destination or responder.endpoint,
                },
                "reason": {"coding": [{"system": MESSAGE_REASONS, "code": "new"}]},
                "response": {"identifier": self._original.id, "code": "ok"},
                "focus": [{"reference": focus}],
                "definition": f"{_DEFINITION}-{_ENDS[self._said.kind]}",
            },
        )

    def request(self, request: Entry, plan: tuple[str, dict[str, Any]] | None) -> dict[str, Any]:
        given = request.resource
        answered: dict[str, Any] = {"resourceType": "ServiceRequest"}
        if given.get("id"):
            answered["id"] = given["id"]
        answered |= {"meta": self._meta}
        answered |= {name: given[name] for name in _KEPT_OF_REQUEST if name in given}
        answered["status"] = _OF_REQUEST.get(self._said.kind) or self._said.status
        if plan:
            answered["basedOn"] = [{"reference": plan[0]}]
        answered["note"] = [{"time": _instant(self._said.at), "text": self._said.words}]
        return answered

    def encounter(self, before: Entry | None, patient: Entry) -> tuple[str, dict[str, Any]]:
        said = self._said
        period = {"start": _instant(said.since)}
        status = _OF_ENCOUNTER.get(said.kind, "in-progress")
        if status != "in-progress":
            period["end"] = _instant(said.at)
        made: dict[str, Any] = {
            "resourceType": "Encounter",
            "identifier": [{"system": "urn:ietf:rfc:3986", "value": said.case}],
            "status": status,
            "class": (before.resource if before else {}).get("class")
            or {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR"},
            "subject": {"reference": patient.full_url},
            "period": period,
        }
        if said.kind is ResponseKind.REJECTED:
            # The standard's list has one code more: the resource is not available in time.
            coding = {"system": _REJECTED, "code": "OTH", "display": "Other"}
            made["reasonCode"] = [{"coding": [coding], "text": said.words}]
        return self._new("encounter", made)

    def plan(
        self, patient: Entry, encounter: tuple[str, dict[str, Any]]
    ) -> tuple[str, dict[str, Any]]:
        return self._new(
            "plan",
            {
                "resourceType": "CarePlan",
                "status": "completed",
                "intent": "plan",
                "subject": {"reference": patient.full_url},
                "encounter": {"reference": encounter[0]},
                "activity": [{"outcomeCodeableConcept": [{"text": self._said.words}]}],
            },
        )

    def place(self, responder: Responder) -> tuple[str, dict[str, Any]]:
        return self._new(
            "place", {"resourceType": "Location", "status": "active", "name": responder.name}
        )

    def organisation(self, responder: Responder) -> tuple[str, dict[str, Any]]:
        return self._new("organisation", dict(responder.organisation))

    def desk(
        self, responder: Responder, ours: tuple[str, dict[str, Any]]
    ) -> list[tuple[str, dict[str, Any]]]:
        contact = [{"system": "phone", "value": responder.phone}]
        person = self._new(
            "practitioner",
            {"resourceType": "Practitioner", "name": [{"text": responder.name}]},
        )
        role = self._new(
            "role",
            {
                "resourceType": "PractitionerRole",
                "practitioner": {"reference": person[0]},
                "organization": {"reference": ours[0]},
                "telecom": contact,
            },
        )
        return [person, role]

    def service(
        self, responder: Responder, ours: tuple[str, dict[str, Any]]
    ) -> tuple[str, dict[str, Any]] | None:
        if responder.service is None:
            return None
        return self._new(
            "service",
            {
                "resourceType": "HealthcareService",
                "providedBy": {"reference": ours[0]},
                "name": responder.service,
            },
        )


def _once(entries: Iterable[Entry]) -> list[Entry]:
    return list({entry.full_url: entry for entry in entries}.values())


def _resolving(value: Any, known: set[str]) -> Any:
    """Leave out each local reference whose target stays behind, and what is then empty."""
    if isinstance(value, list):
        inside = (_resolving(item, known) for item in value)
        return [each for each in inside if each not in ({}, [])]
    if not isinstance(value, dict):
        return value
    found = {name: _resolving(each, known) for name, each in value.items()}
    target = found.get("reference")
    if isinstance(target, str) and "resourceType" not in found and target not in known:
        found.pop("reference")
        found.pop("type", None)
    return {name: each for name, each in found.items() if each not in ({}, [])}


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
