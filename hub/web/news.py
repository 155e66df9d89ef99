"""What somebody should know: their notices, with the person each is about where they may see it."""

from dataclasses import dataclass

from hub import clock, records
from hub.domain.actor import Actor
from hub.records import Record
from hub.services import notices
from hub.web.presenters import people, words


@dataclass(frozen=True, slots=True)
class NoticeLine:
    id: str
    line: str
    person: str
    urgent: bool
    when: str
    href: str
    alarm: str = ""
    """Address at which an escalation is acknowledged; empty for any other notice."""


def news(actor: Actor, shown: int) -> list[NoticeLine]:
    """Return what the actor has not ticked off, urgent first, then newest first."""
    now = clock.now()
    found = notices.unseen(actor, shown)
    names = _names(actor, {each.subject for each in found})
    return [
        NoticeLine(
            id=each.id,
            line=each.line,
            person=names.get(each.subject, ""),
            urgent=each.urgent,
            when=words.since(each.created_at, now),
            href=_address(each.subject),
            alarm=f"/alarms/{each.subject.partition('/')[2]}"
            if each.kind == "TaskEscalated"
            else "",
        )
        for each in found
    ]


def _names(actor: Actor, subjects: set[str]) -> dict[str, str]:
    """Return whom each subject is about, of those whom the actor may see."""
    held = records.read_many(actor, sorted(subjects))
    patients = {reference: _patient_of(record) for reference, record in held.items()}
    known = records.read_many(actor, sorted({each for each in patients.values() if each}))
    return {
        subject: people.name(known[patient])
        for subject, patient in patients.items()
        if patient in known
    }


def _patient_of(record: Record) -> str:
    if record.type == "Patient":
        return record.reference
    for element in ("for", "subject", "patient"):
        found = record.get(element)
        if isinstance(found, dict) and found.get("reference"):
            return str(found["reference"])
    return ""


def _address(subject: str) -> str:
    kind, _, identity = subject.partition("/")
    return {
        "Task": f"/worklist/{identity}",
        "Patient": f"/people/{identity}",
        "CarePlan": f"/care-plans/{identity}",
        "ShiftOffer": "/rota/mine",
        "Shift": "/rota/mine",
        "LeaveRequest": "/rota",
        "CoverHole": f"/cover/holes/{identity}",
    }.get(kind, "")
