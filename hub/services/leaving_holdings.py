"""Everything that somebody holds: what must be in other hands before they may leave."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import func, or_, select

from hub import clock, records
from hub.db import db
from hub.domain.accountability import TITLES, AccountableRole
from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition
from hub.models.account import Account
from hub.models.accountability import AccountableSpell
from hub.models.assignment import Assignment
from hub.models.departure import TimeBox
from hub.models.subscriber import Subscriber
from hub.queries import offers
from hub.records.relationships import CARE_TEAM
from hub.records.tables import RELATIONSHIPS
from hub.services import accountability_offer_rows as offer_rows
from hub.services import accountability_team as team
from hub.services import definitions, task_content

_HUB = hub_actor("leaving")

OF_TASK = "task/"
"""Begins the id of an offer of a task; the others offer a role for a person."""


class Kind(StrEnum):
    """What somebody can hold, in the order in which it is shown."""

    ACCOUNTABILITY = "accountability"
    STAND_IN = "stand-in"
    REFERRAL = "referral"
    TASK = "task"
    PLAN = "plan"
    MEMBERSHIP = "membership"
    SUBSCRIPTION = "subscription"
    OFFER = "offer"
    REMINDER = "reminder"
    LEAD = "lead"
    DUTY_MANAGER = "duty-manager"


PLURALS = {
    Kind.ACCOUNTABILITY: ("person to answer for", "people to answer for"),
    Kind.STAND_IN: ("person to stand in for", "people to stand in for"),
    Kind.REFERRAL: ("referral in triage", "referrals in triage"),
    Kind.TASK: ("open task", "open tasks"),
    Kind.PLAN: ("plan with an activity", "plans with activities"),
    Kind.MEMBERSHIP: ("care team", "care teams"),
    Kind.SUBSCRIPTION: ("subscription", "subscriptions"),
    Kind.OFFER: ("offer in flight", "offers in flight"),
    Kind.REMINDER: ("reminder of somebody else's leaving", "reminders of others' leaving"),
    Kind.LEAD: ("team to lead", "teams to lead"),
    Kind.DUTY_MANAGER: ("team to manage", "teams to manage"),
}


@dataclass(frozen=True, slots=True)
class Held:
    """One thing that somebody holds."""

    kind: Kind
    id: str
    """Told apart within its kind: ``<patient id>/<role>``, the id of a task ..."""
    words: str
    """What it is, without the name of a person."""
    patient_id: str | None = None
    until: datetime | None = None
    """It may be held until then: somebody is reminded. None: it must be in other hands first."""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.id}"


def what_holds(practitioner: str, *, hub: HubDefinition | None = None) -> tuple[Held, ...]:
    """Return everything that ``Practitioner/<id>`` holds, what may stay until a date too.

    ``hub`` is the definition whose team leads and duty managers count; None: the active one.
    """
    found: list[Held] = []
    for part in (_accountable, _tasks, _plans, _memberships, _subscriptions, _offers, _reminders):
        found += part(practitioner)
    found += _roles(practitioner, hub or definitions.current())
    boxes = {
        row.holding: row.until
        for row in db.session.scalars(
            select(TimeBox).where(
                TimeBox.practitioner == practitioner,
                TimeBox.ended_at.is_(None),
                TimeBox.until > clock.now(),
            )
        )
    }
    return tuple(replace(each, until=boxes.get(each.key)) for each in found)


def unsettled(held: Iterable[Held]) -> tuple[Held, ...]:
    """Return what is neither in other hands nor allowed until a date."""
    return tuple(each for each in held if each.until is None)


def summary(held: Iterable[Held]) -> str:
    """Say what is held in one line: ``3 open tasks, 1 team to lead``."""
    counts = Counter(each.kind for each in held)
    return ", ".join(
        f"{counts[kind]} {PLURALS[kind][counts[kind] != 1]}" for kind in Kind if counts[kind]
    )


def in_team(practitioner: str, code: str) -> tuple[Held, ...]:
    """Return what somebody holds as a member of one of the hub's teams."""
    mine = set(
        db.session.scalars(
            select(Assignment.task_id).where(
                Assignment.owner == practitioner,
                Assignment.team == f"CareTeam/{code}",
                Assignment.ends_at.is_(None),
            )
        )
    )
    return tuple(
        each
        for each in what_holds(practitioner)
        if (each.kind in {Kind.TASK, Kind.REFERRAL} and each.id in mine)
        or (each.kind in {Kind.LEAD, Kind.DUTY_MANAGER} and each.id == code)
    )


def _accountable(practitioner: str) -> Iterator[Held]:
    rows = db.session.scalars(
        select(AccountableSpell)
        .where(
            AccountableSpell.practitioner == practitioner,
            or_(
                func.upper_inf(AccountableSpell.during),
                func.upper(AccountableSpell.during) > clock.now(),
            ),
        )
        .order_by(AccountableSpell.role, AccountableSpell.patient_id)
    )
    for row in rows:
        kind = Kind.STAND_IN if row.stands_in else Kind.ACCOUNTABILITY
        title = TITLES[AccountableRole(row.role)]
        yield Held(kind, f"{row.patient_id}/{row.role}", title, row.patient_id)


def _tasks(practitioner: str) -> Iterator[Held]:
    ids = db.session.scalars(
        select(Assignment.task_id)
        .where(Assignment.owner == practitioner, Assignment.ends_at.is_(None))
        .order_by(Assignment.task_id)
    )
    for record in records.read_many(_HUB, [f"Task/{each}" for each in ids]).values():
        kind = Kind.REFERRAL if task_content.code(record.resource) == "triage" else Kind.TASK
        patient = task_content.reference(record.resource, "for") or ""
        words = str(record.get("description") or task_content.code(record.resource) or "Task")
        yield Held(kind, record.id, words, patient.removeprefix("Patient/") or None)


def _plans(practitioner: str) -> Iterator[Held]:
    asked = [
        ("performer", practitioner),
        ("status", "draft,active,on-hold"),
        ("_count", "1000"),
        ("_total", "none"),
    ]
    for record in records.search(_HUB, "CarePlan", asked).records:
        if record.managed:
            patient = record.get("subject", {}).get("reference", "").removeprefix("Patient/")
            yield Held(Kind.PLAN, record.id, str(record.get("title") or "Shared plan"), patient)


def _memberships(practitioner: str) -> Iterator[Held]:
    sources = db.session.scalars(
        select(RELATIONSHIPS.c.source)
        .where(RELATIONSHIPS.c.party == practitioner, RELATIONSHIPS.c.basis == CARE_TEAM)
        .distinct()
        .order_by(RELATIONSHIPS.c.source)
    )
    for record in records.read_many(_HUB, list(sources)).values():
        for participant in others_in(record.resource, practitioner):
            words = next(
                (each.get("text", "") for each in participant.get("role", ()) if each.get("text")),
                "Member",
            )
            patient = record.get("subject", {}).get("reference", "").removeprefix("Patient/")
            yield Held(Kind.MEMBERSHIP, record.id, f"{words} in a care team", patient)
            break


def others_in(resource: dict[str, Any], practitioner: str) -> list[dict[str, Any]]:
    """Return the open participations of somebody that do not make them accountable."""
    accountable = {id(each) for each in team.accountable_participants(resource)}
    found: list[dict[str, Any]] = []
    for each in resource.get("participant", ()):
        ended = (each.get("period") or {}).get("end")
        member = each.get("member", {}).get("reference")
        if member == practitioner and not ended and id(each) not in accountable:
            found.append(each)
    return found


def _subscriptions(practitioner: str) -> Iterator[Held]:
    rows = db.session.scalars(
        select(Subscriber)
        .join(Account, Subscriber.actor_id == func.concat("user/", Account.username))
        .where(Account.practitioner == practitioner, Subscriber.active)
        .order_by(Subscriber.subscription_id)
    )
    for row in rows:
        yield Held(Kind.SUBSCRIPTION, row.subscription_id, row.name)


def _offers(practitioner: str) -> Iterator[Held]:
    for row in offer_rows.of(practitioner):
        way = "offered to them" if row.receiver == practitioner else "offered by them"
        words = f"{TITLES[AccountableRole(row.role)]}, {way}"
        yield Held(Kind.OFFER, row.id, words, row.patient_id)
    for each in (*offers.to_answer(practitioner), *offers.made_by(practitioner)):
        way = "offered to them" if each.taker == practitioner else "offered by them"
        yield Held(Kind.OFFER, f"{OF_TASK}{each.task_id}", f"A task, {way}")


def _reminders(practitioner: str) -> Iterator[Held]:
    rows = db.session.scalars(
        select(TimeBox)
        .where(TimeBox.owner == practitioner, TimeBox.ended_at.is_(None))
        .order_by(TimeBox.until, TimeBox.id)
    )
    for row in rows:
        yield Held(Kind.REMINDER, row.id, row.words)


def _roles(practitioner: str, hub: HubDefinition) -> Iterator[Held]:
    username = practitioner.removeprefix("Practitioner/")
    for each in hub.teams.values():
        if each.lead == username:
            yield Held(Kind.LEAD, each.code, f"Lead of {each.name}")
        if each.duty_manager == username:
            yield Held(Kind.DUTY_MANAGER, each.code, f"Duty manager of {each.name}")
