"""One person's page: who is accountable, the plan, work, contacts, what came from elsewhere."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.domain import accountability as rules
from hub.domain.accountability import TITLES, AccountableRole
from hub.queries import deputising
from hub.queries.person import PersonPage
from hub.records import Record
from hub.services import accountability_team, plan_content
from hub.web import directory
from hub.web.presenters import documents, elements, tasks, words
from hub.web.presenters.tasks import TaskLine


@dataclass(frozen=True, slots=True)
class Accountable:
    role: str
    title: str
    name: str
    """Empty where nobody holds it."""
    since: str
    phone: str
    required: bool
    stands_in: bool = False
    """Nobody is named: ``name`` answers until somebody is."""
    deputy: str = ""
    """Who acts for them while they are away."""


@dataclass(frozen=True, slots=True)
class PlanLine:
    id: str
    title: str
    status: str
    review: str
    changed: str


@dataclass(frozen=True, slots=True)
class Contact:
    when: str
    what: str
    who: str
    at: str
    """Sort key: the FHIR date."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A record that came from another system: shown as it came, outside the hub's rules."""

    kind: str
    words: str
    status: str
    changed: str


PLAN_STATUSES = {
    "draft": "Draft",
    "active": "Active",
    "on-hold": "On hold",
    "completed": "Completed",
    "revoked": "Withdrawn",
    "entered-in-error": "Entered by mistake",
}
_TYPES = {
    "CarePlan": "Plan",
    "Task": "Task",
    "ServiceRequest": "Referral or order",
    "Condition": "Condition",
    "MedicationStatement": "Medicine",
    "MedicationRequest": "Prescription",
    "Goal": "Goal",
    "CareTeam": "Care team",
    "EpisodeOfCare": "Episode of care",
    "QuestionnaireResponse": "Form",
    "DocumentReference": "Document",
    "Consent": "Consent",
}
_PROBLEMS = ("Condition",)
_CONTACTS = ("Encounter", "Appointment", "Communication")


def accountable(known: PersonPage, now: datetime) -> list[Accountable]:
    """Return who answers for this person, and which roles nobody holds that somebody must."""
    team = next(
        (
            each
            for each in known.managed("CareTeam")
            if accountability_team.is_accountability(each.resource)
        ),
        None,
    )
    held = accountability_team.spells(team.resource) if team else ()
    need = rules.Need(
        age=words.age(known.patient.get("birthDate"), now),
        complex_need=any(each.get("status") == "active" for each in known.managed("CarePlan")),
        on_register=register_episode(known) is not None,
    )
    required = rules.required_roles(need)
    now_held = rules.current(held, now)
    acting = deputising.of([each.practitioner for each in now_held.values()], now)
    found = []
    for role in AccountableRole:
        holder = rules.holder_at(held, role, now)
        if holder is None and role not in required:
            continue
        found.append(
            Accountable(
                role=role.value,
                title=TITLES[role],
                name=directory.name_of(holder.practitioner) if holder else "",
                since=words.short_day(holder.start) if holder else "",
                phone=directory.phone_of(holder.practitioner) if holder else "",
                required=role in required,
                stands_in=holder is not None and holder.stands_in,
                deputy=directory.name_of(acting[holder.practitioner].deputy)
                if holder is not None and holder.practitioner in acting
                else "",
            )
        )
    return found


def register_episode(known: PersonPage) -> Record | None:
    """Return the open entry of the end-of-life register."""
    for each in known.managed("EpisodeOfCare"):
        if each.get("status") == "active" and "eol-register" in elements.codes(each.get("type")):
            return each
    return None


def plans(known: PersonPage) -> list[PlanLine]:
    found = [
        PlanLine(
            id=each.id,
            title=str(each.get("title", "Shared care plan")),
            status=PLAN_STATUSES.get(str(each.get("status")), str(each.get("status"))),
            review=words.day(plan_content.review_date(each.resource)),
            changed=words.moment(each.last_updated),
        )
        for each in known.managed("CarePlan")
    ]
    order = list(PLAN_STATUSES.values())
    return sorted(found, key=lambda each: order.index(each.status) if each.status in order else 9)


def work(known: PersonPage, now: datetime, me: str | None) -> tuple[list[TaskLine], list[TaskLine]]:
    """Return (open, closed) work of the hub for this person."""
    lines = [tasks.line(each, now, me=me) for each in known.managed("Task")]
    waiting = sorted(
        (each for each in lines if each.is_open), key=lambda each: each.clock.iso or "9"
    )
    return waiting, [each for each in lines if not each.is_open][:10]


def contacts(known: PersonPage) -> list[Contact]:
    """Return recent visits, appointments and conversations, the newest first."""
    found = [_contact(each) for name in _CONTACTS for each in known.all(name)]
    return sorted((each for each in found if each.what), key=lambda each: each.at, reverse=True)[
        :12
    ]


def _contact(record: Record) -> Contact:
    resource = record.resource
    at = str(
        (resource.get("period") or {}).get("start")
        or resource.get("start")
        or resource.get("sent")
        or ""
    )
    what = next(
        (
            said
            for said in (
                *(elements.concept_text(each) for each in resource.get("reasonCode", ())),
                *(
                    elements.concept_text(each)
                    for each in resource.get("type", ())
                    if isinstance(each, dict)
                ),
                str(resource.get("description", "")),
                *(str(each.get("contentString", "")) for each in resource.get("payload", ())),
                str((resource.get("class") or {}).get("display", "")),
            )
            if said
        ),
        "",
    )
    who = directory.name_of(resource.get("serviceProvider") or resource.get("sender")) or next(
        (
            directory.name_of(each.get("individual") or each.get("actor"))
            for each in resource.get("participant", ())
        ),
        "",
    )
    return Contact(words.moment(at) if at else "", what, who, at)


def problems(known: PersonPage) -> list[str]:
    """Return what the person lives with, as coded by those who look after them."""
    found = []
    for each in known.all("Condition"):
        status = elements.code(each.get("clinicalStatus"))
        said = elements.concept_text(each.get("code"))
        if said and status in {"", "active", "recurrence", "relapse"} and said not in found:
            found.append(said)
    return found


def medicines(known: PersonPage) -> list[str]:
    found = []
    for name in ("MedicationStatement", "MedicationRequest"):
        for each in known.all(name):
            said = elements.concept_text(each.get("medicationCodeableConcept"))
            if said and each.get("status") in {"active", "intended"} and said not in found:
                found.append(said)
    return found


def elsewhere(known: PersonPage) -> list[Elsewhere]:
    """Return what other systems sent: kept exactly, shown as theirs."""
    shown = {"Condition", "MedicationStatement", "MedicationRequest"}
    found = [
        Elsewhere(
            kind=_TYPES[name],
            words=_title(each.resource),
            status=str(each.get("status", "")),
            changed=words.short_day(each.last_updated),
        )
        for name in _TYPES
        if name not in shown
        for each in known.foreign(name)
        if not documents.is_received(each)
    ]
    return found[:25]


def _title(resource: dict[str, Any]) -> str:
    said = (
        resource.get("title")
        or resource.get("description")
        or elements.concept_text(resource.get("code"))
        or elements.concept_text(
            resource.get("type") if isinstance(resource.get("type"), dict) else None
        )
    )
    if isinstance(said, dict):
        said = said.get("text", "")
    return str(said or "without a title")
