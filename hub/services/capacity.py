"""Services say how many more people they can take; the directory counts old words less."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from hub import clock, records
from hub.db import db
from hub.domain import cover_access
from hub.domain.actor import Actor
from hub.domain.capacity import FORGOTTEN, MOST_PLACES, Capacity
from hub.domain.errors import NotPermittedError, RuleError
from hub.models.service_capacity import ServiceCapacity
from hub.services import definitions


def current() -> dict[str, Capacity]:
    """Return the last word of each service that has said something lately, by its code."""
    found = db.session.execute(
        select(ServiceCapacity)
        .where(ServiceCapacity.said_at > clock.now() - FORGOTTEN)
        .ext(distinct_on(ServiceCapacity.service))
        .order_by(
            ServiceCapacity.service, ServiceCapacity.said_at.desc(), ServiceCapacity.id.desc()
        )
    ).scalars()
    return {row.service: Capacity(row.places, row.said_at, row.said_by) for row in found}


def may_say(actor: Actor, service: str) -> bool:
    """Say whether the actor speaks for a service: one of its team, its lead or a manager."""
    hub = definitions.current()
    known = hub.services.get(service)
    if known is None or actor.practitioner is None:
        return False
    team = f"CareTeam/{known.team}"
    return team in actor.teams or cover_access.may_act(hub, actor, team)


def say(actor: Actor, service: str, places: int) -> ServiceCapacity:
    """Keep what a service says now. Raises RuleError, NotPermittedError."""
    if service not in definitions.current().services:
        raise RuleError("the hub does not know this service", field="service")
    if not may_say(actor, service):
        raise NotPermittedError("the team of a service says how many people it can take")
    if not 0 <= places <= MOST_PLACES:
        raise RuleError(f"say a number from 0 (full) to {MOST_PLACES}", field="places")
    assert actor.practitioner is not None
    said = ServiceCapacity(
        id=records.new_id(),
        service=service,
        places=places,
        said_at=clock.now(),
        said_by=actor.practitioner,
    )
    db.session.add(said)
    reference = f"HealthcareService/{service}"
    records.audit.record(actor, "capacity-said", reference, {"places": places})
    db.session.flush()
    return said
