"""What stands in the head of every page: the places that this person's role goes to."""

from dataclasses import dataclass

from flask import g
from sqlalchemy.exc import SQLAlchemyError

from hub.domain.actor import Actor
from hub.domain.errors import RuleError
from hub.services import definitions

SPOR_TEAM = "CareTeam/spor"
COORDINATION = frozenset({"care-coordinator", "eol-facilitator", "social-worker", "gp"})
MANAGEMENT = frozenset({"service-manager", "duty-manager"})
VACANCIES = frozenset({"care-coordinator", "service-manager", "duty-manager"})


@dataclass(frozen=True, slots=True)
class Place:
    text: str
    href: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class Navigation:
    places: tuple[Place, ...]
    name: str
    role: str
    signed_in: bool


def is_spor(actor: Actor) -> bool:
    return SPOR_TEAM in actor.teams or "CareTeam/out-of-hours-desk" in actor.teams


def places_of(actor: Actor) -> tuple[tuple[str, str], ...]:
    """Return (words, address) of the screens this person works with, the daily one first."""
    found: list[tuple[str, str]] = []
    if is_spor(actor):
        found.append(("Referrals", "/spor"))
    if actor.role in COORDINATION:
        found.append(("My people", "/caseload"))
    if actor.practitioner:
        found.append(("My work", "/worklist"))
    if actor.role in VACANCIES:
        found.append(("Vacancies", "/vacancies"))
    found.append(("Find a person", "/people"))
    return tuple(found)


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
        return Navigation((), "", "", signed_in=False)
    places = tuple(
        Place(text, href, current=path == href or path.startswith(href + "/"))
        for text, href in places_of(actor)
    )
    return Navigation(places, actor.display, _role(actor), signed_in=True)
