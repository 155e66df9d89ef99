"""An answer by MESH that was given up is sent again by a person: the same bytes, counted."""

import pytest
from flask.testing import FlaskClient

from hub import clock
from hub.db import db
from hub.models.mesh_send import MeshSend
from hub.models.outside_send import DEAD, SENT, WAITING
from hub.services import mesh_sends
from hub.transaction import transaction
from tests.factories.mesh_send import mesh_send
from tests.web.staff import open_door, token_of

PAGE = "/messages/mesh"


def test_what_was_given_up_is_shown_and_sent_again(client: FlaskClient) -> None:
    open_door(client, "sam")
    given_up = mesh_send(state=DEAD, attempts=20, error="mailbox not found", body=b"<x/>")
    arrived = mesh_send(state=SENT)
    shown = client.get(PAGE)
    assert shown.status_code == 200
    assert "mailbox not found" in shown.text
    assert arrived.id not in shown.text

    answer = client.post(
        f"{PAGE}/{given_up.id}", data={"csrf_token": token_of(shown)}, follow_redirects=True
    )

    assert "It is sent again" in answer.text
    assert given_up.id not in answer.text
    with transaction():
        row = db.session.get_one(MeshSend, given_up.id)
        assert (row.state, row.attempts, row.repeats, row.body) == (WAITING, 0, 1, b"<x/>")
        assert row.due_at <= clock.now()
        assert mesh_sends.due_sends() == [row.id]


@pytest.mark.parametrize("state", [SENT, WAITING])
def test_what_is_not_given_up_is_left_as_it_is(client: FlaskClient, state: str) -> None:
    open_door(client, "sam")
    row = mesh_send(state=state, attempts=3)
    csrf = token_of(client.get("/spor"))
    assert client.post(f"{PAGE}/{row.id}", data={"csrf_token": csrf}).status_code == 409
    with transaction():
        assert db.session.get_one(MeshSend, row.id).attempts == 3


def test_others_may_not(client: FlaskClient) -> None:
    open_door(client, "asha")
    assert client.get(PAGE).status_code == 403
