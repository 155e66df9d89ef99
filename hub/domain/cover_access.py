"""Who may see the cover of the hub, and who may act on a hole in it."""

from hub.domain.actor import Actor, ActorKind
from hub.domain.definition import HubDefinition

MANAGERS = frozenset({"duty-manager", "service-manager"})


def leads(hub: HubDefinition, actor: Actor) -> tuple[str, ...]:
    """Return the codes of the teams that this person leads."""
    return tuple(
        team.code
        for team in hub.teams.values()
        if actor.practitioner == f"Practitioner/{team.lead}"
    )


def may_see(hub: HubDefinition, actor: Actor) -> bool:
    """Leads of any team and managers see the cover of all: they lend each other people."""
    return actor.role in MANAGERS or bool(leads(hub, actor))


def may_act(hub: HubDefinition, actor: Actor, team: str) -> bool:
    """Say whether the actor may acknowledge a hole of ``CareTeam/<code>`` and ask people."""
    if actor.kind is ActorKind.HUB:
        return True
    known = hub.teams.get(team.removeprefix("CareTeam/"))
    deputy = known is not None and actor.practitioner == f"Practitioner/{known.duty_manager}"
    return deputy or actor.role in MANAGERS or team.removeprefix("CareTeam/") in leads(hub, actor)
