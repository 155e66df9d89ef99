"""Patient transport: asked for on a page, decided by the criteria, with the team or on record."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fhir.validation import validate
from hub import records
from hub.domain.actor import hub_actor
from hub.records import Record
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door, token_of

HUB = hub_actor("test")


@pytest.fixture
def ada(client: FlaskClient, tmp_path: Path) -> Record:
    """Ada is registered with the practice of Jo, who is signed in on Sunday 27 December 2026."""
    Clockwork(tmp_path)
    with transaction():
        definition = load_hub()
        made = patient(nhs_number="9990000018", practice=f"Organization/{definition.gp_hub}")
    open_door(client, "jo")
    return made


def ask(client: FlaskClient, person: Record, *needs: str, **changed: str) -> TestResponse:
    address = f"/people/{person.id}/transport"
    form: dict[str, Any] = {
        "csrf_token": token_of(client.get(address)),
        "start": "4 Shell Walk, SS0 7QF",
        "to": "Renal unit, Southend",
        "at": "2027-01-04T09:30",
        "needs": list(needs),
    }
    return client.post(address, data=form | changed)


def tasks_of(person: Record) -> list[Record]:
    found = records.search(HUB, "Task", [("patient", person.reference), ("code", "transport")])
    return list(found.records)


def test_who_is_entitled_waits_with_the_team_that_books(client: FlaskClient, ada: Record) -> None:
    answer = ask(client, ada, "dialysis", "lies-down", back="yes", note="Key safe")

    assert answer.status_code == 303
    shown = client.get(answer.headers["Location"]).text
    assert "Entitled to transport" in shown
    assert "Transport: 4 Shell Walk" in shown
    (task,) = tasks_of(ada)
    assert validate(task.resource) == []
    assert task["owner"]["reference"] == "CareTeam/coordination"
    assert (task["status"], task["priority"]) == ("requested", "routine")
    assert "Renal unit, Southend and back. Entitled: Medical need; In-centre" in task["description"]
    said = {each["type"]["coding"][0]["code"]: each for each in task["input"]}
    # Local time of the hub, in winter UTC.
    assert said["be-there-at"]["valueInstant"] == "2027-01-04T09:30:00.000000Z"
    assert said["eligibility"]["valueCodeableConcept"]["coding"][0]["code"] == "eligible"
    assert task["note"][0]["text"] == "Key safe"
    assert task["restriction"]["period"]["end"]


def test_a_journey_of_tomorrow_is_urgent(client: FlaskClient, ada: Record) -> None:
    ask(client, ada, "dialysis", at="2026-12-28T09:30")
    (task,) = tasks_of(ada)
    assert task["priority"] == "urgent"


def test_where_the_line_is_not_clear_the_team_decides(client: FlaskClient, ada: Record) -> None:
    answer = ask(client, ada, "would-be-missed")
    assert "decides whether they are entitled" in client.get(answer.headers["Location"]).text
    (task,) = tasks_of(ada)
    assert task["owner"]["reference"] == "CareTeam/coordination"
    assert "To be decided" in task["description"]


def test_for_who_is_not_entitled_the_advice_is_on_the_record(
    client: FlaskClient, ada: Record
) -> None:
    answer = ask(client, ada)

    assert "Not entitled" in client.get(answer.headers["Location"]).text
    (task,) = tasks_of(ada)
    assert validate(task.resource) == []
    assert task["status"] == "completed"
    assert task["owner"]["reference"] == "Practitioner/jo"
    assert task["output"][0]["valueCodeableConcept"]["coding"][0]["code"] == "not-entitled"
    assert "Healthcare Travel Costs Scheme" in task["note"][-1]["text"]
    assert task["executionPeriod"]["end"].startswith("2026-12-27T10:00")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"to": ""}, "Write where they have to be"),
        ({"at": "soon"}, "Write a date and a time"),
        ({"at": ""}, "Write when they have to be there"),
        ({"at": "2026-12-27T09:59"}, "The journey lies in the future"),
        ({"at": "2028-03-01T09:00"}, "within a year"),
        ({"needs": "a-limousine"}, "is no need of the list"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    client: FlaskClient, ada: Record, changed: dict[str, str], words: str
) -> None:
    answer = ask(client, ada, **({"start": "Kept as typed"} | changed))

    assert answer.status_code == 422
    assert words in answer.text
    assert "Kept as typed" in answer.text
    assert tasks_of(ada) == []


def test_who_may_not_see_the_person_asks_for_nothing(client: FlaskClient, ada: Record) -> None:
    with transaction():
        stranger = patient(nhs_number="9990000026")
    csrf = token_of(client.get(f"/people/{ada.id}/transport"))
    answer = client.post(
        f"/people/{stranger.id}/transport",
        data={"csrf_token": csrf, "start": "a", "to": "b", "at": "2027-01-04T09:30"},
    )
    assert answer.status_code in {403, 404}
    assert tasks_of(stranger) == []
