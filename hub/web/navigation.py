"""What stands in the head of every page: the places that this person's role goes to."""

from dataclasses import dataclass

from flask import g
from sqlalchemy.exc import SQLAlchemyError

from hub.domain import cover_access
from hub.domain.actor import Actor
from hub.domain.errors import RuleError
from hub.services import definitions, stuck

SPOR_TEAM = "CareTeam/spor"
COORDINATION = frozenset({"care-coordinator", "eol-facilitator", "social-worker", "gp"})
MANAGEMENT = frozenset({"service-manager", "duty-manager"})
VACANCIES = frozenset({"care-coordinator", "service-manager", "duty-manager"})
OVERSIGHT = "Oversight"


@dataclass(frozen=True, slots=True)
class Place:
    text: str
    href: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class Navigation:
    places: tuple[Place, ...]
    within: tuple[Place, ...]
    """The screens beside this one, where it is one of several behind one word."""
    name: str
    role: str
    signed_in: bool


def is_spor(actor: Actor) -> bool:
    return SPOR_TEAM in actor.teams or "CareTeam/out-of-hours-desk" in actor.teams


def sees_cover(actor: Actor) -> bool:
    try:
        return cover_access.may_see(definitions.current(), actor)
    except (RuleError, SQLAlchemyError):
        # An error page must still be shown when there is no definition, or no database.
        return False


def places_of(actor: Actor) -> tuple[tuple[str, str], ...]:
    """Return (words, address) of the screens this person works with, the daily one first.

    What is looked at once a day stands together behind one word, unless it is one place only.
    """
    found: list[tuple[str, str]] = []
    if is_spor(actor):
        found.append(("Referrals", "/spor"))
    if actor.role in COORDINATION:
        found.append(("My people", "/caseload"))
    if actor.practitioner:
        found.append(("My work", "/worklist"))
        found.append(("Rota", "/rota"))
    if actor.teams:
        found.append(("Handover", "/handover"))
    watched = oversight_of(actor)
    if len(watched) == 1:
        found.append((watched[0].text, watched[0].href))
    elif watched:
        found.append((OVERSIGHT, "/oversight"))
    found.append(("Find a person", "/people"))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Watched:
    """A screen of those who answer for a team or the hub."""

    text: str
    href: str
    shows: str
    """What it shows, in one line."""


_STUCK = Watched("Stuck work", "/stuck", "Work that goes in circles, or that nobody moves")
_SHARE_OUT = Watched("Share out", "/rebalancing", "A plan that shares a team's work out afresh")
_ALARMS = Watched("Alarms", "/alarms", "Who was told of late work, and who has answered")
_ESCALATION = Watched(
    "Escalation", "/escalation", "Who is told when, and a trial on last month's work"
)
_VACANCIES = Watched("Vacancies", "/vacancies", "People with nobody accountable")
_AUDITOR = Watched("Auditor", "/findings", "What should hold and does not")
_LEAVING = Watched("Leaving", "/leaving", "What somebody who leaves still holds")
_COVER = Watched("Cover", "/cover", "Holes in the next 14 days, and how fair the rota is")

_MESSAGES = Watched("Messages", "/messages", "What other systems sent, and what is in quarantine")
_COUNTS = Watched("Counts", "/counts", "What came in, what became of it, and what came back")
_AGREEMENT = Watched("Agreement", "/agreement", "How far two people who triage decide the same")
_PERFORMANCE = Watched("Performance", "/performance", "What was in time, and why clocks stood")


def oversight_of(actor: Actor) -> tuple[Watched, ...]:
    """Return what this person watches over, what changes by the hour first."""
    manages = actor.role in MANAGEMENT
    leads = manages or _leads(actor)
    shown = {
        _ALARMS: manages,
        _STUCK: leads,
        _SHARE_OUT: leads,
        _MESSAGES: is_spor(actor),
        _COUNTS: manages or is_spor(actor),
        _AGREEMENT: manages or is_spor(actor),
        _COVER: sees_cover(actor),
        _PERFORMANCE: sees_cover(actor),
        _VACANCIES: actor.role in VACANCIES,
        _AUDITOR: manages,
        _LEAVING: manages,
        _ESCALATION: actor.role == "service-manager",
    }
    return tuple(place for place, is_shown in shown.items() if is_shown)


def _leads(actor: Actor) -> bool:
    try:
        return bool(stuck.teams_led(actor))
    except (RuleError, SQLAlchemyError):
        # As below: the navigation of an error page must stand without a definition.
        return False


def _role(actor: Actor) -> str:
    try:
        roles = definitions.current().roles
    except (RuleError, SQLAlchemyError):
        # An error page must still be shown when there is no definition, or no database.
        return ""
    role = actor.role or ""
    return roles[role].name if role in roles else role


def navigation(path: str) -> Navigation:
    actor: Actor | None = g.get("actor")
    if actor is None:
        return Navigation((), (), "", "", signed_in=False)

    def place(text: str, href: str) -> Place:
        return Place(text, href, current=path == href or path.startswith(href + "/"))

    within = tuple(place(each.text, each.href) for each in oversight_of(actor))
    inside = path == "/oversight" or any(each.current for each in within)
    places = tuple(
        Place(text, href, current=True) if href == "/oversight" and inside else place(text, href)
        for text, href in places_of(actor)
    )
    shown = within if inside and len(within) > 1 else ()
    return Navigation(places, shown, actor.display, _role(actor), signed_in=True)
