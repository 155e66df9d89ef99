"""Who a referral is about: the record beside those who could be meant, decided once."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub import records, settings
from hub.adapters import demographics
from hub.domain.actor import hub_actor
from hub.domain.confidentiality import is_restricted
from hub.domain.identity import Identity
from hub.records import Record
from hub.services import identification, referrals, task_content, tracing
from hub.services.referrals import Channel, Demographics, ReceiveReferral, Referrer
from hub.transaction import transaction
from tests.factories.actor import actor
from tests.factories.patient import patient
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door, token_of

HUB = hub_actor("test")
SAM = actor("sam-spor", "CareTeam/spor")


@pytest.fixture
def known(client: FlaskClient, tmp_path: Path) -> Record:
    """Ada Testt of Westcliff is on record; somebody of the front door is signed in."""
    Clockwork(tmp_path)
    with transaction():
        definition = load_hub()
        made = patient(
            nhs_number="9990000018",
            practice=f"Organization/{definition.gp_hub}",
            name=[{"family": "Testt", "given": ["Ada"]}],
            birthDate="1941-05-04",
            address=[{"postalCode": "SS0 1AA"}],
        )
    open_door(client, "sam")
    return made


@pytest.fixture
def task(known: Record) -> Record:
    """A referral about an Ada Testt of another year of birth."""
    with transaction():
        receipt = referrals.receive(
            hub_actor("spor"),
            ReceiveReferral(
                person=Demographics(
                    family="Testt", given=("Ada",), birth_date=None, postcode="SS0 1AA"
                ),
                reason="Wound",
                referrer=Referrer(display="Dr Rae Referrer"),
                channel=Channel.PHONE,
            ),
        )
    found = records.search(HUB, "Task", [("focus", receipt.service_request.reference)]).records
    (made,) = [each for each in found if task_content.code(each.resource) == "tracing"]
    return made


def decide(client: FlaskClient, task: Record, **form: Any) -> Any:
    address = f"/tracing/{task.id}"
    csrf = token_of(client.get(address))
    return client.post(address, data={"csrf_token": csrf, "version": task.version, **form})


def test_the_referral_stands_beside_those_who_could_be_meant(
    client: FlaskClient, task: Record, known: Record
) -> None:
    shown = client.get(f"/tracing/{task.id}").text
    assert "It is Ada Testt" in shown
    assert "4 May 1941" in shown
    assert "agrees:" in shown
    assert f"/tracing/{task.id}" in client.get(f"/worklist/{task.id}").text


def test_somebody_on_record_is_linked_and_the_task_is_done(
    client: FlaskClient, task: Record, known: Record
) -> None:
    assert decide(client, task, who=known.reference).status_code == 303

    done = records.read(HUB, "Task", task.id)
    assert done["status"] == "completed"
    untraced = records.read(HUB, *done["for"]["reference"].split("/"))
    assert untraced["link"][0]["other"] == {"reference": known.reference}
    again = client.get(f"/tracing/{task.id}").text
    assert "This has been decided" in again


def test_somebody_new_gets_the_number_that_was_traced(client: FlaskClient, task: Record) -> None:
    assert decide(client, task, who="new", number="999 000 0026").status_code == 303

    untraced = records.read(HUB, *task["for"]["reference"].split("/"))
    assert identification.identity_of(untraced).nhs_number == "9990000026"


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "Choose who this is"),
        ({"who": "Patient/somebody-else"}, "Choose who this is"),
        ({"who": "new", "number": "9990000027"}, "NHS number"),
        ({"who": "new", "version": "x"}, "The form is not whole"),
    ],
)
def test_what_is_not_right_decides_nothing_and_keeps_what_was_typed(
    client: FlaskClient, task: Record, form: dict[str, str], words: str
) -> None:
    answer = decide(client, task, **form)

    assert answer.status_code == 422
    assert words in answer.text
    assert form.get("number", "") in answer.text
    assert records.read(HUB, "Task", task.id)["status"] == "requested"


def test_who_comes_second_is_told(client: FlaskClient, task: Record) -> None:
    assert decide(client, task, who="new", version=task.version + 5).status_code == 409


def test_others_do_not_see_who_could_be_meant(client: FlaskClient, task: Record) -> None:
    client.delete_cookie("carehub_session")
    open_door(client, "asha")
    shown = client.get(f"/tracing/{task.id}")
    assert shown.status_code == 403
    assert "Testt" not in shown.text


class Sandbox:
    """The sandbox, which changes the Task in between if it is told to."""

    def __init__(self) -> None:
        self.service = demographics.of(settings.load({"CAREHUB_PDS_URL": "sandbox"}))
        self.meanwhile: Callable[[], object] = lambda: None

    def trace(self, wanted: Identity) -> demographics.Traced:
        self.meanwhile()
        return self.service.trace(wanted)


@pytest.fixture
def sandbox(app: Flask) -> Iterator[Sandbox]:
    app.extensions["carehub_demographics"] = made = Sandbox()
    yield made
    del app.extensions["carehub_demographics"]


def referred(**about: Any) -> Record:
    """Return the tracing Task of a referral of somebody unknown."""
    with transaction():
        receipt = referrals.receive(
            hub_actor("spor"),
            ReceiveReferral(
                person=Demographics(**about),
                reason="Wound",
                referrer=Referrer(display="Dr Rae Referrer"),
                channel=Channel.PHONE,
            ),
        )
    found = records.search(HUB, "Task", [("focus", receipt.service_request.reference)]).records
    (made,) = [each for each in found if task_content.code(each.resource) == "tracing"]
    return made


def look_up(client: FlaskClient, task: Record) -> TestResponse:
    address = f"/tracing/{task.id}"
    csrf = token_of(client.get(address))
    return client.post(
        f"{address}/national",
        data={"csrf_token": csrf, "version": task.version},
        follow_redirects=True,
    )


IVY = {"family": "Sandbox", "given": ("Ivy",), "birth_date": date(1938, 6, 2)}
ROSA = {"family": "Sandbox", "given": ("Rosa",), "birth_date": date(1944, 1, 9)}


def test_who_the_national_service_found_stands_beside_the_others_and_is_taken_on(
    client: FlaskClient, known: Record, sandbox: Sandbox
) -> None:
    task = referred(**IVY)

    shown = look_up(client, task).text

    assert "has found one person" in shown
    assert "It is Ivy Sandbox (national)" in shown
    assert "999 770 0007" in shown
    assert "SS0 7QF" in shown
    again = records.read(HUB, "Task", task.id)
    assert decide(client, again, who="national").status_code == 303
    patient = records.read(HUB, *task["for"]["reference"].split("/"))
    found = identification.identity_of(patient)
    assert (found.nhs_number, found.nhs_number_verified) == ("9997700007", True)
    assert not is_restricted(patient.resource)


def test_somebody_restricted_there_is_restricted_here(
    client: FlaskClient, known: Record, sandbox: Sandbox
) -> None:
    task = referred(**ROSA)
    shown = look_up(client, task).text
    assert "restricted: nothing of where they live may be shown" in shown

    decide(client, records.read(HUB, "Task", task.id), who="national")

    patient = records.read(HUB, *task["for"]["reference"].split("/"))
    assert is_restricted(patient.resource)


def test_who_has_that_number_here_is_suggested(
    client: FlaskClient, known: Record, sandbox: Sandbox
) -> None:
    with transaction():
        here = patient(
            nhs_number="9997700007", name=[{"family": "Other", "given": ["Name"]}]
        ).reference
    task = referred(**IVY)

    shown = look_up(client, task).text

    assert "It is Name Other" in shown
    assert "has the number that the national service gave" in shown
    assert decide(client, records.read(HUB, "Task", task.id), who=here).status_code == 303


@pytest.mark.parametrize(
    ("about", "words"),
    [
        (IVY | {"family": "Nowhere"}, "has found nobody"),
        (IVY | {"birth_date": None}, "needs a valid NHS number"),
        (
            {"family": "Sandbox", "given": ("Lily",), "birth_date": date(1947, 7, 7)},
            "more than one",
        ),
    ],
)
def test_where_it_is_not_one_person_it_says_so_and_there_is_nothing_to_choose(
    client: FlaskClient, known: Record, sandbox: Sandbox, about: dict[str, Any], words: str
) -> None:
    task = referred(**about)

    shown = look_up(client, task).text

    assert words in shown
    assert "(national)" not in shown
    asked = records.read(HUB, "Task", task.id)
    assert decide(client, asked, who="national").status_code == 422


def test_asked_again_the_later_answer_stands_alone(
    client: FlaskClient, known: Record, sandbox: Sandbox
) -> None:
    task = referred(**IVY)
    look_up(client, task)
    look_up(client, records.read(HUB, "Task", task.id))

    said = [
        each["type"]["coding"][0]["code"] for each in records.read(HUB, "Task", task.id)["input"]
    ]
    assert said.count("national-outcome") == 1
    assert said.count("national-number") == 1


def test_an_answer_does_not_overwrite_what_somebody_did_meanwhile(
    client: FlaskClient, known: Record, sandbox: Sandbox
) -> None:
    task = referred(**IVY)
    sandbox.meanwhile = lambda: decided(task)

    answer = look_up(client, task)

    assert answer.status_code in {409, 422}
    assert records.read(HUB, "Task", task.id)["status"] == "completed"


def decided(task: Record) -> None:
    with transaction():
        tracing.confirm(SAM, task.id, version=task.version)


def test_without_a_service_the_page_says_so(client: FlaskClient, known: Record) -> None:
    assert "No national service is connected" in look_up(client, referred(**IVY)).text


def test_others_may_not_ask(client: FlaskClient, known: Record, sandbox: Sandbox) -> None:
    task = referred(**IVY)
    csrf = token_of(client.get(f"/tracing/{task.id}"))
    client.delete_cookie("carehub_session")
    open_door(client, "asha")
    answer = client.post(
        f"/tracing/{task.id}/national", data={"csrf_token": csrf, "version": task.version}
    )
    assert answer.status_code == 403
    assert "input" not in records.read(HUB, "Task", task.id).resource
