"""The access rule as SQL: who sees a person's records, and who does not."""

import pytest
from flask import Flask
from sqlalchemy import select

from fhir.outcomes import NotFoundError
from hub import records
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.samples import SOUTHEND
from hub.services import definitions
from hub.transaction import transaction
from tests.factories.actor import actor
from tests.factories.care_team import care_team
from tests.factories.patient import patient
from tests.factories.sharing_agreement import sharing_agreement
from tests.factories.task import task

HUB = hub_actor("test")


def _person(name: str, organization: str = "Organization/own", *teams: str) -> Actor:
    return actor(name, *teams, organization=organization)


@pytest.fixture
def person(app: Flask) -> str:
    """A person registered at Organization/practice; Organization/own has signed."""
    with transaction():
        definitions.load(HUB, SOUTHEND)
        sharing_agreement("Organization/own")
        return patient(practice="Organization/practice").id


def _task(person: str, owner: str, *, managed: bool = True) -> records.Record:
    return task(f"Patient/{person}", owner, organization="Organization/own", managed=managed)


def _cancel(found: records.Record) -> None:
    with transaction():
        body = found.resource
        body["status"] = "cancelled"
        body["statusReason"] = {"coding": [{"system": "https://example.org/x", "code": "death"}]}
        records.update(HUB, body, type="Task", id=found.id)


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
    work = _task(person, "Practitioner/nurse", managed=True)
    seen_while_open = _sees(nurse, person)
    _cancel(work)

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
    team = care_team(f"Patient/{person}", "Practitioner/jo")
    seen_before = _sees(_person("jo"), person)
    body = team.resource
    body["participant"][0]["period"]["end"] = "2026-01-01"
    records.update(HUB, body, type="CareTeam", id=team.id)

    assert (seen_before, _sees(_person("jo"), person)) == (True, False)


def test_the_team_sees_the_person_while_a_colleague_owns_its_work(person: str) -> None:
    work = _task(person, "CareTeam/district-nursing-west")
    colleague = _person("tom", "Organization/own", "CareTeam/district-nursing-west")
    with transaction():
        body = work.resource
        body["owner"] = {"reference": "Practitioner/nurse"}
        body["statusReason"] = {"coding": [{"system": "https://example.org/x", "code": "routed"}]}
        work = records.update(HUB, body, type="Task", id=work.id)
    seen_while_open = _sees(colleague, person)
    _cancel(work)

    assert (seen_while_open, _sees(colleague, person)) == (True, False)


def test_an_earlier_version_about_somebody_else_stays_hidden(person: str) -> None:
    other = patient().id
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


@pytest.mark.parametrize(
    "subject",
    [
        {"reference": "https://elsewhere.example/fhir/Patient/7"},
        {"identifier": {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"}},
    ],
)
def test_a_clinical_record_of_somebody_elsewhere_is_not_everybodys(
    person: str, subject: dict[str, object]
) -> None:
    condition = records.create(HUB, {"resourceType": "Condition", "subject": subject})
    nurse = _person("nurse")

    with pytest.raises(NotFoundError):
        records.read(nurse, "Condition", condition.id)
    assert records.search(nurse, "Condition", []).total == 0
    assert records.read(HUB, "Condition", condition.id).id == condition.id
