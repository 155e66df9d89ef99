"""Second looks: blind, by somebody else, once, without effect; then both see both."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub import clock, records
from hub.domain import agreement
from hub.domain.actor import Actor, hub_actor
from hub.records import Record
from hub.services import referrals, second_triage
from hub.services.referrals import Channel, ReceiveReferral, Referrer
from hub.transaction import transaction
from tests.factories.actor import actor
from tests.factories.patient import patient
from tests.factories.second_triage import second_triage as looked_at
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door, token_of

HUB = hub_actor("test")
NOOR = replace(
    actor("noor", "CareTeam/spor", "CareTeam/district-nursing-west"), role="spor-coordinator"
)
Decide = Callable[..., Record]


@pytest.fixture
def clockwork(client: FlaskClient, tmp_path: Path) -> Clockwork:
    return Clockwork(tmp_path)


@pytest.fixture
def decided(client: FlaskClient, clockwork: Clockwork, monkeypatch: pytest.MonkeyPatch) -> Decide:
    """Noor decides a referral; every one is of the sample. Sam is signed in."""
    monkeypatch.setattr(agreement, "is_sampled", lambda _request, _percent: True)
    with transaction():
        load_hub()
        person = patient(
            nhs_number="9990000018",
            practice="Organization/u9s01",
            name=[{"family": "Testt", "given": ["Ada"]}],
        ).reference
    open_door(client, "sam")

    def decide(by: Actor = NOOR) -> Record:
        with transaction():
            receipt = referrals.receive(
                by,
                ReceiveReferral(
                    person=person,
                    reason="A wound that weeps",
                    referrer=Referrer(display="Dr Rae Referrer"),
                    channel=Channel.PHONE,
                ),
            )
        with transaction():
            referrals.accept(
                by,
                receipt.task.id,
                version=receipt.task.version,
                service="matron",
                note="A secret of the first one",
            )
        return receipt.task

    return decide


def send(client: FlaskClient, task: Record, **form: str) -> TestResponse:
    address = f"/second-triage/{task.id}"
    sent: dict[str, Any] = {
        "csrf_token": token_of(client.get("/second-triage")),
        "decision": "accepted",
        "service": "district-nursing",
        "priority": "urgent",
    }
    return client.post(address, data=sent | form)


def test_the_second_sees_the_referral_and_nothing_of_the_first_decision(
    client: FlaskClient, decided: Decide
) -> None:
    task = decided()

    assert "Second looks (1)" in client.get("/spor").text
    assert f"/second-triage/{task.id}" in client.get("/second-triage").text
    shown = client.get(f"/second-triage/{task.id}").text
    assert "A wound that weeps" in shown
    assert "Ada Testt" in shown
    assert "A secret of the first one" not in shown
    assert "Noor" not in shown
    story = shown[shown.index("Service asked for") : shown.index("Received")]
    assert "Community matron" not in story


def test_what_was_written_after_the_first_decision_is_not_shown(
    client: FlaskClient, decided: Decide
) -> None:
    task = decided()
    reference = records.read(HUB, "Task", task.id)["focus"]["reference"]
    request = records.read(HUB, *reference.split("/"))
    later = request.resource | {"reasonCode": [{"text": "Written later"}]}
    with transaction():
        records.update(HUB, later, type="ServiceRequest", id=request.id, if_match=request.version)

    shown = client.get(f"/second-triage/{task.id}").text

    assert "A wound that weeps" in shown
    assert "Written later" not in shown


def test_what_the_second_decides_changes_nothing_and_then_both_see_both(
    client: FlaskClient, decided: Decide
) -> None:
    task = decided()
    before = {each.reference: each.version for each in of_the_referral(task)}

    assert send(client, task).status_code == 303

    assert {each.reference: each.version for each in of_the_referral(task)} == before
    shown = client.get(f"/second-triage/{task.id}").text
    assert "Both decisions" in shown
    assert "Accept for a service: Community matron. Routine." in shown
    assert "Accept for a service: District nursing. Urgent." in shown
    assert "No referral waits" in client.get("/second-triage").text
    assert "Second looks" not in client.get("/spor").text
    assert send(client, task).status_code == 422


def of_the_referral(task: Record) -> list[Record]:
    request = records.read(HUB, "Task", task.id)["focus"]["reference"]
    tasks = records.search(HUB, "Task", [("focus", request)]).records
    return [*tasks, records.read(HUB, *request.split("/"))]


def test_nobody_looks_again_at_what_they_decided_themselves(
    client: FlaskClient, decided: Decide
) -> None:
    task = decided(replace(NOOR, id="person/sam", practitioner="Practitioner/sam"))

    assert "No referral waits" in client.get("/second-triage").text
    assert client.get(f"/second-triage/{task.id}").status_code == 403
    assert send(client, task).status_code == 403


def test_it_is_for_those_who_triage(client: FlaskClient, decided: Decide) -> None:
    task = decided()
    client.delete_cookie("carehub_session")
    open_door(client, "asha")
    assert client.get("/second-triage").status_code == 403
    shown = client.get(f"/second-triage/{task.id}")
    assert shown.status_code == 403
    assert "Testt" not in shown.text


def test_after_a_fortnight_it_waits_no_longer(
    client: FlaskClient, decided: Decide, clockwork: Clockwork
) -> None:
    decided()
    clockwork.advance(hours=15 * 24)
    with transaction():
        assert second_triage.waiting(NOOR) == []


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"decision": ""}, "Choose what you would decide"),
        ({"service": ""}, "Choose the service that takes this on"),
        ({"service": "maternity"}, "choose the service"),
        ({"decision": "redirected"}, "Choose where it goes"),
        ({"decision": "declined"}, "Choose why it is declined"),
        ({"decision": "declined", "decline_reason": "none"}, "one of the coded reasons"),
        ({"priority": ""}, "Choose how urgent it is"),
        ({"priority": "whenever"}, "Choose how urgent it is"),
    ],
)
def test_what_is_not_whole_is_said_and_not_kept(
    client: FlaskClient, decided: Decide, form: dict[str, str], words: str
) -> None:
    task = decided()
    answer = send(client, task, **form)
    assert answer.status_code == 422
    assert words in answer.text
    assert "Both decisions" not in client.get(f"/second-triage/{task.id}").text


def test_fields_of_other_decisions_are_left_aside(client: FlaskClient, decided: Decide) -> None:
    task = decided()
    send(client, task, decision="declined", decline_reason="no-consent")
    with transaction():
        row = second_triage.look(NOOR, task.id)
        assert second_triage.second(row) == agreement.Decision(
            "declined", None, "no-consent", "urgent"
        )


def test_agreement_is_shown_by_reason_and_where_they_differ(
    client: FlaskClient, clockwork: Clockwork
) -> None:
    open_door(client, "morgan")
    assert "No referral has been looked at twice" in client.get("/agreement").text
    again = {"decided_at": clock.now() - timedelta(days=1), "second_by": "Practitioner/noor"}
    for number in range(6):
        looked_at(
            why="Wound",
            second_outcome="accepted" if number else "declined",
            second_service="district-nursing" if number else None,
            second_reason=None if number else "no-consent",
            second_priority="routine",
            **again,
        )
    for service in ("falls", "district-nursing"):
        looked_at(
            why="Fall",
            second_outcome="accepted",
            second_service=service,
            second_priority="urgent",
            **again,
        )

    shown = " ".join(client.get("/agreement").text.split())

    assert shown.index(">All<") < shown.index(">Wound<") < shown.index(">Fall<")
    assert "88% the same" in shown
    assert "kappa 0.00" in shown
    assert "83% the same" in shown
    assert "Decline with advice (the person does not agree to the referral), routine" in shown
    assert "Accept for a service: Falls service, urgent" in shown


def test_others_do_not_see_the_figures(client: FlaskClient, clockwork: Clockwork) -> None:
    open_door(client, "asha")
    assert client.get("/agreement").status_code == 403
