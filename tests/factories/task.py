"""Work for a person: the bare record, or a visit as the hub opens it with its clock."""

from typing import Any

from fhir.systems import ACCOUNTABLE_ORGANIZATION, PERFORMING_ORGANIZATION
from hub import records
from hub.domain.actor import hub_actor
from hub.records import Record
from hub.services import tasks
from hub.transaction import transaction


def task(
    patient: str,
    owner: str,
    *,
    organization: str = "Organization/rxs",
    managed: bool = True,
    **elements: Any,
) -> Record:
    """Keep a requested Task that one organisation does and answers for; all by reference."""
    resource = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "for": {"reference": patient},
        "owner": {"reference": owner},
        "extension": [
            {"url": url, "valueReference": {"reference": organization}}
            for url in (PERFORMING_ORGANIZATION, ACCOUNTABLE_ORGANIZATION)
        ],
    }
    return records.create(hub_actor("set-up"), resource | elements, managed=managed)


def visit(patient: str, **named: Any) -> Record:
    """Open an urgent visit on the two-hour clock, in the pool of its team; needs the sample hub."""
    defaults = {
        "code": "intervention",
        "description": "Visit",
        "owner": "CareTeam/district-nursing-west",
        "performing_organization": "Organization/rxs",
        "accountable_organization": "Organization/rxs",
        "clock": "crisis-response",
        "priority": "urgent",
        "requester": "Practitioner/sam-spor",
    }
    with transaction():
        return tasks.open_task(hub_actor("spor"), patient=patient, **defaults | named)
