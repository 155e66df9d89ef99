"""``CareTeam/[id]/$rebalance`` proposes, ``$accept-rebalancing`` moves what a person accepted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub.auth import issue_person_token
from hub.auth.accounts import open_account
from hub.domain.actor import hub_actor
from hub.records import new_id
from hub.services import assignments, tasks
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.factories.task import visit
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork

TEAM = "/fhir/CareTeam/district-nursing-west"
Send = Callable[..., TestResponse]


@pytest.fixture
def send(app: Flask, client: FlaskClient, token: str, tmp_path: Path) -> Send:
    """POST an operation as a member of staff, or as the test system; ten visits wait in a pool."""
    Clockwork(tmp_path).advance(hours=3, minutes=30)
    with transaction():
        definition = load_hub()
        for username in ("asha-nurse", "lucy-hart"):
            person = definition.staff[username]
            open_account(
                username,
                "a long enough password",
                display=person.name,
                role=person.role,
                practitioner=f"Practitioner/{username}",
                organization=f"Organization/{person.organisation}",
                teams=[f"CareTeam/{each}" for each in person.teams],
            )
        someone = patient(nhs_number="9990000018", practice=f"Organization/{definition.gp_hub}")
    for _ in range(3):
        visit(someone.reference, priority="routine", clock=None)

    def post(operation: str, who: str = "", **values: Any) -> TestResponse:
        bearer = issue_person_token(who, 60) if who else token
        listed = [
            {"name": name, "valueId": each}
            for name, value in values.items()
            for each in (value if isinstance(value, list) else [value])
        ]
        return client.post(
            f"{TEAM}/${operation}",
            json={"resourceType": "Parameters", "parameter": listed},
            headers={
                "Authorization": f"Bearer {bearer}",
                "Content-Type": "application/fhir+json",
            },
        )

    return post


def said(answer: TestResponse, name: str) -> list[dict[str, Any]]:
    return [each for each in answer.get_json()["parameter"] if each["name"] == name]


def parts(parameter: dict[str, Any]) -> dict[str, Any]:
    return {
        part["name"]: next(value for key, value in part.items() if key != "name")
        for part in parameter["part"]
    }


def test_a_plan_is_proposed_and_a_line_of_it_accepted(send: Send) -> None:
    proposed = send("rebalance", "asha-nurse")

    assert proposed.status_code == 200, proposed.text
    assert said(proposed, "proven")[0]["valueBoolean"] is True
    assert said(proposed, "gap")[0]["valueInteger"] == 0
    assert parts(said(proposed, "before")[0])["waiting"] == 3
    assert parts(said(proposed, "after")[0])["waiting"] == 0
    first = parts(said(proposed, "move")[0])
    assert first["from"] == {"reference": "CareTeam/district-nursing-west"}
    assert first["why"].startswith("Nobody has it yet")

    plan = said(proposed, "plan")[0]["valueId"]
    accepted = send("accept-rebalancing", "asha-nurse", plan=plan, line=[first["line"]])

    assert accepted.status_code == 200, accepted.text
    assert parts(said(accepted, "answered")[0]) == {"line": first["line"], "state": "accepted"}
    spell = assignments.current(first["task"]["reference"].removeprefix("Task/"))
    assert spell is not None
    assert spell.owner == first["to"]["reference"]


def test_what_changed_meanwhile_is_answered_as_lapsed(send: Send) -> None:
    proposed = send("rebalance", "asha-nurse")
    line = parts(said(proposed, "move")[0])
    with transaction():
        tasks.assign(
            hub_actor("test"),
            line["task"]["reference"].removeprefix("Task/"),
            to="CareTeam/duty-desk",
            because="a test",
        )
    plan = said(proposed, "plan")[0]["valueId"]
    answered = send("accept-rebalancing", "asha-nurse", plan=plan, line=[line["line"]])

    assert parts(said(answered, "answered")[0])["state"] == "lapsed"
    assert "has changed since" in parts(said(answered, "answered")[0])["note"]


def test_strangers_systems_and_half_a_request_are_refused(send: Send) -> None:
    assert send("rebalance", "lucy-hart").status_code == 403
    assert send("rebalance").status_code == 403
    plan = said(send("rebalance", "asha-nurse"), "plan")[0]["valueId"]
    assert send("accept-rebalancing", plan=plan, line=[new_id()]).status_code == 403
    assert send("accept-rebalancing", "lucy-hart", plan=plan, line=[new_id()]).status_code == 403
    assert send("accept-rebalancing", "asha-nurse", plan=plan, line=[new_id()]).status_code == 404
    assert send("accept-rebalancing", "asha-nurse", plan=new_id(), line=["a"]).status_code == 404
    nothing = send("accept-rebalancing", "asha-nurse", plan=plan)
    assert nothing.status_code == 400
    assert nothing.get_json()["issue"][0]["expression"] == ["line"]


def test_a_plan_is_accepted_at_its_own_team_only(send: Send, client: FlaskClient) -> None:
    proposed = send("rebalance", "asha-nurse")
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "plan", "valueId": said(proposed, "plan")[0]["valueId"]},
            {"name": "line", "valueId": parts(said(proposed, "move")[0])["line"]},
        ],
    }
    headers = {
        "Authorization": f"Bearer {issue_person_token('asha-nurse', 60)}",
        "Content-Type": "application/fhir+json",
    }
    address = "/fhir/CareTeam/therapy/$accept-rebalancing"

    assert client.post(address, json=body, headers=headers).status_code == 404
