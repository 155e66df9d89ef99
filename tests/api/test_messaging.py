"""Messages: done once, answered always, never lost; what they leave in the records."""

import json
import threading
import uuid

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hub import records
from hub.auth import issue_token
from hub.auth.accounts import register_client
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.models.message import InboxMessage
from hub.samples import SOUTHEND
from hub.services import definitions, referrals, triage_inputs
from hub.transaction import transaction
from tests.api import bars
from tests.api.bars import accepted, found, task_of

HUB = hub_actor("test")


@pytest.fixture(autouse=True)
def sample_hub(app: Flask) -> Flask:
    with transaction():
        definitions.load(hub_actor("set-up"), SOUTHEND)
    return app


def rows() -> list[InboxMessage]:
    db.session.expire_all()
    return list(db.session.scalars(select(InboxMessage).order_by(InboxMessage.id)))


# Once. ---------------------------------------------------------------------------------------


def test_the_same_request_id_is_done_once(client: FlaskClient, token: str) -> None:
    ids: dict[str, str | None] = {"X-Request-Id": str(uuid.uuid4())}
    assert bars.post(client, token, bars.referral(), headers=ids).status_code == 200
    # Even with another body: the id says that it is the same request.
    again = bars.post(client, token, bars.referral(), headers=ids)
    assert bars.issue(again) == (409, "REC_CONFLICT", "duplicate")
    assert again.headers["X-Request-Id"] == ids["X-Request-Id"]
    assert len(found("ServiceRequest")) == 1
    assert [row.status for row in rows()] == ["processed", "duplicate"]


def test_a_bundle_id_of_one_person_does_not_overwrite_their_referral_with_another(
    client: FlaskClient, token: str
) -> None:
    first = bars.referral()
    request = accepted(client, token, first)
    other = bars.referral(nhs_number="9990000026", family="Somebody", born="1933-09-09")
    other["id"] = first["id"]

    refused = bars.post(client, token, other)

    assert refused.status_code == 409
    assert records.read(HUB, "ServiceRequest", request.partition("/")[2]).version == 1
    assert len(found("ServiceRequest")) == 1


def test_another_client_may_use_the_same_request_id(client: FlaskClient, token: str) -> None:
    with transaction():
        register_client("other-system", name="Other", scopes=["system/ServiceRequest.cruds"])
    other = issue_token("other-system", "system/ServiceRequest.cruds", 3600)
    ids: dict[str, str | None] = {"X-Request-Id": str(uuid.uuid4())}
    assert bars.post(client, token, bars.referral(), headers=ids).status_code == 200
    assert bars.post(client, other, bars.referral(), headers=ids).status_code == 200


def test_racing_threads_with_one_request_id_have_one_effect(
    app: Flask, client: FlaskClient, token: str
) -> None:
    ids: dict[str, str | None] = {"X-Request-Id": str(uuid.uuid4())}
    message = bars.referral()
    start = threading.Barrier(6)
    statuses: list[int] = []

    def send() -> None:
        start.wait()
        with app.app_context():
            statuses.append(bars.post(app.test_client(), token, message, headers=ids).status_code)

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409, 409, 409, 409, 409]
    assert len(found("ServiceRequest")) == 1
    assert sorted(row.status for row in rows()) == ["duplicate"] * 5 + ["processed"]


def test_racing_threads_with_one_bundle_have_one_effect(
    app: Flask, client: FlaskClient, token: str
) -> None:
    message = bars.referral()
    start = threading.Barrier(4)
    statuses: list[int] = []

    def send() -> None:
        start.wait()
        with app.app_context():
            statuses.append(bars.post(app.test_client(), token, message).status_code)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409, 409, 409]
    assert len(found("ServiceRequest")) == 1


def test_the_same_bundle_is_a_duplicate_whatever_its_request_id(
    client: FlaskClient, token: str
) -> None:
    message = bars.referral()
    accepted(client, token, message)
    again = bars.post(client, token, message)
    assert bars.issue(again) == (409, "REC_CONFLICT", "duplicate")
    assert len(found("ServiceRequest")) == 1


def test_the_same_bundle_id_with_another_body_is_a_new_version(
    client: FlaskClient, token: str
) -> None:
    message = bars.referral(reason="First words", priority="routine")
    reference = accepted(client, token, message)
    bars.resource_of(message, "ServiceRequest")["reasonCode"] = [{"text": "Better words"}]
    bars.resource_of(message, "ServiceRequest")["priority"] = "urgent"
    assert accepted(client, token, message) == reference
    (request,) = found("ServiceRequest")
    assert request["reasonCode"][0]["text"] == "Better words"
    triage = task_of(reference, "triage")
    assert triage["priority"] == "urgent"
    assert len(triage_inputs.read(triage.resource).updates) == 1


def test_a_new_version_never_overwrites_what_the_hub_did_since(
    client: FlaskClient, token: str
) -> None:
    message = bars.referral()
    reference = accepted(client, token, message)
    with transaction():
        request = records.read(HUB, *reference.split("/"))
        resource = request.resource
        resource["performer"] = [{"reference": "HealthcareService/falls"}]
        records.update(HUB, resource, type="ServiceRequest", id=request.id)
    bars.resource_of(message, "ServiceRequest")["reasonCode"] = [{"text": "Other words"}]
    answer = bars.post(client, token, message)
    assert bars.issue(answer) == (409, "REC_CONFLICT", "conflict")
    (row,) = [row for row in rows() if row.status == "refused"]
    assert row.kind is not None


# Answered. -----------------------------------------------------------------------------------


def test_ids_are_echoed_without_a_token(client: FlaskClient) -> None:
    ids: dict[str, str | None] = {"X-Request-Id": str(uuid.uuid4())}
    answer = bars.post(client, "wrong", bars.referral(), headers=ids)
    assert bars.issue(answer) == (401, "REC_UNAUTHORIZED", "login")
    assert answer.headers["X-Request-Id"] == ids["X-Request-Id"]


def test_a_message_is_posted(client: FlaskClient, token: str) -> None:
    ids = {"X-Request-Id": str(uuid.uuid4())}
    answer = client.get(
        "/fhir/$process-message", headers={"Authorization": f"Bearer {token}", **ids}
    )
    assert bars.issue(answer) == (405, "REC_METHOD_NOT_ALLOWED", "not-supported")
    assert answer.headers["Allow"] == "POST"
    assert answer.headers["X-Request-Id"] == ids["X-Request-Id"]


def test_a_body_that_is_too_large_is_refused_in_the_words_of_the_standard(
    client: FlaskClient, token: str
) -> None:
    answer = bars.post(client, token, b"{" + b" " * 21_000_000 + b"}")
    assert bars.issue(answer) == (413, "REC_BAD_REQUEST", "too-long")


def test_messages_need_the_scope(client: FlaskClient, token: str) -> None:
    with transaction():
        register_client("reader", name="Reader", scopes=["system/ServiceRequest.rs"])
    reader = issue_token("reader", "system/ServiceRequest.rs", 3600)
    answer = bars.post(client, reader, bars.referral())
    assert bars.issue(answer) == (403, "REC_FORBIDDEN", "forbidden")
    assert found("ServiceRequest") == []


def test_a_resource_that_is_not_r4_is_refused_with_its_place(
    client: FlaskClient, token: str
) -> None:
    message = bars.referral()
    bars.resource_of(message, "Patient")["gender"] = "unknown-to-r4"
    answer = bars.post(client, token, message)
    assert answer.status_code == 400
    issue = json.loads(answer.get_data())["issue"][0]
    assert "gender" in issue["expression"][0]
    assert "unknown-to-r4" not in issue.get("diagnostics", "")
    assert found("Patient") == []
    assert [row.status for row in rows()] == ["refused"]


def test_a_refused_message_may_be_sent_again_under_its_id(client: FlaskClient, token: str) -> None:
    ids: dict[str, str | None] = {"X-Request-Id": str(uuid.uuid4())}
    message = bars.referral()
    bars.resource_of(message, "CarePlan")["status"] = "active"
    assert bars.post(client, token, message, headers=ids).status_code == 400
    assert bars.post(client, token, message, headers=ids).status_code == 400
    assert bars.post(client, token, bars.referral(), headers=ids).status_code == 200
    assert [row.status for row in rows()] == ["refused", "refused", "processed"]


# Never lost. ---------------------------------------------------------------------------------


def test_a_fault_of_ours_keeps_the_message_whole_and_can_be_tried_again(
    client: FlaskClient, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids: dict[str, str | None] = {"X-Request-Id": str(uuid.uuid4())}
    message = bars.referral()

    def broken(_actor: Actor, _command: object) -> None:
        records.create(HUB, {"resourceType": "Basic", "code": {"text": "half done"}})
        raise ZeroDivisionError("9990000018")

    with monkeypatch.context() as patch:
        patch.setattr(referrals, "receive", broken)
        answer = bars.post(client, token, message, headers=ids)
    assert bars.issue(answer) == (500, "REC_SERVER_ERROR", "exception")
    (row,) = rows()
    assert (row.status, row.http_status, row.attempts) == ("quarantined", 500, 1)
    assert json.loads(row.body) == message
    assert row.error is not None
    assert row.error.startswith("ZeroDivisionError")
    assert "9990000018" not in row.error
    # Nothing half done is left, and the same request succeeds once the fault is mended.
    assert found("Basic") == []
    assert bars.post(client, token, message, headers=ids).status_code == 200
    (row,) = rows()
    assert (row.status, row.attempts, row.error) == ("processed", 2, None)
