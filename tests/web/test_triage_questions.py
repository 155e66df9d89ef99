"""A question to the referrer stands on triage and board with its deadline; answers are kept."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from hub import records
from hub.domain.actor import hub_actor
from hub.services import referrals, task_content
from hub.services.referrals import Channel, ConsentGiven, ReceiveReferral, Referrer
from hub.transaction import transaction
from tests.factories.actor import actor
from tests.factories.patient import patient
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door, token_of

HUB = hub_actor("test")


@pytest.fixture
def clockwork(tmp_path: Path) -> Clockwork:
    return Clockwork(tmp_path)


@pytest.fixture
def asked(client: FlaskClient, clockwork: Clockwork) -> str:
    open_door(client, "sam")
    with transaction():
        load_hub()
        who = patient(nhs_number="9990000018", practice="Organization/u9s01")
        receipt = referrals.receive(
            HUB,
            ReceiveReferral(
                person=who.reference,
                reason="Leg wound",
                referrer=Referrer(display="Dr Rae"),
                channel=Channel.PHONE,
                source="gp",
                priority="urgent",
                consent=ConsentGiven.GIVEN,
            ),
        )
    with transaction():
        referrals.ask(
            actor("sam-spor", "CareTeam/spor"),
            receipt.task.id,
            version=receipt.task.version,
            question="Since when?",
            kind="story",
        )
    return receipt.task.id


def answer(client: FlaskClient, task_id: str, words: str) -> Any:
    csrf = token_of(client.get(f"/spor/{task_id}"))
    data = {"csrf_token": csrf, "answer": words}
    return client.post(f"/spor/{task_id}/answer", data=data)


def test_both_clocks_are_shown(client: FlaskClient, asked: str) -> None:
    shown = client.get(f"/spor/{asked}").text
    assert "More about what has happened. Answer due 27 December 2026 at 10:30" in shown
    assert "Clock: Urgent triage within 30 minutes" in shown
    assert "Answer due 27 December 2026 at 10:30" in client.get("/spor").text


def test_without_an_answer_by_then_it_says_so(
    client: FlaskClient, clockwork: Clockwork, asked: str
) -> None:
    clockwork.advance(minutes=31)
    assert "No answer by 27 December 2026 at 10:30" in client.get(f"/spor/{asked}").text
    assert "No answer by" in client.get("/spor").text


def test_an_answer_by_telephone_is_written_down(client: FlaskClient, asked: str) -> None:
    assert answer(client, asked, "").status_code == 422
    assert answer(client, asked, "For two weeks").status_code == 303
    triage = records.read(HUB, "Task", asked)
    assert task_content.code(triage.resource, "businessStatus") == "validated"
    assert "For two weeks" in client.get(f"/spor/{asked}").text
    assert "Record the answer" not in client.get(f"/spor/{asked}").text
    assert answer(client, asked, "Once more").status_code == 422
