"""Answers of other systems to a referral on file: kept in the record, and read by a person."""

from fhir.messaging import Message, Workflow
from hub import clock, records
from hub.domain.actor import Actor, hub_actor
from hub.domain.definition import HubDefinition
from hub.records import Record
from hub.services import definitions, tasks
from hub.services.enclosures import Enclosures
from hub.services.referral_intake import triage_owner

_HUB = hub_actor("messages")

_WORDS = {
    Workflow.NO_SHOW: "Safeguarding: the person did not attend. Decide what has to be done",
    Workflow.VALIDATION_INTERIM: "Read the interim answer to a validation request",
    Workflow.VALIDATION_FINAL: "Read the final answer to a validation request",
    Workflow.VALIDATION_REJECTED: "A validation request was rejected: decide who acts instead",
}
_URGENT = frozenset({Workflow.NO_SHOW, Workflow.VALIDATION_REJECTED})


def take(actor: Actor, message: Message, workflow: Workflow, request: Record) -> Record:
    """Keep what the answer says in the person's record and open a Task to read it."""
    definition = definitions.current()
    patient: str = request["subject"]["reference"]
    parts = Enclosures(((e.full_url, e.resource) for e in message.entries), definition)
    answered, person = message.service_request, message.patient
    if answered is not None:
        parts.stands_for(answered.full_url, answered.resource, request.reference)
    if person is not None:
        parts.stands_for(person.full_url, person.resource, patient)
    parts.store(_HUB, patient)
    task = _open_task(workflow, request, definition)
    records.audit.record(
        actor, "referral-answered", request.reference, {"workflow": workflow.value}
    )
    return task


def _open_task(workflow: Workflow, request: Record, definition: HubDefinition) -> Record:
    priority = "urgent" if workflow in _URGENT else "routine"
    owner = triage_owner(definition, priority, clock.now())
    team = definition.teams[owner.removeprefix("CareTeam/")]
    return tasks.open_task(
        _HUB,
        code="read-document",
        patient=request["subject"]["reference"],
        description=_WORDS[workflow],
        owner=owner,
        priority=priority,
        focus=request.reference,
        performing_organization=f"Organization/{team.organisation}",
        accountable_organization=f"Organization/{definition.hub_organisation}",
        clock=definition.spor.triage_clocks[priority],
    )
