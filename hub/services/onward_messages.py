"""The messages that send a referral on to another organisation's service, and call it back.

They are made in the handlers of ``ReferralSentOn`` and ``ReferralCalledBack``, not in the triage:
a fault in making one must not stop a person who decides.
"""

from uuid import NAMESPACE_URL, uuid5

from flask import current_app

from fhir.messaging import (
    SUPPORTED_VERSIONS,
    Receiver,
    Referral,
    Transport,
    cancellation_bundle,
    parse_message,
    request_bundle,
)
from fhir.messaging.codes import SERVICE_REQUEST
from hub import clock, records
from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition, Service
from hub.domain.task_states import OPEN
from hub.models.outgoing_message import OutgoingMessage
from hub.queries import alerts
from hub.records import Record
from hub.services import (
    definitions,
    onward,
    outgoing_messages,
    referral_request_record,
    referral_responses,
    task_content,
)
from hub.services.outgoing_messages import ONWARD_CANCELLATION, ONWARD_REQUEST

_HUB = hub_actor("messages")


def send(event_id: int, task_id: str) -> str | None:
    """Keep the message that sends a referral on; None where it is not to be sent any more."""
    task = records.lock(_HUB, "Task", task_id)
    request = _request_of(task)
    definition = definitions.current()
    service = onward.service_of(request, definition)
    if task["status"] not in OPEN:
        # Called back, or sent on by a person.
        return None
    if onward.by_message(request, service) is None:
        onward.leave_to_a_person(task, service)
        return None
    assert service.messages_to is not None
    referral = _referral(task, request, service)
    us = referral_responses.us(definition)
    to = _receiver(service, definition)
    return outgoing_messages.keep(
        client=f"client/{service.messages_to}",
        in_reply_to=None,
        event_id=event_id,
        subject=task.reference,
        kind=ONWARD_REQUEST,
        outcome=service.code,
        target=to.endpoint,
        transport=_transport(referral.id, event_id, referral.version, "new", referral.use_case),
        organisation=us.organisation,
        bundle=request_bundle(referral, us, to),
    )


def call_back(event_id: int, task_id: str, *, reason: str, entered_in_error: bool) -> str | None:
    """Keep the message that cancels what was sent on: of the same Bundle.id and conversation."""
    sent = outgoing_messages.about(f"Task/{task_id}")[0]
    original = parse_message(sent.body, versions=(_version(),))
    us = referral_responses.us(definitions.current())
    bundle = cancellation_bundle(
        original, clock.now(), words=reason, entered_in_error=entered_in_error
    )
    return outgoing_messages.keep(
        client=sent.client,
        in_reply_to=None,
        event_id=event_id,
        subject=sent.subject,
        kind=ONWARD_CANCELLATION,
        outcome="called-back",
        target=sent.target,
        transport=_transport(original.id, event_id, original.version, "update", ""),
        organisation=us.organisation,
        bundle=bundle,
    )


def referral_of(message: OutgoingMessage) -> Record:
    """Return the ServiceRequest that a message of ours sent on."""
    return _request_of(records.read(_HUB, "Task", message.subject.removeprefix("Task/")))


def _referral(task: Record, request: Record, service: Service) -> Referral:
    patient: str = request["subject"]["reference"]
    person = patient.removeprefix("Patient/")
    now = clock.now()
    resource = request.resource
    reasons = [each.get("text") for each in resource.get("reasonCode") or ()]
    story = [*reasons, *(note.get("text") for note in resource.get("note") or ())]
    flags = alerts.in_force(_HUB, [person]).get(person, [])
    base = current_app.config["CAREHUB"].base_url
    return Referral(
        id=str(uuid5(NAMESPACE_URL, f"{base}/{task.reference}")),
        version=_version(),
        at=now,
        since=referral_request_record.received_at(resource) or now,
        case=f"{base}/fhir/{request.reference}",
        words="\n\n".join(dict.fromkeys(str(each) for each in story if each)) or service.name,
        request=resource,
        patient=records.read(_HUB, "Patient", person).resource,
        flags=[each.resource for each in flags],
        use_case=service.use_case,
    )


def _receiver(service: Service, definition: HubDefinition) -> Receiver:
    organisation = definition.organisations[service.performing]
    return Receiver(
        service=service.name,
        dos_id=str(service.dos_id),
        organisation=organisation.name,
        ods_code=organisation.ods_code,
    )


def _transport(
    bundle_id: str, event_id: int, version: str, reason: str, use_case: str
) -> Transport:
    return Transport(
        request_id=str(uuid5(NAMESPACE_URL, f"{bundle_id}/{event_id}/request")),
        # One conversation from the referral to its end.
        correlation_id=str(uuid5(NAMESPACE_URL, f"{bundle_id}/conversation")),
        use_context=f"{use_case}|referral|{SERVICE_REQUEST}|{reason}",
        version=version,
    )


def _version() -> str:
    """Return the newest version of the standard that this hub speaks."""
    versions = current_app.config["CAREHUB"].bars_versions or SUPPORTED_VERSIONS
    return str(versions[-1]).replace(".x", ".0")


def _request_of(task: Record) -> Record:
    reference = str(task_content.reference(task.resource, "focus"))
    return records.read(_HUB, "ServiceRequest", reference.removeprefix("ServiceRequest/"))
