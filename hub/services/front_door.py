"""Whoever takes referrals finds the person whom a caller names by NHS number, and nobody else.

Care model, section 11: the single point of referral is a legitimate relationship of its own. It is
used narrowly: an exact, valid number opens who that is and what was referred, not the record; each
look is kept.
"""

from fhir.systems import NHS_NUMBER
from hub import records
from hub.domain import nhs_number
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import NotPermittedError
from hub.queries import standing
from hub.records import Record
from hub.services import definitions

_HUB = hub_actor("spor")


def doors_of(actor: Actor) -> frozenset[str]:
    """Return the front doors that somebody works at."""
    spor = definitions.current().spor
    return actor.teams & {f"CareTeam/{spor.team}", f"CareTeam/{spor.out_of_hours_desk}"}


def people_with(actor: Actor, number: str) -> list[Record]:
    """Return the people on record with this NHS number; empty where it is not a valid one.

    Raises NotPermittedError for whoever does not work at a front door.
    """
    if not doors_of(actor):
        raise NotPermittedError("whether somebody is known is for the single point of referral")
    if not nhs_number.is_valid(number):
        return []
    page = records.search(
        _HUB,
        "Patient",
        [("identifier", f"{NHS_NUMBER}|{nhs_number.normalise(number)}"), ("_count", "5")],
    )
    found = [each for each in page.records if not standing.is_replaced(each)]
    for each in found:
        records.audit.record(actor, "person-found-by-number", each.reference, {})
    return found


def named_by(actor: Actor, patient_id: str, number: str) -> Record:
    """Return the person of a referral: one whom the actor may see, or has named by number."""
    if number and doors_of(actor):
        found = {each.id: each for each in people_with(actor, number)}
        if patient_id in found:
            return found[patient_id]
    return records.read(actor, "Patient", patient_id)
