"""``Task/[id]/$acknowledge``: who was told answers; the second hears who was first."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub.auth import issue_person_token, issue_token
from hub.domain.actor import hub_actor
from hub.samples.sign_ins import open_accounts
from hub.services import escalations
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.factories.task import visit
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork

SIGNED_IN = ("asha-nurse", "gareth-price", "femi-falls")
Acknowledge = Callable[..., TestResponse]


@pytest.fixture
def task_id(client: FlaskClient, tmp_path: Path) -> str:
    """A visit of Asha's at half time."""
    clockwork = Clockwork(tmp_path)
    with transaction():
        hub = load_hub()
        open_accounts(replace(hub, staff={name: hub.staff[name] for name in SIGNED_IN}))
        person = patient(nhs_number="9990000018").reference
    task = visit(person, owner="Practitioner/asha-nurse")
    clockwork.advance(minutes=60)
    _sweep()
    return task.id


def _sweep() -> None:
    for clock_id in escalations.due_clocks():
        with transaction():
            assert escalations.escalate(hub_actor("escalation"), clock_id) is not None


@pytest.fixture
def acknowledge(client: FlaskClient, task_id: str) -> Acknowledge:
    def post(token: str, *parameters: dict[str, Any]) -> TestResponse:
        return client.post(
            f"/fhir/Task/{task_id}/$acknowledge",
            json={"resourceType": "Parameters", "parameter": list(parameters)},
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/fhir+json",
            },
        )

    return post


def value(answer: TestResponse, name: str) -> str:
    found = next(each for each in answer.get_json()["parameter"] if each["name"] == name)
    return str(next(said for key, said in found.items() if key.startswith("value")))


def test_who_was_told_acknowledges(acknowledge: Acknowledge, task_id: str) -> None:
    answer = acknowledge(
        issue_person_token("asha-nurse"), {"name": "note", "valueString": "On my way"}
    )

    assert answer.status_code == 200, answer.text
    (step,) = escalations.steps_of(task_id)
    assert value(answer, "step") == step.id
    assert value(answer, "action") == "half-time"
    assert value(answer, "acknowledged").startswith("2026-12-27T11:00:00")
    assert (step.acknowledged_by, step.note) == ("Practitioner/asha-nurse", "On my way")


def test_the_second_hears_who_was_first(acknowledge: Acknowledge) -> None:
    acknowledge(issue_person_token("asha-nurse"))

    answer = acknowledge(issue_person_token("gareth-price"))

    assert answer.status_code == 409
    assert "Asha Patel has already acknowledged" in answer.text


def test_somebody_of_another_team_may_not(acknowledge: Acknowledge, task_id: str) -> None:
    answer = acknowledge(issue_person_token("femi-falls"))

    assert answer.status_code in {403, 404}
    assert [step.acknowledged_at for step in escalations.steps_of(task_id)] == [None]


def test_a_system_acknowledges_with_the_scope_and_not_without(
    acknowledge: Acknowledge, token: str, task_id: str
) -> None:
    assert acknowledge(issue_token("test-system", "system/Task.rs", 60)).status_code == 403
    assert acknowledge(token).status_code == 200
    (step,) = escalations.steps_of(task_id)
    assert step.acknowledged_by == "client/test-system"


@pytest.mark.parametrize(
    ("parameter", "status", "said"),
    [
        ({"name": "step", "valueString": "no-such-step"}, 422, "not a step of the running clock"),
        ({"name": "note", "valueString": "x" * 501}, 422, "no more than 500"),
        ({"name": "because", "valueString": "x"}, 400, "because is no parameter here"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written(
    acknowledge: Acknowledge, task_id: str, parameter: dict[str, Any], status: int, said: str
) -> None:
    answer = acknowledge(issue_person_token("asha-nurse"), parameter)

    assert (answer.status_code, said in answer.text) == (status, True), answer.text
    assert [step.acknowledged_at for step in escalations.steps_of(task_id)] == [None]


def test_a_task_that_is_not_there(client: FlaskClient, task_id: str) -> None:
    answer = client.post(
        "/fhir/Task/nothing/$acknowledge",
        headers={"Authorization": f"Bearer {issue_person_token('asha-nurse')}"},
    )

    assert answer.status_code == 404
