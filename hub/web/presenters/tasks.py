"""A task as a line of a list and as a page."""

from dataclasses import dataclass
from datetime import datetime

from fhir.systems import ACCOUNTABLE_ORGANIZATION, PERFORMING_ORGANIZATION
from hub.domain.task_states import OPEN
from hub.records import Record
from hub.services import task_content
from hub.web import directory
from hub.web.presenters import elements, words
from hub.web.presenters.people import PersonLine
from hub.web.presenters.people import line as person_line
from hub.web.presenters.words import TimeLeft

KINDS = {
    "triage": "Referral to triage",
    "intervention": "Referral",
    "plan-review": "Plan review",
    "vacancy": "Vacancy",
    "tracing": "Who is this person?",
    "allotment": "Whose records are these?",
    "bereavement": "Bereavement contact",
    "equipment-collection": "Equipment to collect",
    "suspected-cancer-check": "Suspected cancer: check",
    "send-on": "Referral to send on",
    "register-cpr-review": "Resuscitation decision to agree",
    "read-document": "Document to read",
    "transport": "Transport to book",
}
PRIORITIES = {"stat": "Emergency", "asap": "As soon as possible", "urgent": "Urgent", "routine": ""}
STATUSES = {
    "requested": "New",
    "received": "Seen",
    "accepted": "Accepted",
    "ready": "Ready",
    "in-progress": "Started",
    "on-hold": "On hold",
    "completed": "Done",
    "rejected": "Declined",
    "failed": "Failed",
    "cancelled": "Stopped",
    "entered-in-error": "Entered by mistake",
}
STEPS = {
    "received": "Received",
    "validated": "Checked",
    "triaged": "Triaged",
    "allocated": "Allocated",
    "first-contact": "First contact made",
    "assessed": "Assessed",
    "in-service": "In service",
    "outcome": "Outcome known",
    "closed": "Closed",
    "accepted": "Accepted",
    "redirected": "Redirected",
    "declined": "Declined",
    "asked": "Waiting for the referrer's answer",
    "withdrawn": "Withdrawn",
}


@dataclass(frozen=True, slots=True)
class TaskLine:
    id: str
    version: int
    kind: str
    title: str
    person: PersonLine
    clock: TimeLeft
    urgent: str
    """Words for an urgent priority; empty for a routine one."""
    priority: str
    status: str
    status_words: str
    step: str
    owner: str
    """Name of the person or team that has it."""
    owner_reference: str
    mine: bool
    pool: bool
    """Nobody's yet: the team's."""
    why: str
    is_open: bool
    changed: str
    outcome: str


def line(
    task: Record,
    now: datetime,
    *,
    patient: Record | None = None,
    why: str | None = None,
    me: str | None = None,
) -> TaskLine:
    resource = task.resource
    status = str(resource.get("status", ""))
    owner = task_content.owner(resource)
    kind = task_content.code(resource) or ""
    priority = str(resource.get("priority", "routine"))
    is_open = status in OPEN
    outcome = task_content.outcome(resource)
    return TaskLine(
        id=task.id,
        version=task.version,
        kind=KINDS.get(kind, elements.concept_text(resource.get("code")) or "Task"),
        title=words.short(str(resource.get("description", "")), 110) or KINDS.get(kind, "Task"),
        person=person_line(patient, now),
        clock=words.time_left(task_content.due_at(resource), now) if is_open else words.NO_CLOCK,
        urgent=PRIORITIES.get(priority, priority),
        priority=priority,
        status=status,
        status_words=STATUSES.get(status, status),
        step=STEPS.get(task_content.code(resource, "businessStatus") or "", ""),
        owner=directory.name_of(resource.get("owner")),
        owner_reference=owner,
        mine=bool(me) and owner == me,
        pool=owner.startswith("CareTeam/"),
        # Without a decision of the rota's, a person (or the plan) gave it by name.
        why=why or ("Given to you by name." if me and owner == me else ""),
        is_open=is_open,
        changed=words.moment(resource.get("lastModified")),
        outcome=directory.words_of("task-outcomes", outcome) if outcome else "",
    )


@dataclass(frozen=True, slots=True)
class Note:
    who: str
    when: str
    text: str


def notes(task: Record) -> list[Note]:
    """Return what people wrote on it, the newest first."""
    found = [
        Note(
            who=directory.name_of(each.get("authorReference")) or str(each.get("authorString", "")),
            when=words.moment(each.get("time")),
            text=str(each["text"]),
        )
        for each in elements.notes(task.resource)
    ]
    return found[::-1]


@dataclass(frozen=True, slots=True)
class Organisations:
    performing: str
    accountable: str


def organisations(task: Record) -> Organisations:
    resource = task.resource
    return Organisations(
        performing=directory.name_of(
            task_content.organization(resource, PERFORMING_ORGANIZATION) or ""
        ),
        accountable=directory.name_of(
            task_content.organization(resource, ACCOUNTABLE_ORGANIZATION) or ""
        ),
    )
