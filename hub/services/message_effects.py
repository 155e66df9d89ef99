"""What a message does inside the hub, workflow by workflow of the receiver's table."""

from collections.abc import Callable
from dataclasses import dataclass

from fhir.messaging import (
    BOOKINGS,
    CANCELLATIONS,
    RESPONSES,
    Message,
    Workflow,
    use_case_of,
)
from fhir.messaging.refusal import conflict, invariant, not_found
from hub import records
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import StateError
from hub.domain.referral_request import MessageIdentity
from hub.models.message import InboxMessage
from hub.records import Record
from hub.services import (
    amendments,
    bookings,
    definitions,
    inbox,
    message_responses,
    onward,
    onward_messages,
    outgoing_messages,
    referral_messages,
    referrals,
    same_referral,
)
from hub.services.inbox import Arrival

_HUB = hub_actor("messages")


@dataclass(frozen=True, slots=True)
class Effect:
    """The record that a message made or changed, and who it is about."""

    subject: Record
    patient: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that was read and decided, with the row that will say what became of it."""

    actor: Actor
    arrival: Arrival
    message: Message
    workflow: Workflow
    inbox_id: str


def carry_out(taken: Taken) -> Effect:
    """Do what the message asks for, in the open transaction, once."""
    if taken.workflow in BOOKINGS:
        return _booking(taken)
    if taken.workflow in RESPONSES:
        return _response(taken)
    if taken.workflow in CANCELLATIONS:
        return _cancellation(taken)
    return _request(taken)


def _identity(taken: Taken) -> MessageIdentity:
    arrival = taken.arrival
    request = taken.message.service_request
    return MessageIdentity(
        inbox_id=taken.inbox_id,
        client=taken.actor.id,
        bundle_id=taken.message.id,
        correlation_id=arrival.correlation_id or "",
        focus=arrival.focus or "",
        endpoint=taken.message.reply_to,
        use_case=use_case_of(request.resource) if request else "",
    )


def _request(taken: Taken) -> Effect:
    """Take a new referral in; one whose Bundle.id is on file is a new version of that referral."""
    command = referral_messages.referral_of(
        taken.message,
        definitions.current(),
        _identity(taken),
        trusted=inbox.trusted(taken.actor.id),
    )
    earlier = same_referral.of_bundle(taken.arrival)
    if earlier is None and taken.workflow is Workflow.VALIDATION_UPDATE:
        earlier = same_referral.find(taken.arrival, taken.message)
    if earlier is not None and not same_referral.is_same(earlier.request, taken.message):
        raise conflict(
            "This Bundle.id is on file for a referral of another person or kind", "Bundle.id"
        )
    if earlier is not None:
        request = amendments.amend(taken.actor, earlier, command)
        return Effect(subject=request, patient=request["subject"]["reference"])
    receipt = referrals.receive(taken.actor, command)
    return Effect(subject=receipt.service_request, patient=receipt.patient.reference)


def _cancellation(taken: Taken) -> Effect:
    """Withdraw the referral that the message cancels: it must still be current."""
    earlier = same_referral.find(taken.arrival, taken.message)
    request_entry = taken.message.service_request
    assert request_entry is not None
    error = request_entry.resource["status"] == "entered-in-error"
    if _passed_on(taken, earlier.request, error=error):
        return Effect(earlier.request, earlier.request["subject"]["reference"])
    try:
        request = referrals.withdraw(
            taken.actor,
            earlier.subject_id,
            reason="entered-in-error" if error else "referrer-cancelled",
            entered_in_error=error,
        )
    except StateError as error_found:
        raise conflict(
            "The referral is no longer current: it cannot be cancelled", "ServiceRequest.status"
        ) from error_found
    return Effect(subject=request, patient=request["subject"]["reference"])


def _passed_on(taken: Taken, request: Record, *, error: bool) -> bool:
    """Cancel what was sent on: a referral that is finished here goes on at the other end."""
    if request["status"] != "completed" or onward.sent_on(request.reference) is None:
        return False
    try:
        onward.call_back(
            taken.actor,
            request.id,
            reason="The referrer has cancelled the referral",
            entered_in_error=error,
        )
    except StateError as called_back:
        raise conflict(
            "The referral is cancelled already", "ServiceRequest.status"
        ) from called_back
    return True


def _response(taken: Taken) -> Effect:
    response_to = taken.message.response_to
    if (ours := outgoing_messages.of_bundle(taken.actor.id, str(response_to))) is not None:
        return _answered(taken, onward_messages.referral_of(ours))
    for earlier in inbox.latest(InboxMessage.bundle_id == response_to):
        subject = str(earlier.subject)
        if subject.startswith("ServiceRequest/"):
            request = records.read(_HUB, "ServiceRequest", subject.removeprefix("ServiceRequest/"))
            return _answered(taken, request)
    raise invariant(
        "The message that is answered was no referral", "MessageHeader.response.identifier"
    )


def _answered(taken: Taken, request: Record) -> Effect:
    if not same_referral.is_about(request, taken.message):
        # An identifier can be guessed or mistyped: the person must agree as well.
        raise not_found(
            "No message of this person with that identifier is on file",
            "MessageHeader.response.identifier",
        )
    message_responses.take(taken.actor, taken.message, taken.workflow, request)
    return Effect(subject=request, patient=request["subject"]["reference"])


_BOOKINGS: dict[Workflow, Callable[[Actor, Arrival, Message], Record]] = {
    Workflow.BOOKING_NEW: bookings.book,
    Workflow.BOOKING_UPDATE: bookings.change,
    Workflow.BOOKING_CANCEL: bookings.cancel,
}


def _booking(taken: Taken) -> Effect:
    appointment = _BOOKINGS[taken.workflow](taken.actor, taken.arrival, taken.message)
    return Effect(subject=appointment, patient=bookings.patient_of(appointment))
