"""Who a referral is about: the record beside those who could be meant, decided once."""

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from hub import records
from hub.domain.actor import hub_actor
from hub.records import Record
from hub.services import identification, referrals, task_content
from hub.services.referrals import Channel, Demographics, ReceiveReferral, Referrer
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door, token_of

HUB = hub_actor("test")


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
