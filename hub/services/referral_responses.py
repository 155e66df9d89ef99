"""The message that a referring system is owed, made from the one that it sent.

It is made in the handler of ``ReferralAnswered``, not in the triage: a fault in making it must not
stop a person who decides. What is kept is what is sent, byte for byte, at every attempt.
"""

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from flask import current_app
from sqlalchemy import select

from fhir.messaging import (
    Message,
    Response,
    ResponseKind,
    Sender,
    Transport,
    Workflow,
    category_of,
    parse_message,
    response_bundle,
    use_case_of,
)
from fhir.messaging.codes import SERVICE_RESPONSE
from fhir.messaging.response import has_safeguarding_flag
from fhir.systems import ODS_ORGANIZATION
from hub import clock
from hub.db import db
from hub.domain import referral_answer
from hub.domain.answers import Answers
from hub.domain.definition import HubDefinition
from hub.domain.referral import TriageOutcome
from hub.domain.referral_answer import Outcome, WorkOutcome
from hub.models.message import PROCESSED, InboxMessage
from hub.records import Record
from hub.services import definitions, outgoing_messages, referral_request_record

_REQUESTS = (Workflow.REFERRAL_NEW, Workflow.VALIDATION_NEW, Workflow.VALIDATION_UPDATE)
_REASONS = {
    TriageOutcome.DECLINED: "decline-reasons",
    TriageOutcome.REDIRECTED: "redirect-reasons",
    TriageOutcome.WITHDRAWN: "withdrawal-reasons",
}


def make(event_id: int, request: Record, payload: Mapping[str, Any]) -> str | None:
    """Keep the message that tells ``request``'s sender of an outcome; returns its id.

    None where no message is owed: the referral came by another door, its sender withdrew it, or
    the standard has no answer for it. Called again for the same event it makes none.
    """
    row = _asked_by(request.reference)
    if row is None:
        return None
    outcome = referral_answer.outcome_of(payload["outcome"])
    original = parse_message(row.body, versions=(row.bundle_version or "",), xml=_is_xml(row))
    kind = _kind(row, original, outcome, payload.get("reason"))
    if kind is None:
        return None
    now = clock.now()
    said = Response(
        id=str(uuid5(NAMESPACE_URL, f"{request.reference}/{event_id}")),
        kind=kind,
        at=now,
        words=_words(definitions.current(), outcome, payload),
        since=referral_request_record.received_at(request.resource) or now,
        case=f"{current_app.config['CAREHUB'].base_url}/fhir/{request.reference}",
        status=referral_answer.status_of(outcome) if kind is ResponseKind.SHORT else None,
    )
    responder = us(definitions.current(), payload.get("service"))
    transport = Transport(
        request_id=str(uuid5(NAMESPACE_URL, f"{said.id}/request")),
        correlation_id=row.correlation_id or said.id,
        use_context=_context(original),
        version=original.version,
    )
    return outgoing_messages.keep(
        client=row.client,
        in_reply_to=row.id,
        event_id=event_id,
        subject=request.reference,
        kind=kind.value,
        outcome=outcome.value,
        target=original.reply_to,
        transport=transport,
        organisation=responder.organisation,
        bundle=response_bundle(original, said, responder),
    )


def _kind(
    row: InboxMessage, original: Message, outcome: Outcome, reason: str | None
) -> ResponseKind | None:
    asked = original.service_request
    if asked is None:
        return None
    client = definitions.current().clients.get(row.client.removeprefix("client/"))
    return referral_answer.response_to(
        category_of(asked.resource),
        outcome,
        reason=reason,
        safeguarding=has_safeguarding_flag(original),
        answers=client.answers if client else Answers.STANDARD,
    )


def _context(original: Message) -> str:
    """Return the header use-context (guide, End-to-end workflow, Logging)."""
    asked = original.service_request
    request = asked.resource if asked else {}
    return "|".join((use_case_of(request), category_of(request), SERVICE_RESPONSE, "new"))


def _asked_by(reference: str) -> InboxMessage | None:
    """Return the message that made the referral what it is: its last version by its sender."""
    found: InboxMessage | None = db.session.scalar(
        select(InboxMessage)
        .where(
            InboxMessage.subject == reference,
            InboxMessage.status == PROCESSED,
            InboxMessage.kind.in_([kind.value for kind in _REQUESTS]),
        )
        .order_by(InboxMessage.id.desc())
        .limit(1)
    )
    return found


def _is_xml(row: InboxMessage) -> bool:
    headers = {name.lower(): value for name, value in row.transport.items()}
    return "xml" in headers.get("content-type", "")


def _words(definition: HubDefinition, outcome: Outcome, payload: Mapping[str, Any]) -> str:
    """Say an outcome to the people of the other system: what, where, why, and the words given."""
    service = definition.services.get(payload.get("service") or "")
    name = service.name if service else "a service of the hub"
    reason = _reason(definition, outcome, payload.get("reason"))
    words = str(payload.get("words") or "").strip()
    said = {
        TriageOutcome.ACCEPTED: f"Accepted by {name}.",
        TriageOutcome.REDIRECTED: f"Sent on to {name}: {reason}.",
        TriageOutcome.DECLINED: f"Declined: {reason}.",
        TriageOutcome.ASKED: "There is a question about this referral:",
        TriageOutcome.WITHDRAWN: f"Withdrawn by the hub: {reason}.",
        WorkOutcome.DONE: f"Finished: {words or 'done as asked'}.",
        WorkOutcome.NOT_ATTENDED: "The person was not there. The referral is closed.",
    }[outcome]
    # The note of an acceptance is for whoever takes it on; advice and question are the sender's.
    added = words if outcome in (TriageOutcome.DECLINED, TriageOutcome.ASKED) else ""
    return f"{said} {added}".strip()


def _reason(definition: HubDefinition, outcome: Outcome, code: str | None) -> str:
    listed = _REASONS.get(outcome) if isinstance(outcome, TriageOutcome) else None
    if code is None or listed is None:
        return code or "no reason given"
    concepts = definition.code_lists[listed].concepts
    return next((each.display for each in concepts if each.code == code), code)


def us(definition: HubDefinition, service_code: str | None = None) -> Sender:
    """Return who a message of the hub comes from, and the service of the hub that it is about."""
    hub = definition.organisations[definition.hub_organisation]
    service = definition.services.get(service_code or "")
    return Sender(
        name=definition.name,
        endpoint=f"{current_app.config['CAREHUB'].base_url}/fhir/$process-message",
        organisation={
            "resourceType": "Organization",
            "identifier": [{"system": ODS_ORGANIZATION, "value": hub.ods_code}],
            "name": hub.name,
        },
        phone=hub.phone,
        service=service.name if service else None,
    )
