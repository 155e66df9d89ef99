"""A BaRS message read as a referral: the sender's words, codes and flags in the hub's terms."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from fhir.messaging import Entry, Message, use_case_of
from fhir.systems import NHS_NUMBER
from hub.domain.definition import HubDefinition
from hub.domain.referral_request import (
    Carer,
    Channel,
    Code,
    ConsentGiven,
    Demographics,
    MessageIdentity,
    ReceiveReferral,
    Referrer,
)
from hub.services.enclosures import human_name, known_reference, name_of
from hub.services.identification import TRACED_CODES, day, verification_of

_URGENT_USE_CASES = ("a1", "a2", "a3", "a4", "a6")
"""Emergency and urgent care (111, 999, CAS, dispatch): urgent unless the message says otherwise."""

_SOURCES = {
    # Kind of the sending organisation -> code list "referral-sources".
    "practice": "gp",
    "gp-hub": "gp",
    "hospital": "ward",
    "ambulance": "ambulance",
    "nhs-111": "nhs-111",
    "out-of-hours": "nhs-111",
    "care-home": "care-home",
    "local-authority": "social-care",
    "voluntary": "voluntary",
}
_ESCAPED_BREAK = re.compile(r"[ \t]*(?:\\[nr]|/n(?=\s\s))\s*")
_LONGEST_REASON = 600
_CARER_CODES = frozenset({"CAREGIVER", "CARGIV"})


def referral_of(
    message: Message, definition: HubDefinition, identity: MessageIdentity, *, trusted: bool
) -> ReceiveReferral:
    """Return what the message asks for. It has passed ``decide``: its parts are there."""
    request_entry, patient = message.service_request, message.patient
    assert request_entry is not None
    assert patient is not None
    request = request_entry.resource
    conditions = _conditions(message, request)
    return ReceiveReferral(
        person=demographics(patient.resource, trusted=trusted),
        reason=_reason(message, request, conditions),
        referrer=_referrer(message, request, definition),
        channel=Channel.BARS,
        source=_source(message, definition),
        reason_codes=tuple(_codes(request, conditions)),
        service=_service(message, definition),
        priority=priority_of(request),
        consent=_consent(message),
        history=_history(message),
        carer=_carer(message, patient.resource),
        falls=_falls(message),
        authored=_instant(request.get("authoredOn")),
        enclosures=tuple((entry.full_url, entry.resource) for entry in message.entries),
        request=request,
        message=identity,
    )


def priority_of(request: Mapping[str, Any]) -> str:
    """Return the sender's priority; where it gave none, its use case decides, never downwards."""
    given = request.get("priority")
    if given:
        return str(given)
    return "urgent" if use_case_of(request)[:2] in _URGENT_USE_CASES else "routine"


def demographics(patient: dict[str, Any], *, trusted: bool) -> Demographics:
    """Read who a Patient resource is about; "verified" is the word of a ``trusted`` system only."""
    number = next(
        (i for i in patient.get("identifier") or () if i.get("system") == NHS_NUMBER), None
    )
    name: Mapping[str, Any] = next(iter(patient.get("name") or ()), {})
    address: Mapping[str, Any] = next(iter(patient.get("address") or ()), {})
    telecom = list(patient.get("telecom") or ())
    return Demographics(
        nhs_number=number.get("value") if number else None,
        verified=trusted and number is not None and verification_of(number) in TRACED_CODES,
        family=name.get("family"),
        given=tuple(name.get("given") or ()),
        birth_date=day(patient.get("birthDate")),
        gender=patient.get("gender"),
        address=tuple(address.get("line") or ()),
        postcode=address.get("postalCode"),
        phone=_telecom(telecom, "phone"),
        email=_telecom(telecom, "email"),
        resource=patient,
    )


def _telecom(telecom: Iterable[Mapping[str, Any]], system: str) -> str | None:
    return next((t.get("value") for t in telecom if t.get("system") == system), None)


def _conditions(message: Message, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the problems that the request or its plan names, else all of the message."""
    references = list(request.get("reasonReference") or ())
    for plan in message.of_type("CarePlan"):
        references += plan.resource.get("addresses") or ()
    named = [message.resolve(reference) for reference in references]
    found = [e.resource for e in named if e is not None and e.type == "Condition"]
    return found or [entry.resource for entry in message.of_type("Condition")]


def _reason(message: Message, request: Mapping[str, Any], conditions: list[dict[str, Any]]) -> str:
    concepts = [*(request.get("reasonCode") or ()), *(c.get("code") or {} for c in conditions)]
    words = [_words(concept) for concept in concepts]
    if not any(words):
        words += [_words(task.resource.get("code") or {}) for task in message.of_type("Task")]
        for plan in message.of_type("CarePlan"):
            for concept in _outcomes(plan.resource):
                words += [_words({"coding": [coding]}) for coding in concept.get("coding") or ()]
    unique = dict.fromkeys(word for word in words if word)
    reason = "; ".join(unique)[:_LONGEST_REASON]
    return reason or f"Referral by message ({use_case_of(request) or 'no use case given'})"


def _words(concept: Mapping[str, Any]) -> str:
    coding: Mapping[str, Any] = next(iter(concept.get("coding") or ()), {})
    return _plain(str(concept.get("text") or coding.get("display") or coding.get("code") or ""))


def _plain(text: str) -> str:
    """Turn the line breaks that senders escape twice into line breaks, for people to read."""
    return _ESCAPED_BREAK.sub("\n", text).strip()


def _outcomes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for activity in plan.get("activity") or ():
        yield from activity.get("outcomeCodeableConcept") or ()


def _history(message: Message) -> str:
    """Return the story that the sender's plan tells; long texts are what triage reads."""
    stories = [
        _plain(str(concept["text"]))
        for plan in message.of_type("CarePlan")
        for concept in _outcomes(plan.resource)
        if concept.get("text") and not concept.get("coding")
    ]
    return "\n\n".join(dict.fromkeys(stories))


def _codes(request: Mapping[str, Any], conditions: list[dict[str, Any]]) -> Iterator[Code]:
    concepts = [request.get("code") or {}, *(request.get("reasonCode") or ())]
    concepts += [condition.get("code") or {} for condition in conditions]
    for concept in concepts:
        for coding in concept.get("coding") or ():
            if coding.get("code"):
                yield Code(
                    code=str(coding["code"]),
                    display=str(coding.get("display", "")),
                    system=str(coding.get("system", "")),
                )


def _referrer(message: Message, request: Mapping[str, Any], definition: HubDefinition) -> Referrer:
    organisation = message.resolve(message.header.get("sender"))
    requester = message.resolve(request.get("requester"))
    person = _practitioner(message, requester)
    resource = organisation.resource if organisation else {}
    source: Mapping[str, Any] = message.header["source"]
    contact: Mapping[str, Any] = source.get("contact") or {}
    name = name_of(resource) if resource else str(source.get("name", ""))
    display = (
        name_of(person.resource)
        if person
        else str((request.get("requester") or {}).get("display") or name or "A system")
    )
    return Referrer(
        display=display,
        organization=known_reference(resource, definition) if resource else None,
        organization_name=name,
        ods_code=_ods(resource),
        phone=contact.get("value") if contact.get("system") == "phone" else None,
    )


def _practitioner(message: Message, entry: Entry | None) -> Entry | None:
    if entry is not None and entry.type == "PractitionerRole":
        entry = message.resolve(entry.resource.get("practitioner")) or entry
    return entry


def _ods(organisation: Mapping[str, Any]) -> str | None:
    for identifier in organisation.get("identifier") or ():
        if str(identifier.get("system", "")).casefold().endswith("/ods-organization-code"):
            value: str | None = identifier.get("value")
            return value
    return None


def _source(message: Message, definition: HubDefinition) -> str:
    """Return where it comes from, by the kind of organisation that sent it."""
    sender = message.resolve(message.header.get("sender"))
    known = known_reference(sender.resource, definition) if sender else None
    if known:
        kind = definition.organisations[known.removeprefix("Organization/")].kind
        return _SOURCES.get(kind, "professional")
    return "professional"


def _service(message: Message, definition: HubDefinition) -> str | None:
    """Return the service that the message is addressed to; None lets the hub find one."""
    service = definition.service_for_dos_id(message.destination.rpartition("|")[2])
    return service.code if service else None


def _consent(message: Message) -> ConsentGiven:
    for entry in message.of_type("Consent"):
        if entry.resource.get("status") == "active":
            return ConsentGiven.GIVEN
    return ConsentGiven.NOT_STATED


def _carer(message: Message, patient: Mapping[str, Any]) -> Carer | None:
    """Return the carer that the message names: a contact or a RelatedPerson in that role."""
    contacts: list[Mapping[str, Any]] = list(patient.get("contact") or ())
    contacts += [entry.resource for entry in message.of_type("RelatedPerson")]
    for contact in contacts:
        concepts = list(contact.get("relationship") or ())
        codes = {c.get("code") for concept in concepts for c in concept.get("coding") or ()}
        words = " ".join(_words(concept) for concept in concepts)
        if not (codes & _CARER_CODES or "carer" in words.casefold()):
            continue
        name = contact.get("name") or {}
        called = human_name(name[0] if isinstance(name, list) else name)
        if called:
            phone = _telecom(contact.get("telecom") or (), "phone")
            return Carer(name=called, relationship=words, phone=phone)
    return None


def _falls(message: Message) -> bool | None:
    """Return the answer to the falls question where a form of the message asked it."""
    for entry in message.of_type("QuestionnaireResponse"):
        for item in _items(entry.resource):
            if str(item.get("linkId", "")).casefold() in {"falls", "fallen"}:
                for answer in item.get("answer") or ():
                    if isinstance(answer.get("valueBoolean"), bool):
                        found: bool = answer["valueBoolean"]
                        return found
    return None


def _items(parent: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for item in parent.get("item") or ():
        yield item
        yield from _items(item)


def _instant(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else None
