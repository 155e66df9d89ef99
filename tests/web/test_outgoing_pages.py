"""Messages to others: what was not taken stands first, and a person deals with it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hub.db import db
from hub.models.outgoing_message import OutgoingMessage
from hub.transaction import transaction
from tests.factories.inbox_message import inbox_message
from tests.factories.outgoing_message import outgoing_message
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door, token_of

Press = Callable[..., Any]


@pytest.fixture
def refused(client: FlaskClient, tmp_path: Path) -> str:
    """Somebody of the front door is signed in; the first of two answers was refused."""
    Clockwork(tmp_path)
    open_door(client, "sam")
    with transaction():
        came = inbox_message()
        dead = outgoing_message(
            in_reply_to=came.id,
            state="dead",
            outcome="declined",
            attempts=1,
            http_status=400,
            error="400 invariant at ServiceRequest.status",
        )
        outgoing_message(in_reply_to=came.id, outcome="done")
        return dead.id


@pytest.fixture
def press(client: FlaskClient, refused: str) -> Press:
    address = f"/messages/outgoing/{refused}"

    def button(do: str, **form: str) -> Any:
        csrf = token_of(client.get(address))
        return client.post(address, data={"csrf_token": csrf, "do": do, **form})

    return button


def state(message_id: str) -> str:
    db.session.expire_all()
    return db.session.get_one(OutgoingMessage, message_id).state


def test_what_was_not_taken_stands_first_with_its_cause(client: FlaskClient, refused: str) -> None:
    assert "Messages to others (1 not taken)" in client.get("/messages").text
    listed = client.get("/messages/outgoing").text
    assert "Not taken (1)" in listed
    assert f"/messages/outgoing/{refused}" in listed
    assert "400 invariant at ServiceRequest.status" in listed

    shown = client.get(f"/messages/outgoing/{refused}").text
    assert "What follows about this referral waits for you" in shown
    assert "Finished" in shown, "what waits behind it"


def test_told_by_telephone_it_holds_nothing_back(
    client: FlaskClient, refused: str, press: Press
) -> None:
    answer = press("settled", how="Sam told their duty desk, 10:20")
    assert answer.status_code == 303
    assert state(refused) == "settled"
    assert "Sam told their duty desk, 10:20" in client.get(answer.location).text


def test_without_saying_how_nothing_is_settled(refused: str, press: Press) -> None:
    answer = press("settled", how="")
    assert answer.status_code == 422
    assert "Say in 3 to 500 characters how they were told" in answer.text
    assert state(refused) == "dead"


def test_without_an_address_it_cannot_be_sent_again(refused: str, press: Press) -> None:
    answer = press("again")
    assert answer.status_code == 422
    assert "No address is set up" in answer.text
    assert state(refused) == "dead"


def test_only_the_front_door_sees_them(app: Flask, refused: str) -> None:
    client = app.test_client()
    open_door(client, "asha")
    assert client.get("/messages/outgoing").status_code == 403
    assert client.get(f"/messages/outgoing/{refused}").status_code == 403
    assert client.post(f"/messages/outgoing/{refused}", data={"do": "again"}).status_code in {
        400,
        403,
    }


def test_an_unknown_message_is_not_found(client: FlaskClient, refused: str) -> None:
    assert client.get("/messages/outgoing/nothing").status_code == 404
