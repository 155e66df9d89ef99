"""The legitimate relationship, as a decision and a sentence."""

import pytest

from hub.domain import access
from hub.domain.access import AccessAnswer, Basis, Relationship
from hub.domain.actor import Actor, ActorKind, hub_actor
from tests.factories.actor import actor

ASHA = actor("asha", "CareTeam/west", display="Asha Patel")
SYSTEM = Actor(kind=ActorKind.SYSTEM, id="client/x", display="X")


def answer(*held: Relationship, signed: bool = True) -> AccessAnswer:
    return access.decide(ASHA, held, agreement_signed=signed)


@pytest.mark.parametrize("party", ["Practitioner/asha", "CareTeam/west", "Organization/rxs"])
def test_a_relationship_of_the_person_their_team_or_their_practice_opens(party: str) -> None:
    found = answer(Relationship(party, Basis.OPEN_TASK))

    assert found == AccessAnswer(True, "Asha Patel has open work for this person.", Basis.OPEN_TASK)


def test_the_closest_relationship_is_said() -> None:
    found = answer(
        Relationship("Organization/rxs", Basis.REGISTERED_PRACTICE),
        Relationship("Practitioner/asha", Basis.CARE_TEAM),
    )

    assert found.basis is Basis.CARE_TEAM
    assert "care team" in found.sentence


def test_no_relationship_no_record() -> None:
    found = answer(Relationship("Practitioner/ben", Basis.CARE_TEAM))

    assert not found.allowed
    assert found.sentence == "Asha Patel has no legitimate relationship with this person."


def test_without_the_sharing_agreement_only_the_own_practice_opens() -> None:
    task = Relationship("Practitioner/asha", Basis.OPEN_TASK)
    practice = Relationship("Organization/rxs", Basis.REGISTERED_PRACTICE)

    assert not answer(task, signed=False).allowed
    assert "not signed" in answer(task, signed=False).sentence
    assert answer(task, practice, signed=False).basis is Basis.REGISTERED_PRACTICE


def test_records_about_nobody_are_open_to_everybody() -> None:
    assert access.decide(ASHA, (), in_compartment=False).allowed


def test_systems_by_scope_the_hub_always() -> None:
    assert access.decide(SYSTEM, (), scope_permits=True).allowed
    assert not access.decide(SYSTEM, ()).allowed
    assert access.decide(hub_actor("routing"), ()).allowed
