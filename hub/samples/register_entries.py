"""Entries of the end-of-life register for the sample people whose story leads there."""

from datetime import date, timedelta

from hub import clock
from hub.domain.actor import Actor
from hub.domain.register import (
    ConsentBasis,
    ConsentRecord,
    CPRDecision,
    CPRRecord,
    Preference,
    PreferredPlace,
    RegisterEntry,
    Stage,
)
from hub.samples.people import SamplePerson
from hub.services import definitions, register

_STAGES = (Stage.MONTHS, Stage.MONTHS, Stage.WEEKS, Stage.YEARS)
_FACILITATOR = "Eve Sandford, end-of-life facilitator"


def enter(actor: Actor, person: SamplePerson) -> None:
    """Enter a person with what they have said."""
    register.enter(actor, person.id, entry_of(person, clock.now().date()))


def entry_of(person: SamplePerson, today: date) -> RegisterEntry:
    told = person.penned
    diagnosis_code, diagnosis = person.story["conditions"][0]
    number = int(person.nhs_number[3:9])
    by_person = number % 5 != 0
    first = PreferredPlace.CARE_HOME if person.care_home else PreferredPlace.HOME
    return RegisterEntry(
        stage=_STAGES[number % len(_STAGES)],
        diagnosis=diagnosis,
        diagnosis_code=diagnosis_code,
        is_cancer=diagnosis.startswith("Cancer"),
        consent=ConsentRecord(
            basis=ConsentBasis.GIVEN if by_person else ConsentBasis.BEST_INTERESTS,
            decided_on=told,
            decided_by=person.name
            if by_person
            else f"{person.carer.given} {person.carer.family}, {person.carer.relation}",
        ),
        entered_on=told,
        review_on=today + timedelta(days=7 + number % 21),
        cpr=CPRRecord(
            decision=CPRDecision.DO_NOT_ATTEMPT,
            decided_on=told,
            form_location="Yellow folder on the hall table",
            decided_by=definitions.current().staff[person.gp].name,
            review_on=told + timedelta(days=365),
            person_aware=by_person,
            family_aware=True,
        )
        if number % 4
        else None,
        care_first=Preference(place=first, recorded_on=told, recorded_by=_FACILITATOR),
        death_first=Preference(place=first, recorded_on=told, recorded_by=_FACILITATOR),
        death_second=Preference(
            place=PreferredPlace.HOSPICE, recorded_on=told, recorded_by=_FACILITATOR
        ),
        lasting_power_of_attorney=(
            f"{person.carer.given} {person.carer.family} ({person.carer.relation}), health and"
            " welfare, registered"
        ),
        anticipatory_medicines="Blue box in the hall: morphine, midazolam, levomepromazine",
        equipment="Profiling bed and pressure mattress on loan",
        key_worker="Petra Holm, palliative care nurse, 07700 900144",
        person_knows="Knows that time is short and does not want to talk about it every day",
        family_knows="The family knows and agrees",
        contacts=f"{person.carer.given} {person.carer.family} ({person.carer.relation}),"
        f" {person.carer.phone}, day and night",
        emergency_instructions=(
            "Comfort at home. Ring the palliative advice line before any admission."
        ),
    )
