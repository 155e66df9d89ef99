"""The first page: what this person's day holds, by role."""

from dataclasses import dataclass

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from hub import clock, records
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.queries import spor_board
from hub.queries import worklist as worklist_query
from hub.records import Record
from hub.services import notices
from hub.transaction import transaction
from hub.web.navigation import COORDINATION, VACANCIES, is_spor
from hub.web.presenters import people, words
from hub.web.rendering import page
from hub.web.site import blueprint
from hub.web.spor import teams_shown

NOTICES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Card:
    title: str
    href: str
    text: str
    late: str = ""
    """Words for what is late; empty when nothing is."""


@blueprint.get("/")
def home_page() -> Response:
    actor = current_actor()
    now = clock.now()
    hour = words.local(now).hour
    greeting = "Good morning" if hour < 12 else "Good afternoon" if hour < 18 else "Good evening"
    return page(
        "home/home.html",
        greeting=f"{greeting}, {actor.display.partition(' ')[0]}",
        today=f"{words.local(now):%A} {words.day(now)}",
        cards=_cards(actor),
        notices=_notices(actor),
    )


@blueprint.post("/notices/seen")
def tick_off_notices() -> BaseResponse:
    with transaction():
        notices.tick_off(current_actor(), request.form.getlist("notice"))
    return redirect("/", code=303)


@dataclass(frozen=True, slots=True)
class NoticeLine:
    id: str
    line: str
    person: str
    urgent: bool
    when: str
    href: str


def _notices(actor: Actor) -> list[NoticeLine]:
    now = clock.now()
    found = notices.unseen(actor, NOTICES_SHOWN)
    names = _names(actor, {each.subject for each in found})
    return [
        NoticeLine(
            id=each.id,
            line=each.line,
            person=names.get(each.subject, ""),
            urgent=each.urgent,
            when=words.since(each.created_at, now),
            href=_address(each.subject),
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


def _cards(actor: Actor) -> list[Card]:
    now = clock.now()
    cards = []
    if is_spor(actor):
        waiting = spor_board.keys(actor, teams_shown(actor))
        late = sum(1 for each in waiting if each.due_at and each.due_at < now)
        cards.append(
            Card(
                "Referrals",
                "/spor",
                f"{words.plural(len(waiting), 'referral')} waiting for triage",
                f"{late} past their time" if late else "",
            )
        )
    if actor.practitioner:
        mine = worklist_query.keys(actor)
        late = sum(1 for each in mine if each.due_at and each.due_at < now)
        cards.append(
            Card(
                "My work",
                "/worklist",
                f"{words.plural(len(mine), 'task')} with you and your team",
                f"{late} late" if late else "",
            )
        )
    if actor.role in COORDINATION:
        cards.append(
            Card("My people", "/caseload", "Who needs what today, whose plan is due for review")
        )
    if actor.role in VACANCIES:
        cards.append(Card("Vacancies", "/vacancies", "People with nobody accountable"))
    cards.append(Card("Find a person", "/people", "By NHS number, or by name and date of birth"))
    return cards


def _address(subject: str) -> str:
    kind, _, identity = subject.partition("/")
    return {
        "Task": f"/worklist/{identity}",
        "Patient": f"/people/{identity}",
        "CarePlan": f"/care-plans/{identity}",
    }.get(kind, "")
