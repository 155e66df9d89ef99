"""Who of my team cannot be reached: for leads and managers, before work is given to them."""

from dataclasses import dataclass

from flask import Response

from hub import clock
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.domain.definition import Team
from hub.domain.errors import NotPermittedError
from hub.services import definitions, reachability
from hub.web import directory
from hub.web.navigation import MANAGEMENT
from hub.web.presenters import words
from hub.web.rendering import page
from hub.web.site import blueprint


@dataclass(frozen=True, slots=True)
class PersonOut:
    name: str
    role: str
    phone: str
    why: str
    seen: str


def teams_led(actor: Actor) -> list[Team]:
    """Return the teams whose lead or duty manager the actor is; a manager sees every team."""
    found = definitions.current().teams.values()
    if actor.role in MANAGEMENT:
        return list(found)
    me = (actor.practitioner or "").removeprefix("Practitioner/")
    return [each for each in found if me and me in {each.lead, each.duty_manager}]


@blueprint.get("/worklist/unreachable")
def unreachable_page() -> Response:
    actor = current_actor()
    teams = teams_led(actor)
    if not teams:
        raise NotPermittedError("this page is for those who lead a team")
    now = clock.now()
    return page(
        "worklist/unreachable.html",
        teams=[
            (
                team.name,
                [
                    PersonOut(
                        name=directory.name_of(who),
                        role=directory.role_of(who),
                        phone=directory.phone_of(who),
                        why=found.sentence,
                        seen=words.moment(found.signed_in_at),
                    )
                    for who, found in reachability.unreachable_of_team(team.code, now).items()
                ],
            )
            for team in teams
        ],
        days=definitions.current().work.seen_within_days,
    )
