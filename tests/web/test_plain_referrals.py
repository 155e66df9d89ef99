"""Plain referrals are accepted together, each by itself; what needs a look never stands there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub import records
from hub.domain.actor import hub_actor
from hub.records import Record
from hub.services import referrals
from hub.services.referrals import Channel, Demographics, ReceiveReferral, Referrer
from hub.transaction import transaction
from tests.factories.actor import actor
from tests.factories.patient import patient
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door, token_of

HUB = hub_actor("test")
SAM = actor("sam-spor", "CareTeam/spor")
Refer = Callable[..., Record]


@pytest.fixture
def refer(client: FlaskClient, tmp_path: Path) -> Refer:
    """Take in a plain referral of somebody new each time; return its triage Task."""
    Clockwork(tmp_path)
    with transaction():
        load_hub()
    open_door(client, "sam")
    numbers = iter(("9990000018", "9990000026", "9990000034", "9990000042"))

    def take(**said: Any) -> Record:
        with transaction():
            person = said.pop("person", None) or (
                patient(
                    nhs_number=next(numbers),
                    practice="Organization/u9s01",
                    birthDate="1970-05-04",
                ).reference
            )
            asked: dict[str, Any] = {
                "person": person,
                "reason": "Wound on the leg",
                "referrer": Referrer(display="Dr Rae Referrer"),
                "channel": Channel.PHONE,
                "service": "district-nursing",
            }
            return referrals.receive(hub_actor("spor"), ReceiveReferral(**asked | said)).task

    return take


def accept(client: FlaskClient, *tasks: Record) -> TestResponse:
    return client.post(
        "/spor/plain",
        data={
            "csrf_token": token_of(client.get("/spor")),
            "referral": [f"{each.id}/{each.version}" for each in tasks],
        },
    )


def status(task: Record) -> str:
    return str(records.read(HUB, "Task", task.id)["status"])


def test_those_that_are_ticked_are_accepted_and_the_others_wait(
    client: FlaskClient, refer: Refer
) -> None:
    first, second, third = refer(), refer(), refer()
    shown = client.get("/spor/plain").text
    for each in (first, second, third):
        assert f"{each.id}/{each.version}" in shown
    assert "Accept for District nursing" in shown

    answer = accept(client, first, third)

    assert answer.text.count("Test: District nursing") == 2
    assert [status(each) for each in (first, second, third)] == [
        "completed",
        "requested",
        "completed",
    ]
    request = records.read(HUB, "Task", first.id)["focus"]["reference"]
    work = records.search(HUB, "Task", [("focus", request), ("code", "intervention")]).records
    assert [each["owner"]["reference"] for each in work] == ["CareTeam/district-nursing-west"]


@pytest.mark.parametrize(
    "said",
    [
        {"priority": "urgent"},
        {"reason": "Chest pain since this morning"},
        {"service": None},
        {
            "person": Demographics(family="Nobody", given=("Known",)),
        },
    ],
    ids=["urgent", "red flag", "no service", "not identified"],
)
def test_what_needs_a_look_does_not_stand_there_and_is_not_accepted(
    client: FlaskClient, refer: Refer, said: dict[str, Any]
) -> None:
    task = refer(**said)
    assert task.id not in client.get("/spor/plain").text

    answer = accept(client, task)

    assert "it still waits on the board" in answer.text
    assert status(task) == "requested"


def test_the_same_need_twice_needs_a_look(client: FlaskClient, refer: Refer) -> None:
    first = refer()
    again = refer(person=first["for"]["reference"])
    assert again.id not in client.get("/spor/plain").text


def test_a_question_that_is_open_needs_a_look(client: FlaskClient, refer: Refer) -> None:
    task = refer()
    with transaction():
        referrals.ask(SAM, task.id, version=task.version, question="Since when?")
    assert task.id not in client.get("/spor/plain").text


def test_what_has_changed_meanwhile_is_left_and_said(client: FlaskClient, refer: Refer) -> None:
    stale, good = refer(), refer()
    with transaction():
        referrals.accept(SAM, stale.id, version=stale.version, service="matron")

    answer = accept(client, stale, good)

    assert "it still waits on the board" in answer.text
    assert status(good) == "completed"


def test_nothing_ticked_is_said(client: FlaskClient, refer: Refer) -> None:
    refer()
    assert "Tick the referrals that you have read" in accept(client).text


def test_it_is_for_the_front_door(client: FlaskClient, refer: Refer) -> None:
    task = refer()
    csrf = token_of(client.get("/spor"))
    client.delete_cookie("carehub_session")
    open_door(client, "asha")
    assert client.get("/spor/plain").status_code == 403
    answer = client.post(
        "/spor/plain", data={"csrf_token": csrf, "referral": f"{task.id}/{task.version}"}
    )
    assert answer.status_code in {400, 403}
    assert status(task) == "requested"
