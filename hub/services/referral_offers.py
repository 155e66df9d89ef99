"""What every referral offers beside itself: a falls assessment, an assessment for the carer."""

from hub import records
from hub.domain import referral
from hub.domain.actor import Actor, hub_actor
from hub.domain.definition import HubDefinition, Service
from hub.domain.referral_request import ReceiveReferral
from hub.records import Record
from hub.services import tasks


def make(
    actor: Actor,
    command: ReceiveReferral,
    request: Record,
    *,
    age: int | None,
    definition: HubDefinition,
) -> list[Record]:
    """Open the tasks that the care model's section 3 asks for, and send them to be routed."""
    made: list[Record] = []
    spor = definition.spor
    patient: str = request["subject"]["reference"]
    if (
        referral.needs_falls_assessment(command.falls)
        and referral.must_ask_about_falls(age, spor)
        # Who is referred to the falls service gets that assessment anyway.
        and command.service != spor.falls_service
    ):
        service = definition.services[spor.falls_service]
        made.append(_open(actor, service, request, patient, "Falls assessment"))
    if command.carer is not None:
        service = definition.services[spor.carers_service]
        words = f"Offer {command.carer.name} a carer's assessment"
        made.append(_open(actor, service, request, patient, words))
    return made


def _open(
    actor: Actor,
    service: Service,
    request: Record,
    patient: str,
    description: str,
) -> Record:
    task = tasks.open_task(
        actor,
        code="intervention",
        patient=patient,
        description=description,
        owner=f"CareTeam/{service.team}",
        priority="routine",
        performing_organization=f"Organization/{service.performing}",
        accountable_organization=f"Organization/{service.accountable}",
        roles=service.roles,
        clock=service.clock_for("routine"),
        service=service.code,
        step="triaged",
    )
    # Not its focus: the work of the referral itself is one task, this stands beside it.
    linked = {**task.resource, "basedOn": [{"reference": request.reference}]}
    task = records.update(hub_actor("spor"), linked, type="Task", id=task.id, if_match=task.version)
    tasks.ask_for_routing(actor, task.id)
    return task
