"""A redirected referral is sent on: by message where the service takes messages, else by a person.

The Task to send it on stays open, on its clock, until the referral has arrived: whatever goes
wrong on the way, somebody is waiting for it.
"""

from fhir.outcomes import NotFoundError
from hub import clock, records
from hub.domain.actor import Actor, hub_actor
from hub.domain.confidentiality import is_restricted
from hub.domain.definition import HubDefinition, Service
from hub.domain.errors import RuleError, StateError
from hub.domain.task_states import OPEN
from hub.models.outgoing_message import DEAD, OutgoingMessage
from hub.queries import matching
from hub.records import Record, instant
from hub.services import (
    definitions,
    outgoing_messages,
    task_content,
    tasks,
)
from hub.services.outgoing_messages import ONWARD_CANCELLATION, ONWARD_REQUEST

CODE = "send-on"
_HUB = hub_actor("messages")
LONGEST_REASON = 500
RING_AFTER = 4
"""Attempts at a cancellation, within some minutes, after which somebody telephones."""
_ARRIVED = "sent-by-message"
_BY_HAND = " and confirm that it has arrived"
_CALLED_BACK = "called-back"


def open_task(actor: Actor, request: Record, service: Service) -> Record:
    """Open the Task to send a referral on to a service outside the hub, on that service's clock."""
    system = by_message(request, service)
    how = f": by message to {system}" if system else _BY_HAND
    priority = str(request.get("priority", "routine"))
    task = _open(
        actor,
        request,
        service,
        words=f"Send the referral on to {service.name}{how}",
        priority=priority,
        clock_code=service.clock_for(priority),
    )
    if system:
        records.outbox.emit("ReferralSentOn", subject=task.reference)
    return task


def by_message(request: Record, service: Service) -> str | None:
    """Return the system that takes referrals to a service by message; None: a person sends it on.

    A person decides too how it is sent where the record is restricted, or the person has objected
    to that organisation.
    """
    if service.messages_to is None or service.dos_id is None:
        return None
    if outgoing_messages.address_of(service.messages_to) is None:
        return None
    patient: str = request["subject"]["reference"]
    record = records.read(_HUB, "Patient", patient.removeprefix("Patient/"))
    objections = matching.ties([patient]).objections.get(patient, frozenset())
    if is_restricted(record.resource) or f"Organization/{service.performing}" in objections:
        return None
    return definitions.current().clients[service.messages_to].name


def leave_to_a_person(task: Record, service: Service) -> None:
    """Say on the Task that nothing leaves by itself: what was possible is not any more."""
    resource = task.resource
    resource["description"] = f"Send the referral on to {service.name}{_BY_HAND}"
    task_content.add_note(
        resource, _HUB, "It may not go by message any more: send it on yourself", clock.now()
    )
    resource["lastModified"] = instant(clock.now())
    records.update(_HUB, resource, type="Task", id=task.id, if_match=task.version)


def arrived(message: OutgoingMessage) -> None:
    """Close the Task whose message was taken; a person may have closed it already."""
    if message.kind != ONWARD_REQUEST:
        return
    task = records.lock(_HUB, "Task", message.subject.removeprefix("Task/"))
    if task["status"] not in OPEN:
        return
    system = message.client.removeprefix("client/")
    # The hub calls its Task off, with the cause: it never says that a person did the work.
    note = f"Taken by {system}, by message"
    tasks.cancel(_HUB, task.id, version=task.version, reason=_ARRIVED, note=note)


def not_taken(message: OutgoingMessage) -> None:
    """Open an urgent Task where a cancellation was not taken: the work may go on over there.

    When it is refused, or after some attempts: it is tried for days, nobody waits so long.
    """
    if message.kind != ONWARD_CANCELLATION or outgoing_messages.settle_unknown(message):
        return
    given_up = message.state == DEAD and message.attempts < RING_AFTER
    if not given_up and message.attempts != RING_AFTER:
        return
    task = records.read(_HUB, "Task", message.subject.removeprefix("Task/"))
    request_id = str(task_content.reference(task.resource, "focus"))
    request = records.read(_HUB, "ServiceRequest", request_id.removeprefix("ServiceRequest/"))
    definition = definitions.current()
    service = service_of(request, definition)
    _open(
        _HUB,
        request,
        service,
        words=f"{service.name} has not taken a cancellation: tell them by telephone",
        priority="urgent",
        clock_code=definition.spor.triage_clocks["urgent"],
    )


def call_back(
    actor: Actor, request_id: str, *, reason: str, entered_in_error: bool = False
) -> None:
    """Take a referral back that was sent on by message, in the words of ``reason``.

    What has not left is not sent; what has, or may have, is followed by a cancellation. Raises
    StateError where nothing was sent on by message, or it is called back already.
    """
    # The request first, its Tasks after, as in triage: nobody deadlocks.
    request = records.lock(_HUB, "ServiceRequest", request_id)
    task = sent_on(request.reference)
    if task is None:
        raise StateError("this referral was not sent on by message", field="request")
    # The message before its Task, as whoever sends it; again after, as it may be made just now.
    outgoing_messages.lock_about(task.reference)
    task = records.lock(_HUB, "Task", task.id)
    rows = outgoing_messages.lock_about(task.reference)
    if outgoing_messages.is_called_back(task.reference):
        raise StateError(
            "this referral is called back already, or did not leave by message", field="request"
        )
    if task["status"] in OPEN:
        note = f"Called back by {actor.display}: {reason}"
        tasks.cancel(_HUB, task.id, version=task.version, reason=_CALLED_BACK, note=note)
    if rows and not outgoing_messages.withdraw(actor, rows[0]):
        records.outbox.emit(
            "ReferralCalledBack",
            subject=task.reference,
            payload={"reason": reason, "entered_in_error": entered_in_error},
        )
    records.audit.record(actor, "referral-called-back", request.reference, {"task": task.id})


def call_back_message(actor: Actor, message_id: str, *, reason: str) -> None:
    """Take back what a message of ours sent on; the other service reads ``reason``.

    Raises RuleError (field ``reason``), StateError as ``call_back``, NotFoundError.
    """
    said = reason.strip()
    if not 3 <= len(said) <= LONGEST_REASON:
        raise RuleError(f"say in 3 to {LONGEST_REASON} characters why", field="reason")
    row = outgoing_messages.message(message_id)
    if row is None or row.kind != ONWARD_REQUEST:
        raise NotFoundError("there is no such referral that was sent on")
    task = records.read(_HUB, "Task", row.subject.removeprefix("Task/"))
    request = str(task_content.reference(task.resource, "focus"))
    call_back(actor, request.removeprefix("ServiceRequest/"), reason=said)


def can_call_back(message: OutgoingMessage) -> bool:
    """Say whether a message sent a referral on that nobody has called back."""
    return message.kind == ONWARD_REQUEST and not outgoing_messages.is_called_back(message.subject)


def sent_on(request: str) -> Record | None:
    """Return the Task of a referral (its reference) that was, or will be, sent on by message."""
    page = records.search(
        _HUB,
        "Task",
        [("focus", request), ("code", CODE), ("_sort", "-authored-on"), ("_total", "none")],
    )
    by = (task for task in page.records if outgoing_messages.concerns(task.reference))
    return next(by, None)


def _open(
    actor: Actor,
    request: Record,
    service: Service,
    *,
    words: str,
    priority: str,
    clock_code: str,
) -> Record:
    definition = definitions.current()
    team = definition.teams[service.team]
    return tasks.open_task(
        actor,
        code=CODE,
        patient=request["subject"]["reference"],
        description=words[:500],
        owner=f"CareTeam/{team.code}",
        priority=priority,
        focus=request.reference,
        performing_organization=f"Organization/{team.organisation}",
        accountable_organization=f"Organization/{definition.hub_organisation}",
        clock=clock_code,
        service=service.code,
    )


def service_of(request: Record, definition: HubDefinition) -> Service:
    performer = str(request["performer"][0]["reference"])
    return definition.services[performer.removeprefix("HealthcareService/")]
