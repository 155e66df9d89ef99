"""Triage sees who falls or calls again and again, from what is on record, with numbers and days."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir.systems import SNOMED_CT
from hub import clock, records
from hub.domain.actor import hub_actor
from hub.records import Record, instant
from hub.services import referrals
from hub.services.referrals import Channel, ReceiveReferral, Referrer
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door

HUB = hub_actor("test")


@pytest.fixture
def person(client: FlaskClient, tmp_path: Path) -> str:
    """Somebody whom Sam triages, on Sunday 27 December 2026."""
    Clockwork(tmp_path)
    with transaction():
        load_hub()
        made = patient(nhs_number="9990000018", practice="Organization/u9s01").reference
    open_door(client, "sam")
    return made


def refer(person: str, reason: str = "Wound", source: str = "gp") -> Record:
    with transaction():
        return referrals.receive(
            hub_actor("spor"),
            ReceiveReferral(
                person=person,
                reason=reason,
                referrer=Referrer(display="Dr Rae Referrer"),
                channel=Channel.PHONE,
                source=source,
            ),
        ).task


def happened(person: str, resource_type: str, days: int, **content: Any) -> None:
    at = instant(clock.now() - timedelta(days=days))
    when = {"period": {"start": at}} if resource_type == "Encounter" else {"onsetDateTime": at}
    with transaction():
        records.create(
            HUB,
            {"resourceType": resource_type, "subject": {"reference": person}, **when, **content},
        )


def fell(person: str, days: int) -> None:
    coding = {"system": SNOMED_CT, "code": "1912002", "display": "Fall"}
    happened(person, "Condition", days, code={"coding": [coding]})


def page(client: FlaskClient, task: Record) -> str:
    answer = client.get(f"/spor/{task.id}")
    assert answer.status_code == 200
    return " ".join(answer.text.split())


def test_a_third_fall_in_a_year_is_shown_with_its_days(client: FlaskClient, person: str) -> None:
    fell(person, 200)
    fell(person, 30)
    task = refer(person, "Wound on the leg")
    assert "Frequent faller" not in page(client, task)

    again = refer(person, "Fell in the kitchen")

    shown = page(client, again)
    told = shown[shown.find("Frequent faller") :][:120]
    assert "3 falls since 10 June 2026, the last on 27 December 2026" in told
    assert records.read(HUB, "Task", again.id)["priority"] == "routine"


def test_summaries_of_such_visits_are_counted_unless_they_were_replaced(
    client: FlaskClient, person: str
) -> None:
    def summary(days: int, status: str = "current", title: str = "A&E discharge summary") -> None:
        written = instant(clock.now() - timedelta(days=days))
        with transaction():
            records.create(
                HUB,
                {
                    "resourceType": "DocumentReference",
                    "status": status,
                    "type": {"text": "Letter"},
                    "subject": {"reference": person},
                    "date": instant(clock.now()),
                    "description": title,
                    "content": [{"attachment": {"title": "As it came", "creation": written}}],
                },
            )

    for days in (3, 40, 90):
        summary(days)
    summary(120, "superseded")
    summary(130, title="Outpatient letter")
    task = refer(person)
    assert "Frequently in A&amp;E" not in page(client, task)

    summary(150)

    assert "4 visits to A&amp;E" in page(client, task)


def test_visits_to_the_emergency_department_are_counted_by_day(
    client: FlaskClient, person: str
) -> None:
    emergency = {"class": {"code": "EMER"}, "status": "finished"}
    for days in (1, 1, 50, 100):
        happened(person, "Encounter", days, **emergency)
    happened(person, "Encounter", 120, **(emergency | {"status": "cancelled"}))
    task = refer(person)
    assert "Frequently in A&amp;E" not in page(client, task)
    happened(person, "Encounter", 150, **emergency)
    assert "<b>Frequently in A&amp;E.</b> 4 visits" in page(client, task)


def test_what_was_withdrawn_as_an_error_does_not_count(client: FlaskClient, person: str) -> None:
    fell(person, 3)
    fell(person, 2)
    coding = [{"code": "entered-in-error"}]
    happened(
        person,
        "Condition",
        1,
        code={"text": "Fell"},
        verificationStatus={"coding": coding},
    )
    assert "Frequent faller" not in page(client, refer(person))
    fell(person, 1)
    assert "Frequent faller" in page(client, refer(person))


def test_of_another_person_nothing_counts(client: FlaskClient, person: str) -> None:
    with transaction():
        other = patient(nhs_number="9990000026", practice="Organization/u9s01").reference
    for days in (1, 2, 3):
        fell(other, days)
    assert "Frequent faller" not in page(client, refer(person))
