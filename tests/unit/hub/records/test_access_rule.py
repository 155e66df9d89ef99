"""The pure rule of access and its SQL say the same, for every actor and every relationship."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from fhir.outcomes import FHIRError
from hub import clock, records
from hub.db import db
from hub.domain import access
from hub.domain.access import Basis, Relationship
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.models.agreement import SharingAgreement
from hub.records.tables import RELATIONSHIPS
from hub.samples import SOUTHEND
from hub.services import definitions
from hub.transaction import transaction

SET_UP = hub_actor("set-up")
SIGNED, ENDED, UNSIGNED = "Organization/signed", "Organization/ended", "Organization/unsigned"


def person(organization: str, name: str = "asha", team: str = "CareTeam/west") -> Actor:
    return Actor(
        kind=ActorKind.PERSON,
        id=f"user/{name}",
        display=name.title(),
        practitioner=f"Practitioner/{name}",
        organization=organization,
        teams=frozenset({team}),
    )


ACTORS = [
    *(person(organization) for organization in (SIGNED, ENDED, UNSIGNED)),
    *(person(organization, "ben", "CareTeam/east") for organization in (SIGNED, UNSIGNED)),
    hub_actor("routing"),
]


@pytest.fixture
def agreements(app: Flask) -> None:
    now = clock.now()
    with transaction():
        definitions.load(SET_UP, SOUTHEND)
        db.session.add(SharingAgreement(organization=SIGNED, signed_at=now - timedelta(days=9)))
        db.session.add(
            SharingAgreement(
                organization=ENDED,
                signed_at=now - timedelta(days=9),
                ended_at=now - timedelta(days=1),
            )
        )


def patient(practice: str | None = None) -> str:
    resource: dict[str, object] = {"resourceType": "Patient"}
    if practice:
        resource["generalPractitioner"] = [{"reference": practice}]
    return records.create(SET_UP, resource).id


def task(patient_id: str, owner: str, *, managed: bool = True, status: str = "requested") -> None:
    records.create(
        SET_UP,
        {
            "resourceType": "Task",
            "status": status,
            "intent": "order",
            "for": {"reference": f"Patient/{patient_id}"},
            "owner": {"reference": owner},
            "extension": [
                {
                    "url": f"https://carehub.example/fhir/StructureDefinition/{name}-organization",
                    "valueReference": {"reference": "Organization/x"},
                }
                for name in ("accountable", "performing")
            ],
        },
        managed=managed,
    )


def care_team(patient_id: str, member: str, *, ended: bool = False) -> None:
    period = {"start": "2026-01-01", **({"end": "2026-02-01"} if ended else {})}
    records.create(
        SET_UP,
        {
            "resourceType": "CareTeam",
            "status": "active",
            "subject": {"reference": f"Patient/{patient_id}"},
            "participant": [{"member": {"reference": member}, "period": period}],
        },
        managed=True,
    )


CASES: dict[str, Callable[[], str]] = {}


def case(function: Callable[[str], None]) -> Callable[[str], None]:
    def make() -> str:
        patient_id = patient()
        function(patient_id)
        return patient_id

    CASES[function.__name__] = make
    return function


CASES["nobody"] = patient
CASES["practice_signed"] = lambda: patient(SIGNED)
CASES["practice_unsigned"] = lambda: patient(UNSIGNED)


@case
def own_task(patient_id: str) -> None:
    task(patient_id, "Practitioner/asha")


@case
def team_task(patient_id: str) -> None:
    task(patient_id, "CareTeam/west")


@case
def foreign_task(patient_id: str) -> None:
    task(patient_id, "Practitioner/asha", managed=False)


@case
def member_now(patient_id: str) -> None:
    care_team(patient_id, "Practitioner/asha")


@case
def member_once(patient_id: str) -> None:
    care_team(patient_id, "Practitioner/asha", ended=True)


def relationships(patient_id: str) -> tuple[Relationship, ...]:
    rows = db.session.execute(
        select(RELATIONSHIPS.c.party, RELATIONSHIPS.c.basis).where(
            RELATIONSHIPS.c.patient_id == patient_id
        )
    ).all()
    return tuple(Relationship(row.party, Basis(row.basis)) for row in rows)


def sees(actor: Actor, patient_id: str) -> bool:
    try:
        records.read(actor, "Patient", patient_id)
    except FHIRError:
        return False
    return True


@pytest.mark.usefixtures("agreements")
@pytest.mark.parametrize("name", sorted(CASES))
def test_the_rule_and_its_sql_agree(name: str) -> None:
    with transaction():
        patient_id = CASES[name]()
    held = relationships(patient_id)

    for actor in ACTORS:
        expected = access.decide(actor, held, agreement_signed=actor.organization == SIGNED)
        assert sees(actor, patient_id) is expected.allowed, expected.sentence


@pytest.mark.usefixtures("agreements")
def test_what_opens_a_record_and_what_does_not() -> None:
    asha = person(SIGNED)
    with transaction():
        seen = {name: sees(asha, make()) for name, make in CASES.items()}

    assert {name for name, visible in seen.items() if visible} == {
        "practice_signed",
        "own_task",
        "team_task",
        "member_now",
    }
