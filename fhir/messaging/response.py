"""A response to a referral or a validation request that came by message (BaRS, reversed roles).

Guide, Standard pattern for composites and Asynchronous workflow; the parts follow the standard's
MessageDefinitions ``bars-message-servicerequest-response-*``. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from fhir.messaging.codes import (
    FLAG_CATEGORIES,
    MESSAGE_EVENTS,
    MESSAGE_REASONS,
    SERVICE_RESPONSE,
)
from fhir.messaging.message import Entry, Message, codes_of
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


def response_bundle(original: Message, said: Response, us: Sender) -> dict[str, Any]:
    """Build the message that answers ``original``, in the version in which it came.

    Of the original only what the answer needs goes back; a reference to a part that stays behind
    is left out, so that everything in the answer resolves.
    """
    request, patient = original.service_request, original.patient
    if request is None or patient is None:
        raise ValueError("only a message about one ServiceRequest of one Patient is answered so")
    made = _Parts(original, said)
    requester = original.resolve(request.resource.get("requester"))
    asker = original.resolve(original.header.get("sender"))
    before = original.resolve(request.resource.get("encounter"))
    taken = [each for each in (patient, asker, before, requester) if each is not None]
    if said.kind is ResponseKind.NO_SHOW:
        taken += [*original.of_type("Flag"), *original.of_type("Consent")]
    ours = made.organisation(us)
    parts: list[Part] = [ours, *made.desk(us, ours)]
    if us.service is not None:
        parts.append(made.service(us.service, ours))
    encounter = made.encounter(before, patient)
    plan: Part | None = None
    if said.kind is not ResponseKind.NO_SHOW:
        parts.append(encounter)
    if said.kind is ResponseKind.FINAL:
        plan = made.plan(patient, encounter)
        place = original.only("Location")
        parts += [plan, *([] if place else [made.place(us)])]
        taken += [place] if place else []
    answered = made.request(request, plan)
    # By the receiver's table a validation is answered about its encounter, a referral about itself.
    focus = encounter[0] if said.kind in _OF_ENCOUNTER else request.full_url
    header = made.header(us, asker, ours, focus)
    entries = [header, (request.full_url, answered), *parts]
    entries += [(e.full_url, dict(e.resource)) for e in _once(taken) if e.full_url]
    return message_bundle(said.id, original.version, said.at, entries)


class _Parts(Parts):
    """Makes the parts of one response."""

    def __init__(self, original: Message, said: Response) -> None:
        super().__init__(said.id, said.at)
        self._original = original
        self._said = said

    def header(self, us: Sender, asker: Entry | None, ours: Part, focus: str) -> Part:
        to: dict[str, Any] = {"endpoint": self._original.reply_to}
        if asker is not None:
            to["receiver"] = {"reference": asker.full_url}
        return self.new(
            "header",
            {
                "resourceType": "MessageHeader",
                "meta": {"profile": [_HEADER_PROFILE]},
                "eventCoding": {"system": MESSAGE_EVENTS, "code": SERVICE_RESPONSE},
                "destination": [to],
                "sender": {"reference": ours[0]},
                "source": source(us, self._original.destination or us.endpoint),
                "reason": {"coding": [{"system": MESSAGE_REASONS, "code": "new"}]},
                "response": {"identifier": self._original.id, "code": "ok"},
                "focus": [{"reference": focus}],
                "definition": f"{_DEFINITION}-{_ENDS[self._said.kind]}",
            },
        )

    def request(self, request: Entry, plan: Part | None) -> dict[str, Any]:
        given = request.resource
        answered: dict[str, Any] = {"resourceType": "ServiceRequest"}
        if given.get("id"):
            answered["id"] = given["id"]
        answered |= {"meta": self.meta}
        answered |= {name: given[name] for name in _KEPT_OF_REQUEST if name in given}
        answered["status"] = _OF_REQUEST.get(self._said.kind) or self._said.status
        if plan:
            answered["basedOn"] = [{"reference": plan[0]}]
        answered["note"] = [{"time": self.at, "text": self._said.words}]
        return answered

    def encounter(self, before: Entry | None, patient: Entry) -> Part:
        said = self._said
        period = {"start": instant(said.since)}
        status = _OF_ENCOUNTER.get(said.kind, "in-progress")
        if status != "in-progress":
            period["end"] = self.at
        made: dict[str, Any] = {
            "resourceType": "Encounter",
            "identifier": [{"system": "urn:ietf:rfc:3986", "value": said.case}],
            "status": status,
            "class": (before.resource if before else {}).get("class") or VIRTUAL,
            "subject": {"reference": patient.full_url},
            "period": period,
        }
        if said.kind is ResponseKind.REJECTED:
            # The standard's list has one code more: the resource is not available in time.
            coding = {"system": _REJECTED, "code": "OTH", "display": "Other"}
            made["reasonCode"] = [{"coding": [coding], "text": said.words}]
        return self.new("encounter", made)

    def plan(self, patient: Entry, encounter: Part) -> Part:
        return self.new("plan", completed_plan(patient.full_url, encounter, self._said.words))

    def place(self, us: Sender) -> Part:
        return self.new("place", {"resourceType": "Location", "status": "active", "name": us.name})

    def service(self, name: str, ours: Part) -> Part:
        return self.new(
            "service",
            {
                "resourceType": "HealthcareService",
                "providedBy": {"reference": ours[0]},
                "name": name,
            },
        )


def _once(entries: Iterable[Entry]) -> list[Entry]:
    return list({entry.full_url: entry for entry in entries}.values())
