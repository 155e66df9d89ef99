"""The first page: what this person's day holds, by role."""

from dataclasses import dataclass

from flask import Response

from hub import clock
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.queries import spor_board
from hub.queries import worklist as worklist_query
from hub.services import notices
from hub.web.navigation import COORDINATION, VACANCIES, is_spor
from hub.web.presenters import words
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
        notices=[
            {
                "line": each.line,
                "urgent": each.urgent,
                "when": words.since(each.created_at, now),
                "href": _address(each.subject),
            }
            for each in notices.unseen(actor, NOTICES_SHOWN)
        ],
    )


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
