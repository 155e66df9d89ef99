"""The workbench: a message that the hub could not process, beside its faults, mended, replayed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from hub.db import db
from hub.models.message import InboxMessage
from hub.models.message_attempt import MessageAttempt
from hub.models.outgoing_message import OutgoingMessage
from hub.records.tables import OUTBOX
from hub.services import late_answers, referrals
from hub.transaction import transaction
from tests.api import bars
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door, token_of

Press = Callable[..., Any]


@pytest.fixture
def quarantined(
    client: FlaskClient, token: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> InboxMessage:
    """Somebody of the front door is signed in; a referral has met a fault of ours."""
    Clockwork(tmp_path)
    open_door(client, "sam")

    def broken(_actor: object, _command: object) -> None:
        raise ZeroDivisionError("9990000018")

    with monkeypatch.context() as patch:
        patch.setattr(referrals, "receive", broken)
        assert bars.post(client, token, bars.referral()).status_code == 500
    return db.session.scalars(select(InboxMessage)).one()


@pytest.fixture
def press(client: FlaskClient, quarantined: InboxMessage) -> Press:
    address = f"/messages/{quarantined.id}"

    def button(do: str, **form: str) -> Any:
        csrf = token_of(client.get(address))
        data = {"csrf_token": csrf, "do": do, **form}
        return client.post(f"{address}/replay", data=data)

    return button


def row() -> InboxMessage:
    db.session.expire_all()
    return db.session.scalars(select(InboxMessage)).one()


def attempts() -> list[MessageAttempt]:
    return list(db.session.scalars(select(MessageAttempt).order_by(MessageAttempt.id)))


def test_it_stands_in_the_list_and_beside_its_faults(
    client: FlaskClient, quarantined: InboxMessage
) -> None:
    listed = client.get("/messages").text
    assert f"/messages/{quarantined.id}" in listed
    assert "ZeroDivisionError" in listed
    assert "9990000018" not in listed, "the text of a fault may name a person"

    shown = client.get(f"/messages/{quarantined.id}").text
    assert "The message keeps to the standard" in shown
    assert "REC_SERVER_ERROR" in shown
    assert "&#34;resourceType&#34;: &#34;Bundle&#34;" in shown
    assert f"/messages/{quarantined.id}" not in client.get("/messages?status=processed").text


def test_tried_again_as_it_came_it_is_done_once_and_its_sender_s(
    quarantined: InboxMessage, press: Press
) -> None:
    answer = press("as-it-came")

    assert answer.status_code == 303
    assert (row().status, row().attempts, row().http_status) == ("processed", 2, 200)
    assert row().client == quarantined.client
    assert len(bars.found("ServiceRequest")) == 1
    assert [(each.http_status, each.body) for each in attempts()] == [(500, quarantined.body)]

    again = press("as-it-came")
    assert again.status_code == 422
    assert "Only a message in quarantine" in again.text
    assert len(bars.found("ServiceRequest")) == 1


def test_a_mended_message_is_processed_and_what_came_is_kept(
    client: FlaskClient, quarantined: InboxMessage, press: Press
) -> None:
    came = quarantined.body
    mended = json.loads(came)
    bars.resource_of(mended, "Patient")["name"][0]["family"] = "Mended"

    assert press("mended", body=json.dumps(mended)).status_code == 303

    assert bars.found("Patient")[0]["name"][0]["family"] == "Mended"
    assert [each.body for each in attempts()] == [came]
    shown = client.get(f"/messages/{quarantined.id}?done=1").text
    assert "The message is processed" in shown
    assert "Tried before" in shown


def test_a_replay_that_fails_leaves_the_message_and_counts_as_no_arrival(
    client: FlaskClient, quarantined: InboxMessage, press: Press
) -> None:
    came = quarantined.body
    broken = json.loads(came)
    bars.resource_of(broken, "CarePlan")["status"] = "active"

    answer = press("mended", body=json.dumps(broken))

    assert answer.status_code == 422
    assert "see what is wrong below" in answer.text
    assert "CarePlan" in answer.text
    assert "&#34;active&#34;" in answer.text, "what was typed is not lost"
    assert db.session.scalar(select(func.count()).select_from(InboxMessage)) == 1
    assert (row().status, row().attempts, row().body) == ("quarantined", 2, came)
    (tried,) = attempts()
    assert (tried.by, tried.http_status) == ("user/sam", 400)
    assert json.loads(tried.body) == broken
    assert bars.found("ServiceRequest") == []


@pytest.mark.parametrize("body", ["", "   ", "not JSON", "{}"])
def test_what_is_no_message_is_refused_with_words(press: Press, body: str) -> None:
    answer = press("mended", body=body)

    assert answer.status_code == 422
    assert row().status == "quarantined"
    assert "Not processed" in answer.text


@pytest.fixture
def refused(client: FlaskClient, token: str, tmp_path: Path) -> InboxMessage:
    """A referral was refused: its CarePlan is still active."""
    Clockwork(tmp_path)
    open_door(client, "sam")
    message = bars.referral()
    bars.resource_of(message, "CarePlan")["status"] = "active"
    assert bars.post(client, token, message).status_code == 400
    return row()


def mended(came: InboxMessage) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(came.body)
    bars.resource_of(message, "CarePlan")["status"] = "completed"
    return message


def try_mended(client: FlaskClient, came: InboxMessage) -> Any:
    csrf = token_of(client.get("/worklist"))
    data = {"csrf_token": csrf, "do": "mended", "body": json.dumps(mended(came))}
    return client.post(f"/messages/{came.id}/replay", data=data)


def test_a_refused_message_can_be_done_by_a_person_and_its_sender_is_told(
    client: FlaskClient, refused: InboxMessage
) -> None:
    assert "belongs to its sender" in client.get(f"/messages/{refused.id}").text

    assert try_mended(client, refused).status_code == 303

    assert (row().status, row().attempts) == ("processed", 2), "it counts as one arrival"
    assert len(bars.found("ServiceRequest")) == 1
    event = db.session.execute(
        select(OUTBOX.c.id, OUTBOX.c.subject, OUTBOX.c.payload).where(
            OUTBOX.c.event == "RefusedMessageDone"
        )
    ).one()
    for _ in range(2):
        with transaction():
            late_answers.make(event.id, event.payload["inbox"], event.payload["answer"])
    told = db.session.scalars(select(OutgoingMessage)).one()
    assert (told.subject, told.client, told.kind) == (row().subject, row().client, "late-answer")
    header = json.loads(told.body)["entry"][0]["resource"]
    assert header["response"] == {"identifier": row().bundle_id, "code": "ok"}


def test_a_refused_message_is_left_alone_once_its_sender_has_mended_it(
    client: FlaskClient, token: str, refused: InboxMessage
) -> None:
    assert bars.post(client, token, mended(refused)).status_code == 200
    assert "a later message" in client.get(f"/messages/{refused.id}").text

    answer = try_mended(client, refused)

    assert answer.status_code == 422
    assert "that one holds" in answer.text
    assert len(bars.found("ServiceRequest")) == 1


def test_messages_are_for_the_front_door_only(
    client: FlaskClient, quarantined: InboxMessage
) -> None:
    client.delete_cookie("carehub_session")
    open_door(client, "morgan")
    for address in ("/messages", f"/messages/{quarantined.id}"):
        assert client.get(address).status_code == 403
    client.delete_cookie("carehub_session")
    open_door(client, "sam")
    assert client.get("/messages/none").status_code == 404
    assert client.get("/messages?status=lost").status_code == 200
