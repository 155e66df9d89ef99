"""Somebody at work, as the hub knows them after they signed in. Kept nowhere."""

from hub.domain.actor import Actor, ActorKind


def actor(
    name: str,
    *teams: str,
    organization: str = "Organization/rxs",
    display: str | None = None,
    role: str | None = None,
) -> Actor:
    return Actor(
        kind=ActorKind.PERSON,
        id=f"user/{name}",
        display=display or name.title(),
        practitioner=f"Practitioner/{name}",
        organization=organization,
        role=role,
        teams=frozenset(teams),
    )
