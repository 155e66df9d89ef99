"""A redirected referral is sent on by a person, who confirms that it has arrived."""

from hub.domain.actor import Actor
from hub.domain.definition import HubDefinition, Service
from hub.records import Record
from hub.services import tasks


def open_task(actor: Actor, request: Record, service: Service, definition: HubDefinition) -> Record:
    """Open the Task to send a referral on to a service outside the hub, on that service's clock."""
    team = definition.teams[service.team]
    return tasks.open_task(
        actor,
        code="send-on",
        patient=request["subject"]["reference"],
        description=f"Send the referral on to {service.name} and confirm that it has arrived",
        owner=f"CareTeam/{team.code}",
        priority=str(request.get("priority", "routine")),
        focus=request.reference,
        performing_organization=f"Organization/{team.organisation}",
        accountable_organization=f"Organization/{definition.hub_organisation}",
        clock=service.clock_for(str(request.get("priority", "routine"))),
        service=service.code,
    )
