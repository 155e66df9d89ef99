"""``Task/[id]/$why``: the decision of a task, its scores and its exclusions, for a program."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition
from hub.services import routing
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.factories.task import visit
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def definition(client: FlaskClient, tmp_path: Path) -> HubDefinition:
    # At ten on a Sunday: at night the sample's nurses are at home, and nobody is asked.
    Clockwork(tmp_path)
    with transaction():
        return load_hub()


@pytest.fixture
def task_id(definition: HubDefinition) -> str:
    """A visit that the rules have given to somebody."""
    with transaction():
        person = patient(practice=f"Organization/{definition.gp_hub}").reference
    task = visit(person)
    with transaction():
        routing.route(hub_actor("routing"), task.id)
    return task.id


@pytest.fixture
def why(client: FlaskClient, token: str, task_id: str) -> Ask:
    def ask(status: int = 200, task: str = task_id, **asked: str) -> dict[str, Any]:
        answer = client.get(
            f"/fhir/Task/{task}/$why",
            query_string={name.replace("_", "-"): value for name, value in asked.items()},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == status, answer.text
        body: dict[str, Any] = answer.get_json(force=True)
        return body

    return ask


def said(body: dict[str, Any], name: str) -> list[Any]:
    return [
        next((value for key, value in each.items() if key.startswith("value")), each.get("part"))
        for each in body["parameter"]
        if each["name"] == name
    ]


def test_it_says_who_why_and_whom_it_could_not_take(why: Ask, task_id: str) -> None:
    body = why()
    kept = routing.decision_of(task_id)

    assert kept is not None
    assert body["resourceType"] == "Parameters"
    assert said(body, "owner") == [{"reference": kept.owner}]
    assert said(body, "sentence") == [kept.sentence]
    assert said(body, "reason")
    parts = [{part["name"] for part in each} for each in said(body, "candidate")]
    assert {"who", "bar", "words"} in parts


def test_why_not_me_and_what_if_are_answered(why: Ask, task_id: str) -> None:
    body = why()
    barred = next(
        part["valueReference"]["reference"]
        for each in said(body, "candidate")
        for part in each
        if part["name"] == "who" and any(other["name"] == "bar" for other in each)
    )

    assert said(why(who=barred), "why-not")[0].startswith("It did not come to you: ")
    (otherwise,) = said(why(if_on=barred), "otherwise")
    assert otherwise.startswith("Routed to ")
    assert said(why(if_off=barred), "otherwise-owner") == said(body, "owner")


def test_what_it_cannot_answer_is_refused_with_what_it_could(why: Ask) -> None:
    stranger = why(422, if_off="Practitioner/aud-hearing")
    assert "not among those who were asked" in str(stranger["issue"])
    why(400, colour="blue")
    why(404, task="nobody")
