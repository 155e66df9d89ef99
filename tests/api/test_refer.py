"""``ServiceRequest/$refer``: the API is a front door like any other; a repeat is one referral."""

import threading
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub import records
from hub.auth import issue_token
from hub.auth.accounts import register_client
from hub.domain.actor import hub_actor
from hub.records import Record
from hub.services import triage_inputs
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork

HUB = hub_actor("test")


@pytest.fixture
def person(app: Flask, tmp_path: Path) -> str:
    Clockwork(tmp_path)
    with transaction():
        load_hub()
        return patient(nhs_number="9990000018", practice="Organization/u9s01").reference


def request_for(person: str, **elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "identifier": [{"system": "https://surgery.example.org/Id/referral", "value": "R-1"}],
        "subject": {"reference": person},
        "priority": "routine",
        "reasonCode": [{"text": "Leg ulcer that weeps"}],
        "requester": {"reference": "Organization/u9s01", "display": "Example Surgery"},
    } | elements


def refer(client: FlaskClient, token: str, request: dict[str, Any], **more: str) -> TestResponse:
    body: dict[str, Any] = request
    if more:
        parameters = [{"name": "referral", "resource": request}]
        parameters += [{"name": name, "valueCode": value} for name, value in more.items()]
        body = {"resourceType": "Parameters", "parameter": parameters}
    return client.post(
        "/fhir/ServiceRequest/$refer",
        json=body,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"},
    )


def triage_of(answer: TestResponse) -> Record:
    reference = f"ServiceRequest/{answer.get_json()['id']}"
    (task,) = records.search(HUB, "Task", [("focus", reference)]).records
    return task


def test_a_referral_by_the_api_is_triaged_like_any_other(
    client: FlaskClient, token: str, person: str
) -> None:
    answer = refer(client, token, request_for(person), source="gp")

    assert answer.status_code == 201
    assert answer.headers["Location"].endswith(
        f"/fhir/ServiceRequest/{answer.get_json()['id']}/_history/1"
    )
    told = answer.get_json()
    assert told["requester"]["reference"] == "Organization/u9s01", "its own records stay named"
    assert told["identifier"][0]["value"] == "R-1"
    triage = triage_of(answer)
    assert (triage["status"], triage["code"]["coding"][0]["code"]) == ("requested", "triage")
    assert triage.managed


def test_sent_again_it_is_the_same_referral(client: FlaskClient, token: str, person: str) -> None:
    one = refer(client, token, request_for(person))
    again = refer(client, token, request_for(person))

    assert (one.status_code, again.status_code) == (201, 200)
    assert one.get_json()["id"] == again.get_json()["id"]


def test_another_system_may_use_the_same_number(
    client: FlaskClient, token: str, person: str
) -> None:
    with transaction():
        register_client("other-system", name="Other", scopes=["system/*.cruds"])
    other = issue_token("other-system", "system/*.cruds", 3600)
    one = refer(client, token, request_for(person))
    forged = [{"url": "https://x.example.org", "valueString": "client/test-system"}]
    two = refer(client, other, request_for(person, extension=forged))

    assert (one.status_code, two.status_code) == (201, 201)
    assert one.get_json()["id"] != two.get_json()["id"]


def test_of_two_at_once_one_makes_it(app: Flask, token: str, person: str) -> None:
    codes: list[int] = []

    def send() -> None:
        codes.append(refer(app.test_client(), token, request_for(person)).status_code)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200] * 5 + [201]


def test_a_red_flag_counts_here_too(client: FlaskClient, token: str, person: str) -> None:
    answer = refer(client, token, request_for(person, reasonCode=[{"text": "Chest pain at rest"}]))
    assert answer.get_json()["priority"] == "stat"
    assert triage_inputs.read(triage_of(answer).resource).red_flags


@pytest.mark.parametrize(
    ("elements", "answered"),
    [
        ({"identifier": [{"value": "R-1"}]}, (400, "ServiceRequest.identifier")),
        ({"reasonCode": [{"coding": [{"version": "1"}]}]}, (400, "ServiceRequest.reasonCode")),
        ({"subject": {"display": "Somebody"}}, (400, "ServiceRequest.subject")),
        ({"subject": {"reference": "Patient/none"}}, (404, None)),
        ({"status": "nonsense"}, (400, "ServiceRequest.status")),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_kept(
    client: FlaskClient,
    token: str,
    person: str,
    elements: dict[str, Any],
    answered: tuple[int, str | None],
) -> None:
    answer = refer(client, token, request_for(person, **elements))

    issue = answer.get_json()["issue"][0]
    found = issue.get("expression", [None])[0] if answered[1] else None
    assert (answer.status_code, found) == answered
    assert list(records.search(HUB, "ServiceRequest", []).records) == []


def test_an_unknown_source_names_those_there_are(
    client: FlaskClient, token: str, person: str
) -> None:
    answer = refer(client, token, request_for(person), source="nowhere")
    assert answer.status_code == 400
    assert "discharge-team" in answer.text


def test_a_token_that_may_only_read_does_not_refer(client: FlaskClient, person: str) -> None:
    with transaction():
        register_client("reader", name="Reader", scopes=["system/*.rs"])
    answer = refer(client, issue_token("reader", "system/*.rs", 3600), request_for(person))
    assert answer.status_code == 403
