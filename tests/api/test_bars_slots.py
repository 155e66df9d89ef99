"""Slots by the standard's own query, and what a sender must put into its messages."""

import uuid

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fhir.validation import validate
from hub import records
from hub.domain.actor import hub_actor
from hub.transaction import transaction
from tests.api import bars
from tests.sample_hub import load_hub

HUB = hub_actor("test")
NURSING = "2000099002"


@pytest.fixture
def diary(app: Flask) -> None:
    """Two free slots and a busy one of district nursing, a free one of another service."""
    with transaction():
        load_hub()
        for service in ("district-nursing", "pharmacy"):
            records.create(
                HUB,
                {
                    "resourceType": "Schedule",
                    "actor": [{"reference": f"HealthcareService/{service}"}],
                },
                id=f"diary-{service}",
            )
        for name, service, hour, status in (
            ("nine", "district-nursing", "09", "free"),
            ("ten", "district-nursing", "10", "free"),
            ("eleven", "district-nursing", "11", "busy"),
            ("other", "pharmacy", "10", "free"),
        ):
            records.create(
                HUB,
                {
                    "resourceType": "Slot",
                    "schedule": {"reference": f"Schedule/diary-{service}"},
                    "status": status,
                    "start": f"2027-01-04T{hour}:00:00+00:00",
                    "end": f"2027-01-04T{hour}:30:00+00:00",
                },
                id=name,
            )


def ask(client: FlaskClient, token: str, **changed: str) -> dict[str, set[str]]:
    """Return the ids of what was found, by type."""
    query = {
        "status": "free",
        "Schedule.actor:HealthcareService": NURSING,
        "_include": "Slot:schedule",
    } | changed
    answer = client.get(
        "/fhir/Slot",
        query_string=[
            ("start", "ge2027-01-04T08:00:00+00:00"),
            ("start", "le2027-01-04T17:00:00+00:00"),
            ("_include", "Schedule:actor:HealthcareService"),
            ("_include", "HealthcareService:providedBy"),
            *query.items(),
        ],
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, set[str]] = {}
    for entry in answer.get_json().get("entry", ()):
        each = entry["resource"]
        found.setdefault(each["resourceType"], set()).add(each["id"])
    return found


@pytest.mark.parametrize("service", [NURSING, "district-nursing"])
def test_the_free_slots_of_a_service_with_what_hangs_on_them(
    client: FlaskClient, token: str, diary: None, service: str
) -> None:
    found = ask(client, token, **{"Schedule.actor:HealthcareService": service})

    assert found == {
        "Slot": {"nine", "ten"},
        "Schedule": {"diary-district-nursing"},
        "HealthcareService": {"district-nursing"},
        "Organization": {"rxs"},
    }


def test_several_states_and_all_that_a_slot_points_at(
    client: FlaskClient, token: str, diary: None
) -> None:
    found = ask(client, token, status="free,busy", _include="Slot:*")
    assert found["Slot"] == {"nine", "ten", "eleven"}
    assert found["Schedule"] == {"diary-district-nursing"}


def test_another_service_has_its_own(client: FlaskClient, token: str, diary: None) -> None:
    found = ask(client, token, **{"Schedule.actor:HealthcareService": "2000099013"})
    assert found["Slot"] == {"other"}
    assert ask(client, token, **{"Schedule.actor:HealthcareService": "2999999999"}) == {}


def test_in_r4s_own_words_nothing_is_rewritten(
    client: FlaskClient, token: str, diary: None
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    found = client.get("/fhir/Slot?Schedule.status=free", headers=headers)
    assert found.status_code == 400
    same = client.get(
        "/fhir/Slot?schedule.actor:HealthcareService=district-nursing&status=free", headers=headers
    )
    assert same.get_json()["total"] == 2


def test_what_a_message_to_a_service_must_hold(
    client: FlaskClient, token: str, diary: None
) -> None:
    found = client.get(
        "/fhir/MessageDefinition",
        query_string={"context": NURSING, "event": "servicerequest-request"},
        headers={"Authorization": f"Bearer {token}"},
    ).get_json()

    assert {entry["resource"]["id"] for entry in found["entry"]} == {
        "bars-request-referral",
        "bars-request-validation",
    }
    for entry in found["entry"]:
        assert validate(entry["resource"]) == []
        needed = {each["code"] for each in entry["resource"]["focus"] if each["min"]}
        assert needed >= {"MessageHeader", "ServiceRequest", "Patient", "Encounter", "CarePlan"}


@pytest.mark.parametrize("left_out", ["Patient", "ServiceRequest", "Encounter", "CarePlan"])
def test_without_what_is_needed_a_message_is_refused(
    client: FlaskClient, token: str, diary: None, left_out: str
) -> None:
    message = bars.referral()
    message["entry"] = [
        each for each in message["entry"] if each["resource"]["resourceType"] != left_out
    ]
    answer = client.post(
        "/fhir/$process-message",
        json=message,
        headers={
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/fhir+json",
            "X-Request-Id": str(uuid.uuid4()),
            "X-Correlation-Id": str(uuid.uuid4()),
        },
    )
    assert 400 <= answer.status_code < 500, answer.text


@pytest.mark.parametrize("path", ["Slot", "Slot/nine", "Slot/none", "HealthcareService/pharmacy"])
def test_both_ids_go_back_with_reads_and_refusals(
    client: FlaskClient, token: str, diary: None, path: str
) -> None:
    named = {"X-Request-Id": str(uuid.uuid4()), "X-Correlation-Id": str(uuid.uuid4())}
    answer = client.get(f"/fhir/{path}", headers={"Authorization": f"Bearer {token}", **named})
    assert {name: answer.headers.getlist(name) for name in named} == {
        name: [value] for name, value in named.items()
    }


@pytest.mark.parametrize("wrong", ["x" * 65, "a b", "<script>"])
def test_what_is_no_id_does_not_go_back(
    client: FlaskClient, token: str, diary: None, wrong: str
) -> None:
    headers = {"Authorization": f"Bearer {token}", "X-Correlation-Id": wrong}
    assert "X-Correlation-Id" not in client.get("/fhir/Slot/nine", headers=headers).headers
