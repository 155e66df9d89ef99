"""Later messages of a conversation: updates, answers of other systems, bodies of all kinds."""

import copy
import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hub import records
from hub.domain.actor import Actor, hub_actor
from hub.records import Record
from hub.samples import SOUTHEND
from hub.services import (
    assignments,
    clocks,
    definitions,
    messages,
    task_content,
    triage_inputs,
)
from hub.transaction import transaction
from tests.api import bars
from tests.unit.hub.services.clockwork import Clockwork

HUB = hub_actor("test")


@pytest.fixture(autouse=True)
def definition(app: Flask) -> None:
    with transaction():
        definitions.load(HUB, SOUTHEND)


def taken(client: FlaskClient, token: str, message: dict[str, Any], **headers: str) -> str:
    """Post a message that must be accepted; return the id of its ServiceRequest."""
    named: dict[str, str | None] = {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    response = bars.post(client, token, message, headers=named)
    assert response.status_code == 200, response.get_data(as_text=True)
    found: str = json.loads(response.get_data())["entry"][1]["resource"]["id"]
    return found


def tasks_of(request_id: str, code: str) -> list[Record]:
    page = records.search(HUB, "Task", [("focus", f"ServiceRequest/{request_id}")])
    return [task for task in page.records if task_content.code(task.resource) == code]


def update_of(message: dict[str, Any], *, status: str) -> dict[str, Any]:
    """Return the sender's next message about the same request."""
    later = bars.changed(message)
    later["id"] = str(uuid.uuid4())
    bars.resource_of(later, "MessageHeader")["reason"]["coding"][0]["code"] = "update"
    bars.resource_of(later, "ServiceRequest")["status"] = status
    return later


def response_to(message: dict[str, Any], *, status: str, encounter: str) -> dict[str, Any]:
    """Return another system's answer to a request."""
    answer = bars.changed(message)
    answer["id"] = str(uuid.uuid4())
    header = bars.resource_of(answer, "MessageHeader")
    header["eventCoding"]["code"] = "servicerequest-response"
    header["response"] = {"identifier": message["id"], "code": "ok"}
    bars.resource_of(answer, "ServiceRequest")["status"] = status
    bars.resource_of(answer, "Encounter")["status"] = encounter
    (entry,) = [e for e in answer["entry"] if e["resource"]["resourceType"] == "Encounter"]
    if category(answer) == "validation":
        header["focus"] = [{"reference": entry["fullUrl"]}]
    return answer


def category(message: dict[str, Any]) -> str:
    found: str = bars.resource_of(message, "ServiceRequest")["category"][0]["coding"][0]["code"]
    return found


def test_an_update_of_a_validation_is_found_by_its_conversation(
    client: FlaskClient, token: str
) -> None:
    conversation = str(uuid.uuid4())
    message = bars.referral(category="validation", use_case="a4t1", priority="routine")
    request_id = taken(client, token, message, X_Correlation_Id=conversation)
    later = update_of(message, status="on-hold")
    bars.resource_of(later, "ServiceRequest")["reasonCode"] = [{"text": "Now short of breath"}]
    bars.resource_of(later, "ServiceRequest")["priority"] = "stat"
    assert taken(client, token, later, X_Correlation_Id=conversation) == request_id
    request = records.read(HUB, "ServiceRequest", request_id)
    assert (request.version, request["status"]) == (2, "on-hold")
    (triage,) = tasks_of(request_id, "triage")
    assert triage["priority"] == "stat"
    assert triage_inputs.read(triage.resource).updates


def test_an_update_that_makes_it_urgent_at_night_goes_to_the_desk_on_duty(
    client: FlaskClient, token: str, tmp_path: Path
) -> None:
    night = datetime(2026, 12, 27, 21, 30, tzinfo=UTC)
    time = Clockwork(tmp_path, night)
    message = bars.referral(category="validation", use_case="a4t1", priority="routine")
    request_id = taken(client, token, message)
    (triage,) = tasks_of(request_id, "triage")
    assert triage["owner"]["reference"] == "CareTeam/spor"
    time.advance(minutes=30)
    later = update_of(message, status="active")
    bars.resource_of(later, "ServiceRequest")["priority"] = "urgent"

    taken(client, token, later)

    (triage,) = tasks_of(request_id, "triage")
    assert triage["owner"]["reference"] == "CareTeam/out-of-hours-desk"
    assert task_content.due_at(triage.resource) == night + timedelta(minutes=60)
    running = clocks.running(triage.id)
    assert running is not None
    assert running.due_at == night + timedelta(minutes=60)
    spell = assignments.current(triage.id)
    assert spell is not None
    assert spell.urgent


def test_an_update_never_lowers_an_urgency(client: FlaskClient, token: str) -> None:
    message = bars.referral(category="validation", use_case="a4t1", priority="stat")
    request_id = taken(client, token, message)
    later = update_of(message, status="active")
    bars.resource_of(later, "ServiceRequest")["priority"] = "routine"
    assert taken(client, token, later) == request_id
    (triage,) = tasks_of(request_id, "triage")
    assert triage["priority"] == "stat"


def test_an_update_of_nothing_on_file_is_not_found(client: FlaskClient, token: str) -> None:
    later = update_of(bars.referral(category="validation", use_case="a4t1"), status="active")
    answer = bars.post(client, token, later)
    assert bars.issue(answer) == (404, "REC_NOT_FOUND", "not-found")


def test_a_sender_without_priority_in_urgent_care_is_taken_as_urgent(
    client: FlaskClient, token: str
) -> None:
    urgent = taken(client, token, bars.referral(priority=None, use_case="a1t1"))
    routine = taken(client, token, bars.referral(priority=None, use_case="a5t1"))
    assert records.read(HUB, "ServiceRequest", urgent)["priority"] == "urgent"
    assert records.read(HUB, "ServiceRequest", routine)["priority"] == "routine"


@pytest.mark.parametrize(
    ("said", "priority", "words"),
    [
        (("referral", "revoked", "finished"), "urgent", "did not attend"),
        (("validation", "active", "in-progress"), "routine", "interim"),
        (("validation", "completed", "finished"), "routine", "final"),
        (("validation", "revoked", "triaged"), "urgent", "rejected"),
    ],
)
def test_an_answer_is_kept_and_read_by_a_person(
    client: FlaskClient, token: str, said: tuple[str, str, str], priority: str, words: str
) -> None:
    kind, status, encounter = said
    message = bars.referral(category=kind, use_case="a4t1" if kind == "validation" else "a1t1")
    request_id = taken(client, token, message)
    answer = response_to(message, status=status, encounter=encounter)
    assert taken(client, token, answer) == request_id
    (task,) = tasks_of(request_id, "read-document")
    assert task["priority"] == priority
    assert words in task["description"]
    # What the answer says lies in the person's record; the referral itself is the hub's.
    assert records.read(HUB, "ServiceRequest", request_id)["status"] == "active"
    subject = records.read(HUB, "ServiceRequest", request_id)["subject"]
    encounters = records.search(HUB, "Encounter", []).records
    assert [each["subject"] for each in encounters] == [subject, subject]


# Faulty bodies. ------------------------------------------------------------------------------

JUNK: tuple[Any, ...] = (None, [], {}, "x", 5, True, [None], ["x"], {"a": 1}, [[]], "")


def paths(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the place of every node below a JSON value."""
    children: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    found: list[tuple[Any, ...]] = []
    for name, child in children:
        found += [(*place, name), *paths(child, (*place, name))]
    return found


def spoilt(message: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return the message with one node replaced by something that does not belong there."""
    copied = copy.deepcopy(message)
    *parents, last = chance.choice(paths(copied))
    node: Any = copied
    for name in parents:
        node = node[name]
    node[last] = chance.choice(JUNK)
    return copied


def test_an_answer_about_another_person_reaches_nobodys_record(
    client: FlaskClient, token: str
) -> None:
    message = bars.referral(category="referral", use_case="a1t1")
    request_id = taken(client, token, message)
    other = bars.referral(nhs_number="9990000026", family="Somebody", born="1933-09-09")
    answer = response_to(other, status="revoked", encounter="finished")
    header = next(
        entry["resource"]
        for entry in answer["entry"]
        if entry["resource"]["resourceType"] == "MessageHeader"
    )
    header["response"]["identifier"] = message["id"]

    refused = bars.post(client, token, answer)

    assert bars.issue(refused) == (404, "REC_NOT_FOUND", "not-found")
    assert tasks_of(request_id, "read-document") == []


@pytest.mark.parametrize("seed", range(4))
def test_no_body_is_a_fault_of_ours(app: Flask, system_actor: Actor, seed: int) -> None:
    chance = random.Random(seed)
    messages_of = [
        bars.referral(flags=(("SG", "Adult at risk"),), falls=True, carer="Chris Carer"),
        response_to(bars.referral(), status="revoked", encounter="finished"),
    ]
    for _ in range(40):
        body = json.dumps(spoilt(chance.choice(messages_of), chance)).encode()
        headers = {"X-Request-Id": str(uuid.uuid4()), "X-Correlation-Id": str(uuid.uuid4())}
        with transaction():
            answer = messages.process(system_actor, headers, body)
        assert answer.status < 500, body
        assert answer.headers == headers
