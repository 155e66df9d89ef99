"""The orphan guard: nobody is deactivated, ends a contract or leaves a team with work in hand.

Source: issue 4, "Accountability". ``hub.services.leaving`` says what is held and re-homes it.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Text, cast, select

from fhir import jsontext
from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.definition import HubDefinition
from hub.domain.errors import StateError
from hub.models.assignment import Assignment
from hub.services import accountability_team as team
from hub.services import definitions, employment, leaving
from hub.services.leaving import StillHoldsError
from hub.services.leaving_holdings import Kind, in_team, unsettled, what_holds

_ROLES = records.table("PractitionerRole")
_REQUESTS = records.table("ServiceRequest")


@records.guard("Practitioner")
def keep_no_orphans(
    actor: Actor, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> None:
    """Refuse to deactivate or delete somebody who holds something; else let nothing new in."""
    if old is None:
        return
    practitioner = f"Practitioner/{old['id']}"
    was, now_active = old.get("active") is not False, _is_active(new)
    if was and not now_active:
        leaving.depart(actor, practitioner, clock.now())
    elif now_active and not was:
        leaving.stay(practitioner)


@records.guard("PractitionerRole")
def keep_contract(
    actor: Actor, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> None:
    """Refuse to end somebody's last contract while they hold something."""
    if old is None or not _runs(old) or (new is not None and _runs(new)):
        return
    practitioner = old.get("practitioner", {}).get("reference", "")
    if practitioner and not _other_contract(old["id"], practitioner):
        leaving.depart(actor, practitioner, clock.now())


@records.guard("CareTeam")
def keep_team_work(
    actor: Actor,  # noqa: ARG001 - the rule is the same for everybody
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
) -> None:
    """Refuse to take somebody out of one of the hub's teams while they hold its work."""
    if old is None or "subject" in old or team.is_accountability(old):
        return
    ends = new is None or new.get("status") != "active"
    for practitioner in sorted(_members(old) - (set() if ends else _members(new or {}))):
        employment.hold_alone(practitioner)
        held = unsettled(in_team(practitioner, old["id"]))
        if held:
            raise StillHoldsError(practitioner, held)


@definitions.before_activation
def keep_defined(old: HubDefinition, new: HubDefinition) -> None:
    """Refuse a definition without a person, team or service that something is left with."""
    for username in sorted(set(old.staff) - set(new.staff)):
        practitioner = f"Practitioner/{username}"
        employment.hold_alone(practitioner)
        held = unsettled(what_holds(practitioner, hub=new))
        if held:
            raise StillHoldsError(practitioner, held)
    for username, person in sorted(new.staff.items()):
        before = old.staff.get(username)
        for code in sorted(set(before.teams) - set(person.teams)) if before else ():
            practitioner = f"Practitioner/{username}"
            employment.hold_alone(practitioner)
            held = tuple(
                each
                for each in unsettled(in_team(practitioner, code))
                if each.kind not in {Kind.LEAD, Kind.DUTY_MANAGER}
            )
            if held:
                raise StillHoldsError(practitioner, held)
    for code in sorted(set(old.teams) - set(new.teams)):
        _check_team(code)
    for code in sorted(set(old.services) - set(new.services)):
        _check_service(code)


def _check_team(code: str) -> None:
    left = list(
        db.session.scalars(
            select(Assignment.task_id)
            .where(Assignment.team == f"CareTeam/{code}", Assignment.ends_at.is_(None))
            .order_by(Assignment.task_id)
        )
    )
    if left:
        raise StateError(
            f"the team {code} still has {len(left)} open tasks: move them first",
            field="teams",
            allowed=[f"task:{each}" for each in left],
        )


def _check_service(code: str) -> None:
    # Referrals that run are few beside those that ended; the text says which service has each.
    left = list(
        db.session.scalars(
            select(_REQUESTS.c.id)
            .where(
                _REQUESTS.c.managed,
                ~_REQUESTS.c.deleted,
                _REQUESTS.c.status.in_(["active", "on-hold", "draft"]),
                cast(_REQUESTS.c.content, Text).contains(f'"HealthcareService/{code}"'),
            )
            .order_by(_REQUESTS.c.id)
        )
    )
    if left:
        raise StateError(
            f"the service {code} still has {len(left)} referrals: move them first",
            field="services",
            allowed=[f"referral:{each}" for each in left],
        )


def _is_active(resource: Mapping[str, Any] | None) -> bool:
    return resource is not None and resource.get("active") is not False


def _runs(role: Mapping[str, Any]) -> bool:
    return role.get("active") is not False and not role.get("period", {}).get("end")


def _other_contract(role_id: str, practitioner: str) -> bool:
    contents = db.session.scalars(
        select(cast(_ROLES.c.content, Text)).where(
            _ROLES.c.id != role_id,
            ~_ROLES.c.deleted,
            cast(_ROLES.c.content, Text).contains(f'"{practitioner}"'),
        )
    )
    return any(_runs(jsontext.loads(each)) for each in contents)


def _members(resource: Mapping[str, Any]) -> set[str]:
    return {
        each["member"]["reference"]
        for each in resource.get("participant", ())
        if each.get("member", {}).get("reference", "").startswith("Practitioner/")
        and not (each.get("period") or {}).get("end")
    }
