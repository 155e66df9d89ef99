"""The first page: what this person's day holds, by role."""

from dataclasses import dataclass

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from hub import clock
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.queries import alarms as alarms_query
from hub.queries import cover as cover_query
from hub.queries import spor_board
from hub.queries import worklist as worklist_query
from hub.services import notices
from hub.transaction import transaction
from hub.web.navigation import COORDINATION, MANAGEMENT, VACANCIES, is_spor, sees_cover
from hub.web.news import news
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
        notices=news(actor, NOTICES_SHOWN),
    )


@blueprint.post("/notices/seen")
def tick_off_notices() -> BaseResponse:
    with transaction():
        notices.tick_off(current_actor(), request.form.getlist("notice"))
    return redirect("/", code=303)


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
    if actor.role in MANAGEMENT:
        ringing = alarms_query.unanswered()
        late = sum(1 for each in ringing if each.due_at <= now)
        cards.append(
            Card(
                "Alarms",
                "/alarms",
                f"{words.plural(len(ringing), 'alarm')} nobody has acknowledged",
                f"{late} over time" if late else "",
            )
        )
    if actor.role in VACANCIES:
        cards.append(Card("Vacancies", "/vacancies", "People with nobody accountable"))
    if sees_cover(actor):
        holes = cover_query.open_holes()
        near = sum(1 for each in holes if each.starts_at - now <= cover_query.NEAR)
        cards.append(
            Card(
                "Cover",
                "/cover",
                f"{words.plural(len(holes), 'hole')} in the next 14 days",
                f"{near} within a day" if near else "",
            )
        )
    cards.append(Card("Find a person", "/people", "By NHS number, or by name and date of birth"))
    if actor.practitioner:
        cards.append(
            Card("Who can help?", "/services", "Services by need, place, age and time of day")
        )
    return cards
