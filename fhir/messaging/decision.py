"""The receiver's decision table of the BaRS guide (Bundle processing): what a message asks for."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from fhir.messaging.codes import BOOKING_REQUEST, SERVICE_REQUEST, SERVICE_RESPONSE
from fhir.messaging.message import Entry, Message, category_of
from fhir.messaging.refusal import MessageRefusedError, conflict, invariant, not_found


class Workflow(StrEnum):
    """What the receiver is asked to do."""

    REFERRAL_NEW = "referral-new"
    REFERRAL_CANCEL = "referral-cancel"
    VALIDATION_NEW = "validation-new"
    VALIDATION_UPDATE = "validation-update"
    VALIDATION_CANCEL = "validation-cancel"
    NO_SHOW = "no-show"
    """Safeguarding response: the person did not attend."""
    VALIDATION_INTERIM = "validation-interim"
    VALIDATION_FINAL = "validation-final"
    VALIDATION_REJECTED = "validation-rejected"
    BOOKING_NEW = "booking-new"
    BOOKING_UPDATE = "booking-update"
    BOOKING_CANCEL = "booking-cancel"


REQUESTS = frozenset({Workflow.REFERRAL_NEW, Workflow.VALIDATION_NEW})
CANCELLATIONS = frozenset({Workflow.REFERRAL_CANCEL, Workflow.VALIDATION_CANCEL})
RESPONSES = frozenset(
    {
        Workflow.NO_SHOW,
        Workflow.VALIDATION_INTERIM,
        Workflow.VALIDATION_FINAL,
        Workflow.VALIDATION_REJECTED,
    }
)
BOOKINGS = frozenset({Workflow.BOOKING_NEW, Workflow.BOOKING_UPDATE, Workflow.BOOKING_CANCEL})

_CANCELLED = ("revoked", "entered-in-error")
_NEW_STATES = {
    # category: (workflow, CarePlan.status, Encounter.status)
    "validation": (Workflow.VALIDATION_NEW, "active", ("triaged", "in-progress")),
    "referral": (Workflow.REFERRAL_NEW, "completed", ("triaged", "finished")),
}
_MOST_ENCOUNTERS = 3
_FINAL_ENCOUNTER = ("triaged", "finished")
"""The guide says "complete", which no Encounter can be: R4 calls it finished."""


def decide(
    message: Message,
    *,
    on_file: Callable[[str], bool],
    slot_free: Callable[[Entry | str], bool],
) -> Workflow:
    """Say what the message asks for, or refuse it.

    ``on_file(bundle_id)`` knows whether a message of that id was taken in or sent out;
    ``slot_free(slot)`` whether a Slot (an entry of the message, or a reference to one that only
    the receiver has) can still be booked.
    """
    if message.event == SERVICE_REQUEST:
        return _service_request(message)
    if message.event == SERVICE_RESPONSE:
        return _service_response(message, on_file)
    if message.event == BOOKING_REQUEST:
        return _booking(message, slot_free)
    raise invariant("A booking-response is not processed", "MessageHeader.eventCoding")


def _service_request(message: Message) -> Workflow:
    request = _request_of(message)
    category, status = category_of(request), request.get("status")
    if category not in _NEW_STATES:
        raise invariant(
            "ServiceRequest.category must be referral or validation", "ServiceRequest.category"
        )
    if message.reason == "new" and status == "active":
        return _new_request(message, request, category)
    if message.reason == "update" and status in _CANCELLED:
        cancels_referral = category == "referral"
        return Workflow.REFERRAL_CANCEL if cancels_referral else Workflow.VALIDATION_CANCEL
    if message.reason == "update" and category == "validation" and status in ("active", "on-hold"):
        return Workflow.VALIDATION_UPDATE
    raise invariant(
        f"A {category} with reason {message.reason} and this ServiceRequest.status is no workflow"
        " of the standard",
        "ServiceRequest.status",
    )


def _new_request(message: Message, request: dict[str, Any], category: str) -> Workflow:
    workflow, plan_status, encounter_states = _NEW_STATES[category]
    plan = _linked(message, request.get("basedOn"), "CarePlan")
    if plan.get("status") != plan_status:
        raise invariant(
            f"A new {category} requires CarePlan.status {plan_status}", "CarePlan.status"
        )
    encounter = _linked(message, request.get("encounter"), "Encounter")
    if encounter.get("status") not in encounter_states:
        raise invariant(
            f"A new {category} requires Encounter.status {' or '.join(encounter_states)}",
            "Encounter.status",
        )
    return workflow


def _service_response(message: Message, on_file: Callable[[str], bool]) -> Workflow:
    if not message.header.get("response"):
        raise invariant("A response needs MessageHeader.response", "MessageHeader.response")
    if message.response_to is None or not on_file(message.response_to):
        raise not_found(
            "MessageHeader.response.identifier is not the Bundle.id of a request on file",
            "MessageHeader.response.identifier",
        )
    request = _request_of(message)
    category, status, reason = category_of(request), request.get("status"), message.reason
    if category == "referral" and status == "revoked" and reason == "new":
        return Workflow.NO_SHOW
    if category == "validation" and len(list(message.of_type("Encounter"))) <= _MOST_ENCOUNTERS:
        encounter = message.focus.resource if message.focus.type == "Encounter" else {}
        state = encounter.get("status")
        if reason == "new" and status == "active" and state == "in-progress":
            return Workflow.VALIDATION_INTERIM
        if reason in ("new", "update") and status == "completed" and state in _FINAL_ENCOUNTER:
            return Workflow.VALIDATION_FINAL
        if reason in ("new", "update") and status == "revoked" and state == "triaged":
            return Workflow.VALIDATION_REJECTED
    raise invariant(
        f"A response with reason {reason} and this ServiceRequest is no workflow of the standard",
        "ServiceRequest.status",
    )


def _booking(message: Message, slot_free: Callable[[Entry | str], bool]) -> Workflow:
    focus = message.focus
    if focus.type != "Appointment":
        raise invariant("The focus of a booking is its Appointment", "MessageHeader.focus[0]")
    status = focus.resource.get("status")
    _check_booked_person(message, focus.resource)
    if message.reason == "new" and status == "booked":
        for slot in _slots(message, focus.resource):
            if not slot_free(slot):
                raise conflict("The slot is no longer free", "Appointment.slot")
        return Workflow.BOOKING_NEW
    if message.reason == "update" and status in ("cancelled", "entered-in-error"):
        return Workflow.BOOKING_CANCEL
    if message.reason == "update" and status == "booked":
        return Workflow.BOOKING_UPDATE
    raise invariant(
        f"A booking with reason {message.reason} and this Appointment.status is no workflow of"
        " the standard",
        "Appointment.status",
    )


def _slots(message: Message, appointment: dict[str, Any]) -> list[Entry | str]:
    listed = appointment.get("slot") or ()
    if not listed:
        raise invariant("A new booking names its Slot", "Appointment.slot")
    found: list[Entry | str] = []
    for position, reference in enumerate(listed):
        entry = message.resolve(reference)
        if entry is None and str(reference.get("reference", "")).startswith("urn:"):
            raise invariant(
                "Appointment.slot does not resolve in the message", f"Appointment.slot[{position}]"
            )
        found.append(entry or str(reference.get("reference", "")))
    return found


def _check_booked_person(message: Message, appointment: dict[str, Any]) -> None:
    for participant in appointment.get("participant") or ():
        entry = message.resolve(participant.get("actor"))
        if entry is not None and entry.type == "Patient":
            return
    raise invariant(
        "An Appointment needs a Patient of the message among its participants",
        "Appointment.participant",
    )


def _request_of(message: Message) -> dict[str, Any]:
    request = message.service_request
    if request is None:
        raise invariant("The message needs exactly one ServiceRequest", "MessageHeader.focus[0]")
    patient = message.resolve(request.resource.get("subject"))
    if patient is None or patient.type != "Patient":
        raise invariant(
            "ServiceRequest.subject does not resolve to a Patient of the message",
            "ServiceRequest.subject",
        )
    return request.resource


def _linked(message: Message, reference: Any, resource_type: str) -> dict[str, Any]:
    """Return the part that a mandatory reference means.

    Where there is no reference (some examples of the guide), the only part of its type is meant.
    """
    references = reference if isinstance(reference, list) else [reference] if reference else []
    for each in references:
        found = message.resolve(each)
        if found is not None and found.type == resource_type:
            return found.resource
    dangling = [r for r in references if str(r.get("reference", "")).startswith("urn:")]
    unresolved = bool(dangling) and not any(message.resolve(r) for r in dangling)
    alone = message.only(resource_type)
    if alone is None or unresolved:
        raise MessageRefusedError(
            f"The message needs the {resource_type} that its ServiceRequest refers to",
            issue="invariant",
            expression="ServiceRequest",
        )
    return alone.resource
