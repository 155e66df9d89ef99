"""Who acts. Nothing is read or written without an Actor; systems are Actors too."""

from dataclasses import dataclass, field
from enum import StrEnum


class ActorKind(StrEnum):
    PERSON = "person"
    SYSTEM = "system"
    HUB = "hub"
    """The hub itself: routing, escalation, the auditor."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who reads or writes.

    ``id`` is stable and unique among actors: ``user/<name>``, ``client/<id>`` or ``hub/<part>``.
    ``scopes`` are SMART v2 scopes (``system/*.cruds``); people have none, their role and
    relationships decide.
    """

    kind: ActorKind
    id: str
    display: str
    practitioner: str | None = None
    """``Practitioner/<id>`` of a person."""
    organization: str | None = None
    """``Organization/<id>`` the actor works for."""
    role: str | None = None
    """Role code of the hub definition, such as ``district-nurse``."""
    teams: frozenset[str] = field(default_factory=frozenset)
    """``CareTeam/<id>`` of the hub's teams the person belongs to."""
    scopes: frozenset[str] = field(default_factory=frozenset)
    acts_for: frozenset[str] = field(default_factory=frozenset)
    """``Practitioner/<id>`` of those who are away now and whose deputy this person is."""

    @property
    def reference(self) -> str | None:
        return self.practitioner or self.organization


def hub_actor(part: str) -> Actor:
    """Return the Actor for a part of the hub that acts by itself, such as ``routing``."""
    return Actor(kind=ActorKind.HUB, id=f"hub/{part}", display=f"Carehub {part}")
