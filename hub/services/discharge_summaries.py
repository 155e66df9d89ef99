"""Letters and discharge summaries: kept as they came, made readable, and given to who must read.

One document becomes the original (Binary, byte for byte), its sections fit to be read
(Composition), a DocumentReference to both, and a Task; all in the transaction of the message.
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fhir.messaging.itk3 import Attachment, Author, Document, DocumentMessage, Section, Subject
from fhir.search.text import literal
from fhir.systems import CAREHUB
from hub import clock, records
from hub.domain import accountability, discharge
from hub.domain.accountability import AccountableRole
from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition
from hub.domain.discharge import DischargePolicy
from hub.domain.referral_request import Demographics
from hub.queries import deputising
from hub.records import Record
from hub.services import (
    accountability_rows,
    assignments,
    definitions,
    identification,
    referral_intake,
    tasks,
    tracing,
)
from hub.services.identification import TRACED_CODES, Identified, day

CATEGORY_SYSTEM = f"{CAREHUB}/CodeSystem/document-category"
RECEIVED = "received"
"""Marks a document that came in by a message, for the pages."""
XML = "application/fhir+xml"
_ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
_READ = "read-document"
_NOT_BEGUN = frozenset({"requested", "received", "accepted"})
_HUB = hub_actor("documents")


@dataclass(frozen=True, slots=True)
class Kept:
    """What a document became."""

    reference: Record
    patient: Record
    known: bool
    """It was linked to somebody on record, on proof."""

    @property
    def deceased(self) -> bool:
        said = self.patient.get("deceasedBoolean") or self.patient.get("deceasedDateTime")
        return bool(said)


def earlier(identifier: str) -> list[Record]:
    """Return what the hub has of a document (``system|value``), the latest first."""
    system, _, value = identifier.rpartition("|")
    asked = f"{literal(system)}|{literal(value)}" if system else literal(value)
    found = records.search(
        _HUB,
        "DocumentReference",
        [("identifier", asked), ("_sort", "-_lastUpdated"), ("_count", "20"), ("_total", "none")],
    )
    return list(found.records)


def original(reference: Record, number: int = 0) -> tuple[bytes, str, str]:
    """Return (content, media type, title) of an attachment of a document; the first is the message.

    Raises LookupError where there is no such attachment.
    """
    attachment = reference.get("content")[number]["attachment"]
    binary = records.read(_HUB, "Binary", attachment["url"].removeprefix("Binary/"))
    content = base64.b64decode(binary["data"])
    return content, str(attachment["contentType"]), str(attachment.get("title", ""))


def keep(message: DocumentMessage, body: bytes, *, sender: str) -> Kept:
    """Take a document in. ``sender`` is the mailbox that it came from."""
    definition = definitions.current()
    policy = definition.discharge
    document = message.document
    trusted = sender in policy.trusted_mailboxes
    identified = identification.identify(
        _HUB, _demographics(document.subject, trusted=trusted), typed=False
    )
    patient = identified.patient
    composition = records.create(_HUB, _composition(document, patient, definition))
    reference = _refer(document, body, patient, composition, definition)
    _supersede(document, reference, patient)
    _open_tasks(message, reference, identified, definition)
    return Kept(reference, patient, known=not identified.tracing)


def _demographics(subject: Subject, *, trusted: bool) -> Demographics:
    number = subject.nhs_number
    return Demographics(
        nhs_number=number,
        verified=trusted and number is not None and subject.verification in TRACED_CODES,
        family=subject.family,
        given=subject.given,
        birth_date=day(subject.birth_date),
        gender=subject.gender,
        address=subject.lines,
        postcode=subject.postcode,
        phone=subject.phone,
        email=subject.email,
        practice=subject.practice,
    )


def _composition(document: Document, patient: Record, definition: HubDefinition) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "Composition",
        "identifier": _identifier(document.identifier),
        "status": document.status,
        "type": _concept(document),
        "subject": {"reference": patient.reference},
        "date": document.date,
        "author": [_party(each, definition) for each in document.authors],
        "title": document.title,
    }
    if document.custodian:
        made["custodian"] = _party(document.custodian, definition)
    if sections := list(_sections(document.sections)):
        made["section"] = sections
    return made


def _sections(sections: Iterable[Section]) -> Iterable[dict[str, Any]]:
    for each in sections:
        made: dict[str, Any] = {"title": each.title}
        if each.coded:
            made["code"] = {"coding": [_coding(each.coded)]}
        if each.narrative:
            status = "generated" if each.narrative.complete else "additional"
            made["text"] = {"status": status, "div": each.narrative.div}
        if inner := list(_sections(each.sections)):
            made["section"] = inner
        if "text" in made or "section" in made:
            yield made


def _coding(coded: Any) -> dict[str, str]:
    parts = {"system": coded.system, "code": coded.code, "display": coded.display}
    return {name: value for name, value in parts.items() if value}


def _concept(document: Document) -> dict[str, Any]:
    return {"coding": [_coding(document.type)]}


def _identifier(identifier: str) -> dict[str, str]:
    system, _, value = identifier.rpartition("|")
    return {"system": system, "value": value} if system else {"value": value}


def _party(author: Author, definition: HubDefinition) -> dict[str, Any]:
    """Return a reference that says who is meant; an organisation of the hub is its own record."""
    made: dict[str, Any] = {"display": author.name}
    if author.ods_code:
        code = author.ods_code.casefold()
        for known in definition.organisations.values():
            if known.ods_code.casefold() == code:
                return {"reference": f"Organization/{known.code}", **made}
        made["identifier"] = {"system": _ODS, "value": author.ods_code}
    return made


def _refer(
    document: Document,
    body: bytes,
    patient: Record,
    composition: Record,
    definition: HubDefinition,
) -> Record:
    reference_id = records.new_id()
    media = XML if body.lstrip()[:1] != b"{" else "application/fhir+json"
    contents = [(body, media, "The message as it came")]
    contents += [
        (each.content, each.content_type or "application/octet-stream", _title(each, number))
        for number, each in enumerate(document.attachments, 1)
    ]
    made: dict[str, Any] = {
        "resourceType": "DocumentReference",
        "masterIdentifier": _identifier(document.identifier),
        "status": "entered-in-error" if document.status == "entered-in-error" else "current",
        "docStatus": document.status,
        "type": _concept(document),
        "category": [{"coding": [{"system": CATEGORY_SYSTEM, "code": RECEIVED}]}],
        "subject": {"reference": patient.reference},
        "date": records.instant(clock.now()),
        "author": [_party(each, definition) for each in document.authors],
        "description": document.title,
        "content": [
            {"attachment": keep_file(reference_id, *each, created=document.date)}
            for each in contents
        ],
        "context": {"related": [{"reference": composition.reference}]},
    }
    if document.version_of:
        made["identifier"] = [_identifier(document.version_of)]
    if document.custodian:
        made["custodian"] = _party(document.custodian, definition)
    return records.create(_HUB, made, id=reference_id)


def _title(attachment: Attachment, number: int) -> str:
    return attachment.title or f"Attachment {number}"


def keep_file(
    reference_id: str, content: bytes, media_type: str, title: str, *, created: str
) -> dict[str, Any]:
    """Keep some bytes as a Binary, which people reach through their DocumentReference only."""
    binary = records.create(
        _HUB,
        {
            "resourceType": "Binary",
            "contentType": media_type,
            "securityContext": {"reference": f"DocumentReference/{reference_id}"},
            "data": base64.b64encode(content).decode(),
        },
    )
    # R4: the hash of an attachment is SHA-1. It tells a slip from the original, no more.
    digest = hashlib.sha1(content, usedforsecurity=False).digest()
    return {
        "contentType": media_type,
        "url": binary.reference,
        "size": len(content),
        "hash": base64.b64encode(digest).decode(),
        "title": title,
        "creation": created,
    }


def _supersede(document: Document, reference: Record, patient: Record) -> None:
    """Mark what this document replaces, where it is on record for the same person."""
    replaced = [
        each
        for identifier in document.replaces
        for each in earlier(identifier)
        if each.id != reference.id
        and each.get("status") == "current"
        and (each.get("subject") or {}).get("reference") == patient.reference
    ]
    if not replaced:
        return
    for each in replaced:
        records.update(
            _HUB,
            {**each.resource, "status": "superseded"},
            type=each.type,
            id=each.id,
            if_match=each.version,
        )
        _call_off_reading(each)
    records.update(
        _HUB,
        {
            **reference.resource,
            "relatesTo": [
                {"code": "replaces", "target": {"reference": each.reference}} for each in replaced
            ],
        },
        type=reference.type,
        id=reference.id,
        if_match=reference.version,
    )


def _call_off_reading(replaced: Record) -> None:
    """Call off the reading of what is replaced, unless somebody has begun: one version is read."""
    page = records.search(
        _HUB, "Task", [("focus", replaced.reference), ("code", _READ), ("_total", "none")]
    )
    for found in page.records:
        task = records.lock(_HUB, "Task", found.id)
        if task.managed and task["status"] in _NOT_BEGUN:
            tasks.cancel(
                _HUB,
                task.id,
                version=task.version,
                reason="replaced",
                note="A later version of this document has come: read that one",
            )


def _open_tasks(
    message: DocumentMessage, reference: Record, identified: Identified, definition: HubDefinition
) -> None:
    policy = definition.discharge
    document = message.document
    asked = [
        each.narrative.text
        for top in document.sections
        if discharge.is_one_of(top, policy.action_sections)
        for each in top.walk()
        if each.narrative
    ]
    urgent = message.header.handling.for_action and discharge.is_urgent(policy, asked)
    priority = "urgent" if urgent else "routine"
    owner = _reader(identified, definition, priority)
    pool = assignments.team_of(owner, definition) or f"CareTeam/{definition.spor.team}"
    team = pool.removeprefix("CareTeam/")
    withdrawn = document.status == "entered-in-error"
    what = "A document was withdrawn by its sender" if withdrawn else "Read"
    task = tasks.open_task(
        _HUB,
        code=_READ,
        patient=identified.patient.reference,
        description=f"{what}: {document.title}"[:200],
        owner=owner,
        priority=priority,
        focus=reference.reference,
        performing_organization=f"Organization/{definition.teams[team].organisation}",
        accountable_organization=f"Organization/{definition.hub_organisation}",
        clock=policy.clock_for(priority) or definition.spor.triage_clocks[priority],
    )
    if owner.startswith("CareTeam/") and team != definition.spor.team:
        tasks.ask_for_routing(_HUB, task.id)
    if identified.tracing:
        tracing.open_task_for(_HUB, identified, reference, definition, priority=priority)


def _reader(identified: Identified, definition: HubDefinition, priority: str) -> str:
    """Return who reads: who answers for the person and is not away, else a team."""
    policy = definition.discharge
    patient = identified.patient
    now = clock.now()
    if not identified.tracing:
        held = accountability.current(accountability_rows.of(patient.id), now)
        away = deputising.away(now)
        for role in policy.readers:
            holding = held.get(AccountableRole(role))
            if holding is None or holding.stands_in or holding.practitioner in away:
                continue
            if holding.practitioner.removeprefix("Practitioner/") in definition.staff:
                return holding.practitioner
        for practice in patient.get("generalPractitioner") or ():
            code = str(practice.get("reference", "")).removeprefix("Organization/")
            if code in policy.practice_teams:
                return f"CareTeam/{policy.practice_teams[code]}"
    return _team(policy, definition, priority)


def _team(policy: DischargePolicy, definition: HubDefinition, priority: str) -> str:
    if policy.team:
        return f"CareTeam/{policy.team}"
    return referral_intake.triage_owner(definition, priority, clock.now())
