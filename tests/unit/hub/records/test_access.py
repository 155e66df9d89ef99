"""The access rule as SQL: who sees a person's records, and who does not."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from fhir.outcomes import NotFoundError
from fhir.systems import ACCOUNTABLE_ORGANIZATION, PERFORMING_ORGANIZATION
from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.models.agreement import SharingAgreement
from hub.samples import SOUTHEND
from hub.services import definitions
from hub.transaction import transaction

HUB = hub_actor("test")


def _person(name: str, organization: str = "Organization/own", *teams: str) -> Actor:
    return Actor(
        kind=ActorKind.PERSON,
        id=f"user/{name}",
        display=name,
        practitioner=f"Practitioner/{name}",
        organization=organization,
        teams=frozenset(teams),
    )


@pytest.fixture
def person(app: Flask) -> str:
    """A person registered at Organization/practice; Organization/own has signed."""
    with transaction():
        definitions.load(HUB, SOUTHEND)
        db.session.add(
            SharingAgreement(
                organization="Organization/own", signed_at=clock.now() - timedelta(days=1)
            )
        )
        record = records.create(
            HUB,
            {
                "resourceType": "Patient",
                "generalPractitioner": [{"reference": "Organization/practice"}],
            },
        )
    return record.id


def _task(person: str, owner: str, *, managed: bool = True) -> records.Record:
    body = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "for": {"reference": f"Patient/{person}"},
        "owner": {"reference": owner},
        "extension": [
            {"url": url, "valueReference": {"reference": "Organization/own"}}
            for url in (PERFORMING_ORGANIZATION, ACCOUNTABLE_ORGANIZATION)
        ],
    }
    return records.create(HUB, body, managed=managed)


def _sees(actor: Actor, person: str) -> bool:
    table = records.table("Patient")
    by_query = bool(
        db.session.execute(
            select(table.c.id).where(table.c.id == person, records.visible_to(actor, table))
        ).all()
    )
    db.session.rollback()
    try:
        records.read(actor, "Patient", person)
        by_read = True
    except NotFoundError:
        by_read = False
    assert by_query == by_read
    return by_read


def test_a_stranger_does_not_learn_that_a_person_is_here(person: str) -> None:
    assert not _sees(_person("stranger"), person)


def test_the_registered_practice_sees_its_people_without_an_agreement(person: str) -> None:
    assert _sees(_person("gp", "Organization/practice"), person)


def test_the_owner_of_an_open_task_sees_the_person_until_it_is_done(person: str) -> None:
    nurse = _person("nurse")
    task = _task(person, "Practitioner/nurse", managed=True)
    seen_while_open = _sees(nurse, person)
    with transaction():
        body = task.resource
        body["status"] = "cancelled"
        body["statusReason"] = {"coding": [{"system": "x", "code": "death"}]}
        records.update(HUB, body, type="Task", id=task.id)

    assert (seen_while_open, _sees(nurse, person)) == (True, False)


def test_a_team_pool_opens_the_record_to_its_members(person: str) -> None:
    _task(person, "CareTeam/spor")

    assert _sees(_person("sam", "Organization/own", "CareTeam/spor"), person)
    assert not _sees(_person("tom", "Organization/own", "CareTeam/other"), person)


def test_a_foreign_task_opens_nothing(person: str) -> None:
    _task(person, "Practitioner/nurse", managed=False)

    assert not _sees(_person("nurse"), person)


def test_an_organisation_without_an_agreement_reads_nothing_of_others(person: str) -> None:
    _task(person, "Practitioner/nurse")

    assert not _sees(_person("nurse", "Organization/unsigned"), person)


def test_a_member_of_the_care_team_sees_until_their_time_ends(person: str) -> None:
    team = records.create(
        HUB,
        {
            "resourceType": "CareTeam",
            "status": "active",
            "subject": {"reference": f"Patient/{person}"},
            "participant": [{"member": {"reference": "Practitioner/jo"}}],
        },
        managed=True,
    )
    seen_before = _sees(_person("jo"), person)
    body = team.resource
    body["participant"][0]["period"] = {"end": "2026-01-01"}
    records.update(HUB, body, type="CareTeam", id=team.id)

    assert (seen_before, _sees(_person("jo"), person)) == (True, False)


def test_the_team_sees_the_person_while_a_colleague_owns_its_work(person: str) -> None:
    task = _task(person, "CareTeam/district-nursing-west")
    colleague = _person("tom", "Organization/own", "CareTeam/district-nursing-west")
    with transaction():
        body = task.resource
        body["owner"] = {"reference": "Practitioner/nurse"}
        body["statusReason"] = {"coding": [{"system": "x", "code": "routed"}]}
        task = records.update(HUB, body, type="Task", id=task.id)
    seen_while_open = _sees(colleague, person)
    with transaction():
        body = task.resource
        body["status"] = "cancelled"
        body["statusReason"] = {"coding": [{"system": "x", "code": "death"}]}
        records.update(HUB, body, type="Task", id=task.id)

    assert (seen_while_open, _sees(colleague, person)) == (True, False)


def test_an_earlier_version_about_somebody_else_stays_hidden(person: str) -> None:
    other = records.create(HUB, {"resourceType": "Patient"}).id
    flag = {
        "resourceType": "Flag",
        "status": "active",
        "code": {"text": "Key safe 4711"},
        "subject": {"reference": f"Patient/{other}"},
    }
    first = records.create(HUB, flag)
    moved = {**first.resource, "subject": {"reference": f"Patient/{person}"}}
    records.update(HUB, moved, type="Flag", id=first.id)
    doctor = _person("gp", "Organization/practice")

    assert records.vread(doctor, "Flag", first.id, 2).version == 2
    with pytest.raises(NotFoundError):
        records.vread(doctor, "Flag", first.id, 1)
    assert [each.version for each in records.history(doctor, "Flag", first.id)] == [2]
