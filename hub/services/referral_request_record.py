"""The ServiceRequest of a referral: what was asked, by whom, with which consent, as FHIR."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fhir.messaging.codes import REQUEST_CATEGORY
from fhir.systems import CAREHUB, ODS_ORGANIZATION, SERVICE
from hub.domain.definition import HubDefinition
from hub.domain.referral_request import (
    CHANNEL_EXTENSION,
    ConsentGiven,
    ReceiveReferral,
    Referrer,
)
from hub.records import instant
from hub.services.enclosures import Enclosures

REFERRAL_SOURCE = f"{CAREHUB}/CodeSystem/referral-source"
SOURCE = f"{CAREHUB}/StructureDefinition/referral-source"
CONSENT = f"{CAREHUB}/StructureDefinition/referral-consent"
RECEIVED_AT = f"{CAREHUB}/StructureDefinition/referral-received-at"
CONTACT = f"{CAREHUB}/StructureDefinition/referrer-contact"
CARER = f"{CAREHUB}/StructureDefinition/referral-carer"
BUNDLE_ID = "urn:ietf:rfc:3986"

_OURS = ("id", "performer", "performerType", "replaces")
"""Elements of a sender's ServiceRequest that are the hub's to say, never the sender's."""


def build(
    command: ReceiveReferral,
    patient: str,
    definition: HubDefinition,
    now: datetime,
    parts: Enclosures,
) -> dict[str, Any]:
    """Return the ServiceRequest to store; a message's own keeps everything else it said."""
    given = parts.rewritten(command.request) if command.request is not None else {}
    request: dict[str, Any] = {name: value for name, value in given.items() if name not in _OURS}
    request.setdefault("resourceType", "ServiceRequest")
    request["status"] = "active"
    request.setdefault("intent", "order")
    # The command's is the sender's, or what a red flag has raised it to.
    request["priority"] = command.priority
    request["subject"] = {"reference": patient}
    request.setdefault("authoredOn", instant(command.authored or now))
    request.setdefault("category", [_category()])
    # Only one of each: `code` says what was asked for, `reasonCode` why.
    request.setdefault("code", _asked_for(command, definition))
    if "reasonCode" not in request:
        request["reasonCode"] = [_reason(command)]
    request.setdefault("requester", requester(command.referrer))
    if command.history:
        note = {"time": instant(now), "text": command.history}
        request["note"] = [*request.get("note", ()), note]
    request["extension"] = [*request.get("extension", ()), *_extensions(command, now)]
    if command.message is not None:
        identifier = {"system": BUNDLE_ID, "value": f"urn:uuid:{command.message.bundle_id}"}
        request["identifier"] = [*request.get("identifier", ()), identifier]
    return request


def requester(referrer: Referrer) -> dict[str, Any]:
    """Return the Reference to who refers: the hub's own record where it has one, else in words."""
    words = referrer.display
    if referrer.organization_name and referrer.organization_name not in words:
        words = f"{words}, {referrer.organization_name}"
    reference: dict[str, Any] = {"display": words}
    if known := referrer.practitioner or referrer.organization:
        reference["reference"] = known
    elif referrer.ods_code:
        reference["type"] = "Organization"
        reference["identifier"] = {"system": ODS_ORGANIZATION, "value": referrer.ods_code}
    return reference


def requested_service(request: Mapping[str, Any]) -> str | None:
    """Return the code of the service that a ServiceRequest asks for; None is "advise me"."""
    for coding in (request.get("code") or {}).get("coding") or ():
        if coding.get("system") == SERVICE:
            found: str = coding["code"]
            return found
    return None


def referrer_contacts(request: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return how the referrer can be reached: (``phone`` or ``email``, where)."""
    return [
        (each["valueContactPoint"]["system"], each["valueContactPoint"]["value"])
        for each in request.get("extension") or ()
        if each.get("url") == CONTACT
    ]


def received_at(request: Mapping[str, Any]) -> datetime | None:
    """Return when the hub received the referral; ``authoredOn`` is the sender's word."""
    for extension in request.get("extension") or ():
        if extension.get("url") == RECEIVED_AT:
            return datetime.fromisoformat(extension["valueInstant"])
    return None


def set_received_at(request: dict[str, Any], received: datetime) -> None:
    """Keep the first receipt: the clock of a referral does not start again with an update."""
    for extension in request["extension"]:
        if extension.get("url") == RECEIVED_AT:
            extension["valueInstant"] = instant(received)


def _category() -> dict[str, Any]:
    return {"coding": [{"system": REQUEST_CATEGORY, "code": "referral"}]}


def _asked_for(command: ReceiveReferral, definition: HubDefinition) -> dict[str, Any]:
    if command.service is None:
        return {"text": "Advise me"}
    name = definition.services[command.service].name
    return {
        "coding": [{"system": SERVICE, "code": command.service, "display": name}],
        "text": name,
    }


def _reason(command: ReceiveReferral) -> dict[str, Any]:
    reason: dict[str, Any] = {"text": command.reason}
    if codings := [code.coding() for code in command.reason_codes]:
        reason["coding"] = codings
    return reason


def _extensions(command: ReceiveReferral, now: datetime) -> list[dict[str, Any]]:
    """Say what R4 has no element for: door, source, consent, receipt, carer, attachments."""
    found: list[dict[str, Any]] = [
        {"url": CHANNEL_EXTENSION, "valueCode": command.channel.value},
        {
            "url": SOURCE,
            "valueCoding": {"system": REFERRAL_SOURCE, "code": command.source},
        },
        {"url": RECEIVED_AT, "valueInstant": instant(command.received or now)},
    ]
    if command.consent is not ConsentGiven.NOT_STATED:
        found.append({"url": CONSENT, "valueCode": command.consent.value})
    for system, value in (
        ("phone", command.referrer.phone),
        ("email", command.referrer.email),
    ):
        if value:
            found.append({"url": CONTACT, "valueContactPoint": {"system": system, "value": value}})
    if command.carer is not None:
        contact = [command.carer.name, command.carer.relationship, command.carer.phone]
        words = ", ".join(part for part in contact if part)
        found.append({"url": CARER, "valueString": words})
    return found
