"""Who answers, offers and leaving over the API; what is refused says what is in the way."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from hub import records
from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition
from hub.services import accountability, tasks
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.sample_hub import load_hub

SET_UP = hub_actor("set-up")
JO, ASHA = "Practitioner/jo-coordinator", "Practitioner/asha-nurse"
Call = Callable[..., Any]


@pytest.fixture
def hub(token: str) -> HubDefinition:
    with transaction():
        return load_hub()


@pytest.fixture
def ada(hub: HubDefinition) -> str:
    with transaction():
        made = patient(birthDate="1940-05-04")
        accountability.name(SET_UP, made.id, role="care-coordinator", practitioner=JO)
    return made.reference


@pytest.fixture
def call(client: FlaskClient, token: str) -> Call:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}

    def do(address: str, status: int = 200, **given: str) -> Any:
        kinds = {"expires": "valueDateTime", "at": "valueDateTime", "until": "valueDateTime"}
        body = {
            "resourceType": "Parameters",
            "parameter": [
                {"name": name, kinds.get(name, "valueString"): value}
                for name, value in given.items()
            ],
        }
        answer = client.post(f"/fhir/{address}", json=body, headers=headers)
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_json()

    return do


def parts(listed: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            part["name"]: next(value for name, value in part.items() if name.startswith("value"))
            for part in each["part"]
        }
        for each in listed.get("parameter", ())
    ]


def test_who_answers_is_said_for_each_role_and_a_stand_in_is_called_one(
    call: Call, ada: str
) -> None:
    found = {each["role"]: each for each in parts(call(f"{ada}/$accountable"))}

    assert found["care-coordinator"]["practitioner"] == {"reference": JO}
    assert found["care-coordinator"]["standsIn"] is False
    assert found["accountable-gp"]["standsIn"] is True
    assert parts(call(f"{ada}/$accountable", at="2001-01-01T00:00:00Z")) == []


def test_an_offer_is_made_and_accepted(call: Call, ada: str) -> None:
    offered = call(f"{ada}/$offer-accountability", role="care-coordinator", to=ASHA)
    offer = offered["parameter"][0]["valueString"]
    assert parts(call(f"{ada}/$accountable"))[1]["practitioner"] == {"reference": JO}

    call("Patient/other/$answer-accountability", 422, offer=offer, answer="accept")
    call(f"{ada}/$answer-accountability", 400, offer=offer, answer="perhaps")
    call(f"{ada}/$answer-accountability", offer=offer, answer="accept")
    call(f"{ada}/$answer-accountability", 409, offer=offer, answer="refuse")

    assert parts(call(f"{ada}/$accountable"))[1]["practitioner"] == {"reference": ASHA}


def test_leaving_is_refused_with_the_list_until_all_is_in_other_hands(call: Call, ada: str) -> None:
    lucy = "Practitioner/lucy-hart"
    with transaction():
        made = tasks.open_task(
            SET_UP,
            code="intervention",
            patient=ada,
            description="Change the dressing",
            owner=lucy,
            performing_organization="Organization/rxs",
            accountable_organization="Organization/rxs",
        )
    key = f"task:{made.id}"
    assert [each["key"] for each in parts(call(f"{lucy}/$holdings"))] == [key]
    refused = call(f"{lucy}/$leave", 409)
    assert key in refused["issue"][0]["details"]["text"]

    call(f"{lucy}/$rehome", 422, key="task:none")
    assert "parameter" not in call(f"{lucy}/$rehome", key=key, to=ASHA)
    call(f"{lucy}/$leave")

    assert records.read(SET_UP, "Practitioner", "lucy-hart")["active"] is False
    call(f"{lucy}/$time-box", 422, key=key, until="2026-12-01T00:00:00Z", owner=ASHA)


def test_a_system_without_the_scope_is_refused(client: FlaskClient, ada: str) -> None:
    answer = client.get(f"/fhir/{ada}/$accountable")

    assert answer.status_code == 401
