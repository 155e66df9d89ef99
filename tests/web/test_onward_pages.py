"""A referral that was sent on by message: seen on its task, and called back with a reason."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hub import records
from hub.db import db
from hub.domain.actor import hub_actor
from hub.domain.referral_request import Channel, ReceiveReferral, Referrer
from hub.records.tables import OUTBOX
from hub.services import onward_messages, outgoing_messages, referrals
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door, token_of

HUB = hub_actor("test")


pytestmark = pytest.mark.usefixtures("proxy")


@pytest.fixture
def task(client: FlaskClient, tmp_path: Path) -> str:
    """Somebody of the front door is signed in; a referral waits to be sent on. Its Task's id."""
    Clockwork(tmp_path)
    with transaction():
        load_hub()
        came = referrals.receive(
            hub_actor("spor"),
            ReceiveReferral(
                person=patient(nhs_number="9990000018", practice="Organization/u9s01").reference,
                reason="Short of breath",
                referrer=Referrer(display="Dr Rae"),
                channel=Channel.PHONE,
            ),
        )
    open_door(client, "sam")
    triage = f"/spor/{came.task.id}"
    decision = {
        "csrf_token": token_of(client.get(triage)),
        "version": came.task.version,
        "decision": "redirect",
        "redirect_service": "acute-assessment",
        "redirect_reason": "better-served",
    }
    assert client.post(triage, data=decision).status_code == 303
    focus = came.service_request.reference
    (made,) = records.search(HUB, "Task", [("focus", focus), ("code", "send-on")]).records
    with transaction():
        event = db.session.scalars(
            select(OUTBOX.c.id).where(OUTBOX.c.event == "ReferralSentOn")
        ).one()
        onward_messages.send(event, made.id)
        db.session.execute(OUTBOX.update().values(handled_at=OUTBOX.c.created_at))
    return made.id


def test_it_is_seen_on_its_task_and_called_back_once(client: FlaskClient, task: str) -> None:
    (row,) = outgoing_messages.about(f"Task/{task}")
    address = f"/messages/outgoing/{row.id}"
    seen = client.get(f"/worklist/{task}").text
    assert "Sent on to Acute assessment unit" in seen
    assert address in seen
    assert "closes by itself when it has arrived" in seen

    shown = client.get(address)
    assert "Call it back" in shown.text
    assert "It answers" not in shown.text
    form = {"csrf_token": token_of(shown), "do": "called-back", "reason": " "}
    unsaid = client.post(address, data=form)
    assert unsaid.status_code == 422
    assert "Say in 3 to 500 characters why" in unsaid.text
    assert outgoing_messages.about(f"Task/{task}")[0].state == "waiting"

    form["reason"] = "The person is better"
    done = client.post(address, data=form)
    assert done.status_code == 303
    after = client.get(done.location).text
    assert "The referral is called back" in after
    assert "called back before it left" in after
    assert "nhsuk-button--warning" not in after, "it is called back once"
    assert client.post(address, data=form).status_code == 422
    assert records.read(HUB, "Task", task)["status"] == "cancelled"


def test_only_the_front_door_calls_back(app: Flask, client: FlaskClient, task: str) -> None:
    (row,) = outgoing_messages.about(f"Task/{task}")
    address = f"/messages/outgoing/{row.id}"
    other = app.test_client()
    open_door(other, "asha")
    form = {
        "csrf_token": token_of(other.get("/worklist")),
        "do": "called-back",
        "reason": "The person is better",
    }
    assert other.post(address, data=form).status_code == 403
    assert records.read(HUB, "Task", task)["status"] == "requested"
