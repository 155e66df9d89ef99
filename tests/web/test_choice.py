"""Choice offered and signposting done stand on the decided referral, with their date."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fhir.validation import validate
from hub import records
from hub.domain.actor import hub_actor
from hub.records import Record
from hub.services import choices, referrals
from hub.services.choices import Choice
from hub.services.referrals import Channel, ReceiveReferral, Referrer
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door, token_of

HUB = hub_actor("test")


@pytest.fixture
def task(client: FlaskClient, tmp_path: Path) -> Record:
    Clockwork(tmp_path)
    with transaction():
        load_hub()
        person = patient(nhs_number="9990000018", practice="Organization/u9s01").reference
        receipt = referrals.receive(
            hub_actor("spor"),
            ReceiveReferral(
                person=person,
                reason="Wound",
                referrer=Referrer(display="Dr Rae Referrer"),
                channel=Channel.PHONE,
            ),
        )
    open_door(client, "sam")
    return receipt.task


def decide(client: FlaskClient, task: Record, **form: Any) -> TestResponse:
    address = f"/spor/{task.id}"
    sent = {"csrf_token": token_of(client.get(address)), "version": task.version}
    return client.post(address, data=sent | form)


@pytest.mark.parametrize(
    "decision",
    [
        {"decision": "accept", "service": "district-nursing"},
        {
            "decision": "redirect",
            "redirect_service": "maternity",
            "redirect_reason": "excluded-specialty",
        },
        {"decision": "decline", "decline_reason": "no-consent", "advice": "Ask again"},
    ],
)
def test_with_each_decision_it_is_kept_and_shown(
    client: FlaskClient, task: Record, decision: dict[str, str]
) -> None:
    answer = decide(
        client,
        task,
        choice="chosen",
        choice_options="Clinic or at home",
        signposted="Carers' group",
        **decision,
    )

    assert answer.status_code == 303
    done = records.read(HUB, "Task", task.id)
    assert validate(done.resource) == []
    assert choices.read(done.resource) == Choice("chosen", "Clinic or at home", "Carers' group")
    assert done["executionPeriod"]["end"].startswith("2026-12-27T10:00")
    with transaction():
        shown = client.get(f"/spor/{task.id}").text
    if decision["decision"] == "accept":
        assert "Offered a choice and chose" in shown
        assert "Carers&#39; group" in shown


def test_nothing_said_is_nothing_kept(client: FlaskClient, task: Record) -> None:
    decide(client, task, decision="accept", service="district-nursing")
    done = records.read(HUB, "Task", task.id)
    assert choices.read(done.resource) is None


def test_what_is_none_of_the_list_decides_nothing(client: FlaskClient, task: Record) -> None:
    answer = decide(client, task, decision="accept", service="district-nursing", choice="perhaps")
    assert answer.status_code == 422
    assert "choose what came of the choice" in answer.text
    assert records.read(HUB, "Task", task.id)["status"] == "requested"
