"""Operations on a task over HTTP: what an update of it cannot say, and what it can."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fhir.systems import HOLD_REVIEW
from hub.auth import issue_person_token
from hub.domain.definition import HubDefinition
from hub.records import Record
from hub.transaction import transaction
from tests.factories.account import account
from tests.factories.patient import patient
from tests.factories.task import visit
from tests.sample_hub import load_hub

ASHA, GARETH, PETRA = (
    "Practitioner/asha-nurse",
    "Practitioner/gareth-price",
    "Practitioner/petra-palliative",
)
Ask = Callable[..., TestResponse]


@pytest.fixture
def definition(app: Flask) -> HubDefinition:
    with transaction():
        return load_hub()


@pytest.fixture
def task(definition: HubDefinition) -> Record:
    with transaction():
        somebody = patient()
    return visit(somebody.reference, owner=ASHA, clock="community-routine", minutes=45)


@pytest.fixture
def ask(client: FlaskClient, definition: HubDefinition) -> Ask:
    """Call ``[who] [address] [parameters]`` as a member of staff."""
    tokens: dict[str, str] = {}

    def post(who: str, address: str, *parameters: dict[str, Any]) -> TestResponse:
        if who not in tokens:
            person = definition.staff[who]
            with transaction():
                account(
                    who,
                    display=person.name,
                    role=person.role,
                    organization=f"Organization/{person.organisation}",
                    teams=[f"CareTeam/{each}" for each in person.teams],
                )
            tokens[who] = issue_person_token(who, 600)
        return client.post(
            f"/fhir/{address}",
            json={"resourceType": "Parameters", "parameter": list(parameters)},
            headers={"Authorization": f"Bearer {tokens[who]}"},
            content_type="application/fhir+json",
        )

    return post


def version(number: int) -> dict[str, Any]:
    return {"name": "version", "valuePositiveInt": number}


def to(reference: str, name: str = "to") -> dict[str, Any]:
    return {"name": name, "valueReference": {"reference": reference}}


def text(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "valueString": value}


def issue(answer: TestResponse) -> str:
    return str(answer.get_json()["issue"][0]["details"]["text"])


def resources(answer: TestResponse, name: str = "return") -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [each["resource"] for each in answer.get_json()["parameter"] if each["name"] == name]


def test_a_task_is_offered_and_accepted(ask: Ask, task: Record) -> None:
    made = ask("asha-nurse", f"Task/{task.id}/$offer", version(1), to(PETRA), text("note", "Gate"))
    assert made.status_code == 200, made.text
    assert made.get_json()["intent"] == "proposal"
    assert made.get_json()["owner"] == {"reference": PETRA}
    listed = ask("petra-palliative", f"Task/{task.id}/$offers")
    assert [each["status"] for each in resources(listed)] == ["requested"]

    taken = ask("petra-palliative", f"Task/{task.id}/$answer-offer", text("answer", "accept"))

    assert taken.status_code == 200, taken.text
    assert taken.get_json()["owner"] == {"reference": PETRA}
    again = ask("petra-palliative", f"Task/{task.id}/$answer-offer", text("answer", "accept"))
    assert again.status_code == 409
    assert issue(again) == "Petra Holm has accepted this offer already"


def test_an_offer_is_refused_with_its_reason_or_withdrawn(ask: Ask, task: Record) -> None:
    address = f"Task/{task.id}/$answer-offer"
    ask("asha-nurse", f"Task/{task.id}/$offer", version(1), to(PETRA))
    nothing = ask("petra-palliative", address, text("answer", "maybe"))
    assert nothing.status_code == 422
    assert "allowed: accept, refuse, withdraw" in issue(nothing)
    assert ask("petra-palliative", address, text("answer", "refuse")).status_code == 422
    refused = ask(
        "petra-palliative", address, text("answer", "refuse"), text("reason", "no-capacity")
    )
    assert (refused.get_json()["status"], refused.status_code) == ("rejected", 200)

    ask("asha-nurse", f"Task/{task.id}/$offer", version(1), to(PETRA))
    withdrawn = ask("asha-nurse", address, text("answer", "withdraw"))
    assert withdrawn.get_json()["status"] == "cancelled"


def test_several_are_offered_at_once(ask: Ask, task: Record) -> None:
    other = visit(task["for"]["reference"], owner=ASHA)

    def named(record: Record, number: int) -> dict[str, Any]:
        return {
            "name": "task",
            "part": [to(record.reference, "reference"), version(number)],
        }

    found = ask("asha-nurse", "Task/$offer", to(GARETH), named(task, 1), named(other, 7))

    assert [each["focus"]["reference"] for each in resources(found)] == [task.reference]
    assert [
        each["valueString"]
        for each in found.get_json()["parameter"]
        if each["name"] == "not-offered"
    ] == [f"{other.reference}: somebody else changed it meanwhile"]
    assert ask("asha-nurse", "Task/$offer", to(GARETH)).status_code == 400


def test_a_part_is_delegated_and_called_back(ask: Ask, client: FlaskClient, task: Record) -> None:
    put(ask, client, task, 1, status="accepted")
    made = ask(
        "asha-nurse",
        f"Task/{task.id}/$delegate",
        version(2),
        to(GARETH),
        text("description", "Bloods"),
        {"name": "minutes", "valuePositiveInt": 15},
    )
    part = resources(made, "part")[0]
    assert part["partOf"] == [{"reference": task.reference}]
    assert resources(made, "offer")[0]["code"]["coding"][0]["code"] == "delegation"

    closed = put(ask, client, task, 3, status="completed")
    assert closed.status_code == 409
    assert "still with somebody" in issue(closed)
    back = ask("asha-nurse", f"Task/{part['id']}/$call-back", version(2))
    assert back.get_json()["status"] == "cancelled"


def test_a_task_is_split(ask: Ask, client: FlaskClient, task: Record) -> None:
    put(ask, client, task, 1, status="accepted")
    parts = [
        {"name": "part", "part": [text("description", "Wound")]},
        {
            "name": "part",
            "part": [text("description", "Bed"), to("CareTeam/therapy", "owner")],
        },
    ]
    wrong = ask("asha-nurse", f"Task/{task.id}/$split", version(2), parts[0])
    assert wrong.status_code == 422

    made = ask("asha-nurse", f"Task/{task.id}/$split", version(2), *parts)

    assert [each["owner"]["reference"] for each in resources(made)] == [ASHA, "CareTeam/therapy"]


def test_a_completion_is_taken_back(ask: Ask, client: FlaskClient, task: Record) -> None:
    put(ask, client, task, 1, status="accepted")
    assert ask("asha-nurse", f"Task/{task.id}/$undo", version(2)).status_code == 409
    put(ask, client, task, 2, status="completed")

    again = ask("asha-nurse", f"Task/{task.id}/$undo", version(3))

    assert again.get_json()["status"] == "in-progress"


def test_work_is_put_on_hold_and_taken_up_by_update(
    ask: Ask, client: FlaskClient, task: Record
) -> None:
    put(ask, client, task, 1, status="accepted")
    wordless = put(ask, client, task, 2, status="on-hold")
    assert wordless.status_code == 422
    reason = {
        "coding": [{"code": "in-hospital"}],
        "extension": [{"url": HOLD_REVIEW, "valueDateTime": "2099-01-01T09:00:00Z"}],
    }
    held = put(ask, client, task, 2, status="on-hold", statusReason=reason)
    assert held.status_code == 200, held.text
    assert put(ask, client, task, 3, status="in-progress").status_code == 200
    given_away = put(ask, client, task, 4, owner={"reference": GARETH})
    assert given_away.status_code == 409
    assert "$offer" in issue(given_away)


def test_systems_do_not_give_work_and_a_version_is_named(
    ask: Ask, client: FlaskClient, token: str, task: Record
) -> None:
    system = client.post(
        f"/fhir/Task/{task.id}/$offer",
        json={"resourceType": "Parameters", "parameter": [version(1), to(PETRA)]},
        headers={"Authorization": f"Bearer {token}"},
        content_type="application/fhir+json",
    )
    assert system.status_code == 403
    assert ask("asha-nurse", f"Task/{task.id}/$offer", to(PETRA)).status_code == 400
    stale = ask("asha-nurse", f"Task/{task.id}/$offer", version(9), to(PETRA))
    assert stale.status_code == 412
    unknown = ask("asha-nurse", f"Task/{task.id}/$offer", version(1), to(PETRA), text("x", "y"))
    assert unknown.status_code == 400
    none = ask("asha-nurse", f"Task/{task.id}/$answer-offer", text("answer", "accept"))
    assert none.status_code == 422
    assert "not offered" in issue(none)


def put(ask: Ask, client: FlaskClient, task: Record, seen: int, **changes: Any) -> TestResponse:
    """Update the task as the nurse, under the version that she saw."""
    ask("asha-nurse", "Task/none/$offers")
    headers = {
        "Authorization": f"Bearer {issue_person_token('asha-nurse', 60)}",
        "Content-Type": "application/fhir+json",
    }
    body = client.get(f"/fhir/Task/{task.id}", headers=headers).get_json()
    return client.put(
        f"/fhir/Task/{task.id}",
        json=body | changes,
        headers=headers | {"If-Match": f'W/"{seen}"'},
    )
