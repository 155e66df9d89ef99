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
from hub.domain.actor import Actor, hub_actor
from hub.records.tables import RELATIONSHIPS
from hub.samples import SOUTHEND
from hub.services import definitions
from hub.transaction import transaction
from tests.factories.actor import actor
from tests.factories.care_team import care_team
from tests.factories.patient import patient
from tests.factories.sharing_agreement import sharing_agreement
from tests.factories.task import task

SET_UP = hub_actor("set-up")
SIGNED, ENDED, UNSIGNED = "Organization/signed", "Organization/ended", "Organization/unsigned"


def person(organization: str, name: str = "asha", team: str = "CareTeam/west") -> Actor:
    return actor(name, team, organization=organization)


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
        long_ago = now - timedelta(days=9)
        sharing_agreement(SIGNED, signed_at=long_ago)
        sharing_agreement(ENDED, signed_at=long_ago, ended_at=now - timedelta(days=1))


CASES: dict[str, Callable[[], str]] = {}


def case(function: Callable[[str], None]) -> Callable[[str], None]:
    def make() -> str:
        made = patient()
        function(made.reference)
        return made.id

    CASES[function.__name__] = make
    return function


CASES["nobody"] = lambda: patient().id
CASES["practice_signed"] = lambda: patient(practice=SIGNED).id
CASES["practice_unsigned"] = lambda: patient(practice=UNSIGNED).id


@case
def own_task(reference: str) -> None:
    task(reference, "Practitioner/asha")


@case
def team_task(reference: str) -> None:
    task(reference, "CareTeam/west")


@case
def foreign_task(reference: str) -> None:
    task(reference, "Practitioner/asha", managed=False)


@case
def member_now(reference: str) -> None:
    care_team(reference, "Practitioner/asha")


@case
def member_once(reference: str) -> None:
    care_team(reference, "Practitioner/asha", end="2026-02-01")


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

    for one in ACTORS:
        expected = access.decide(one, held, agreement_signed=one.organization == SIGNED)
        assert sees(one, patient_id) is expected.allowed, expected.sentence


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
