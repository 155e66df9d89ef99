"""The legitimate-relationship rule, as a decision and as a sentence.

Source: the care model, section 11; the design, decision 7. ``hub.records.access`` says the same
in SQL for every read; a test holds the two together.
"""

from dataclasses import dataclass
from enum import StrEnum

from hub.domain.actor import Actor, ActorKind


class Basis(StrEnum):
    """Why somebody may see a person's records, the closest relationship first."""

    CARE_TEAM = "care-team"
    OPEN_TASK = "open-task"
    TEAM_WORK = "team-work"
    OFFERED = "offered-work"
    REQUESTED = "requested-work"
    REGISTERED_PRACTICE = "registered-practice"


_BASIS_WORDS = {
    Basis.CARE_TEAM: "is in this person's care team",
    Basis.OPEN_TASK: "has open work for this person",
    Basis.TEAM_WORK: "is in a team that has open work for this person",
    Basis.OFFERED: "is asked to take over open work for this person",
    Basis.REQUESTED: "asked for open work for this person",
    Basis.REGISTERED_PRACTICE: "works for the practice this person is registered with",
}


@dataclass(frozen=True, slots=True)
class Relationship:
    """One party that a person's records name: a worker, a team or an organisation."""

    party: str
    basis: Basis


@dataclass(frozen=True, slots=True)
class AccessAnswer:
    allowed: bool
    sentence: str
    basis: Basis | None = None


def decide(
    actor: Actor,
    relationships: tuple[Relationship, ...],
    *,
    in_compartment: bool = True,
    agreement_signed: bool = False,
    scope_permits: bool = False,
) -> AccessAnswer:
    """Return whether the actor may see a record, and why, in one sentence.

    ``relationships`` are those that the person's records name; ``agreement_signed`` is of the
    actor's own organisation; a team or an own task of an organisation without the agreement
    opens nothing, its own registered people stay open to it.
    """
    who = actor.display
    if actor.kind is ActorKind.HUB:
        return AccessAnswer(True, f"{who} is a part of the hub itself.")
    if actor.kind is ActorKind.SYSTEM:
        if scope_permits:
            return AccessAnswer(True, f"{who} is a system whose scopes allow this.")
        return AccessAnswer(False, f"{who} is a system whose scopes do not allow this.")
    if not in_compartment:
        return AccessAnswer(True, "This record is not about a person: everybody signed in sees it.")
    mine = {actor.practitioner, actor.organization, *actor.teams, *actor.acts_for} - {None}
    held = sorted(
        (each for each in relationships if each.party in mine),
        key=lambda each: (list(Basis).index(each.basis), each.party),
    )
    for each in held:
        if agreement_signed or each.party == actor.organization:
            words = _BASIS_WORDS[each.basis]
            if each.party in actor.acts_for:
                words = f"acts for somebody who is away and {words}"
            return AccessAnswer(True, f"{who} {words}.", each.basis)
    if held:
        return AccessAnswer(
            False, f"The organisation of {who} has not signed the sharing agreement."
        )
    return AccessAnswer(False, f"{who} has no legitimate relationship with this person.")
