"""Alarms on the pages: seen by managers without the person, answered by whoever was told."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hub.auth.accounts import open_account
from hub.db import db
from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition
from hub.models.account import Account
from hub.models.outside_send import OutsideSend
from hub.services import clocks, definitions, escalations
from hub.transaction import transaction
from tests.factories.outside_send import outside_send
from tests.factories.patient import patient
from tests.factories.task import visit
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import PASSWORD, token_of

NAME = "Hortensia"

SignIn = Callable[[str], FlaskClient]


@pytest.fixture
def clockwork(tmp_path: Path, app: Flask) -> Clockwork:
    return Clockwork(tmp_path)


@pytest.fixture
def task_id(clockwork: Clockwork) -> str:
    """An urgent visit of Asha's for Hortensia, at half time."""
    with transaction():
        load_hub()
        person = patient(
            nhs_number="9990000018", name=[{"family": "Okoro", "given": [NAME]}]
        ).reference
    task = visit(person, owner="Practitioner/asha-nurse")
    clockwork.advance(minutes=60)
    sweep()
    return task.id


@pytest.fixture
def signs_in(app: Flask, task_id: str) -> SignIn:
    def enter(username: str) -> FlaskClient:
        browser = app.test_client()
        person = definitions.current().staff[username]
        with transaction():
            if db.session.get(Account, username) is None:
                open_account(
                    username,
                    PASSWORD,
                    display=person.name,
                    role=person.role,
                    practitioner=f"Practitioner/{username}",
                    organization=f"Organization/{person.organisation}",
                    teams=[f"CareTeam/{team}" for team in person.teams],
                )
        form = browser.get("/sign-in")
        answer = browser.post(
            "/sign-in",
            data={"csrf_token": token_of(form), "username": username, "password": PASSWORD},
        )
        assert answer.status_code == 303, answer.text
        return browser

    return enter


def sweep() -> None:
    while due := escalations.due_clocks():
        for clock_id in due:
            with transaction():
                escalations.escalate(hub_actor("escalation"), clock_id)


def send(browser: FlaskClient, page: str, address: str, **fields: str) -> tuple[int, str]:
    token = token_of(browser.get(page))
    answer = browser.post(address, data={"csrf_token": token, **fields})
    return answer.status_code, answer.headers.get("Location", answer.text)


def the_step(task_id: str) -> str:
    db.session.expire_all()
    return escalations.steps_of(task_id)[-1].id


def test_a_duty_manager_sees_every_alarm_and_never_the_person(
    signs_in: SignIn, task_id: str
) -> None:
    dana = signs_in("dana-duty")

    for page in ("/alarms", "/alarms/rows", f"/alarms/{task_id}"):
        said = dana.get(page)
        assert said.status_code == 200
        assert "Referral" in said.text
        assert "Asha Patel" in said.text
        assert NAME not in said.text
        assert "Okoro" not in said.text
    assert "1 alarm nobody has acknowledged" in dana.get("/").text


@pytest.mark.parametrize("page", ["/alarms", "/alarms/rows", "/escalation"])
def test_the_pages_of_managers_are_for_managers(signs_in: SignIn, page: str) -> None:
    assert signs_in("asha-nurse").get(page).status_code == 403


def test_an_alarm_is_nothing_to_somebody_without_a_part_in_it(
    signs_in: SignIn, task_id: str
) -> None:
    assert signs_in("femi-falls").get(f"/alarms/{task_id}").status_code == 404


def test_an_alarm_acknowledged_from_the_list_leaves_it(signs_in: SignIn, task_id: str) -> None:
    dana = signs_in("dana-duty")

    status, location = send(
        dana,
        "/alarms",
        f"/alarms/{task_id}/acknowledge",
        step=the_step(task_id),
        back="alarms",
    )

    assert (status, location) == (303, "/alarms?done=acknowledged")
    assert "No alarm waits for an answer" in dana.get("/alarms").text
    assert "by Dana Kowalczyk, " in dana.get(f"/alarms/{task_id}").text


def test_the_owner_acknowledges_on_the_page_of_the_task_and_from_the_notice(
    signs_in: SignIn, task_id: str
) -> None:
    asha = signs_in("asha-nurse")
    assert f'href="/alarms/{task_id}"' in asha.get("/").text
    page = asha.get(f"/worklist/{task_id}")
    assert NAME in page.text
    assert "50% of the time for this task is used; told Asha Patel" in page.text
    assert "the team lead will be told" in page.text

    status, location = send(
        asha,
        f"/worklist/{task_id}",
        f"/alarms/{task_id}/acknowledge",
        step=the_step(task_id),
        note="There at two",
        back="task",
    )

    assert (status, location) == (303, f"/worklist/{task_id}?done=acknowledge")
    page = asha.get(f"/worklist/{task_id}")
    assert "by Asha Patel, " in page.text
    assert "There at two" in page.text
    running = clocks.running(task_id)
    assert running is not None
    assert running.next_step_at is not None


def test_what_came_while_somebody_read_is_still_an_alarm(
    signs_in: SignIn, task_id: str, clockwork: Clockwork
) -> None:
    dana = signs_in("dana-duty")
    seen = the_step(task_id)
    clockwork.advance(minutes=60)
    sweep()

    send(dana, "/alarms", f"/alarms/{task_id}/acknowledge", step=seen, back="alarms")

    assert "Over time" in dana.get("/alarms").text
    assert f"acknowledge-{task_id}" in dana.get("/alarms").text


def test_who_comes_second_sees_who_was_first(signs_in: SignIn, task_id: str) -> None:
    step = the_step(task_id)
    send(signs_in("asha-nurse"), "/", f"/alarms/{task_id}/acknowledge", step=step)

    status, text = send(
        signs_in("dana-duty"), "/", f"/alarms/{task_id}/acknowledge", step=step, note="mine"
    )

    assert status == 409
    assert "Asha Patel has already acknowledged this" in text


def test_the_list_is_not_sent_again_while_nothing_has_changed(
    signs_in: SignIn, task_id: str, clockwork: Clockwork
) -> None:
    dana = signs_in("dana-duty")
    etag = dana.get("/alarms/rows").headers["ETag"]
    assert dana.get("/alarms/rows", headers={"If-None-Match": etag}).status_code == 304

    clockwork.advance(minutes=30)
    sweep()

    assert dana.get("/alarms/rows", headers={"If-None-Match": etag}).status_code == 200


def test_a_message_that_was_given_up_is_seen_and_sent_again(signs_in: SignIn, task_id: str) -> None:
    running = clocks.running(task_id)
    assert running is not None
    with transaction():
        dead = outside_send(running, state="dead", attempts=8, error="the gateway answered 400")
    dana = signs_in("dana-duty")
    page = dana.get("/alarms").text
    assert "Could not be sent" in page
    assert "the gateway answered 400" in page
    assert "07700" not in page

    status, _ = send(dana, "/alarms", f"/alarms/sends/{dead.id}/again")

    assert status == 303
    db.session.expire_all()
    assert db.session.scalar(select(OutsideSend.state)) == "waiting"


LOUD = """
escalation_policies:
  - code: standard
    steps:
      - {code: early, percent: 20, notify: [team-lead], repeat: {minutes: 10, times: 2}}
      - {code: breach, percent: 100, notify: [duty-manager], reroute: true}
"""


def test_a_manager_tries_a_policy_and_then_puts_it_in_force(signs_in: SignIn, task_id: str) -> None:
    morgan = signs_in("morgan-manager")

    status, text = send(morgan, "/escalation", "/escalation/trial", policy=LOUD, days="28")

    assert status == 200
    assert "Changed: standard." in text
    assert "early, repeat 2" in text
    assert "early" not in _steps(definitions.current())
    status, location = send(morgan, "/escalation", "/escalation/activate", policy=LOUD)
    assert (status, location) == (303, "/escalation?done")
    assert "early" in _steps(definitions.current())
    assert "The new policies are in force" in morgan.get("/escalation?done").text


def _steps(definition: HubDefinition) -> list[str]:
    return [step.code for step in definition.escalation_policies["standard"].steps]


@pytest.mark.parametrize(
    ("policy", "days", "said"),
    [
        ("", "28", "Write the policies"),
        ("a: [", "28", "cannot be read"),
        (LOUD, "none", "Give the days as a number"),
        (LOUD, "400", "Look back 1 to 92 days"),
        (LOUD.replace("team-lead", "boss"), "28", "notify"),
    ],
)
def test_a_policy_that_is_wrong_is_shown_again_with_what_is_wrong(
    signs_in: SignIn, policy: str, days: str, said: str
) -> None:
    status, text = send(
        signs_in("morgan-manager"), "/escalation", "/escalation/trial", policy=policy, days=days
    )

    assert (status, said in text) == (422, True)
