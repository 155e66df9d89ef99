"""A referral by telephone: the person is found while the number is typed, keys are enough."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import expect

from hub import records
from hub.domain.actor import hub_actor
from hub.services import referrals
from hub.services.referrals import Channel, ConsentGiven, ReceiveReferral, Referrer
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.conftest import RunningHub, Visitor
from tests.web.hub_world import System
from tests.web.staff import open_door, token_of

HUB = hub_actor("test")
NUMBER = "9990000018"
KEYS = 12
"""Strokes of a plain referral by telephone beside the words that are dictated: Tab, Enter and the
first letters of what is chosen."""


@pytest.fixture
def known(client: FlaskClient, tmp_path: Path) -> str:
    """Sam is at the front door; somebody whom the hub knows is registered with its practice."""
    Clockwork(tmp_path)
    open_door(client, "sam")
    with transaction():
        load_hub()
        return patient(nhs_number=NUMBER, practice="Organization/u9s01").id


def look(client: FlaskClient, number: str) -> str:
    answer = client.get("/referrals/known", query_string={"nhs_number": number})
    assert answer.status_code == 200
    return answer.text.strip()


@pytest.mark.parametrize("number", ["", "999", "999 000 001"])
def test_nothing_is_said_before_the_number_is_there(
    client: FlaskClient, known: str, number: str
) -> None:
    assert look(client, number) == ""


@pytest.mark.parametrize("number", ["9990000019", "abcdefghij", "99900000180"])
def test_a_number_that_cannot_be_is_said_at_once(
    client: FlaskClient, known: str, number: str
) -> None:
    assert "not a valid NHS number" in look(client, number)


@pytest.mark.parametrize("number", [NUMBER, "999 000 0018", "999-000-0018"])
def test_somebody_known_is_named_however_the_number_is_written(
    client: FlaskClient, known: str, number: str
) -> None:
    shown = look(client, number)
    assert f"/referrals/new?person={known}&amp;nhs_number={NUMBER}" in shown
    assert "Already here" not in shown


def test_a_number_that_nobody_has_is_said_to_be_new(client: FlaskClient, known: str) -> None:
    assert "Nobody on record here has it" in look(client, "9990000026")


def test_what_already_waits_for_them_is_shown_with_its_address(
    client: FlaskClient, known: str
) -> None:
    with transaction():
        receipt = referrals.receive(
            HUB,
            ReceiveReferral(
                person=f"Patient/{known}",
                reason="Short of breath",
                referrer=Referrer(display="Dr Rae"),
                channel=Channel.PHONE,
                source="gp",
                service="district-nursing",
                consent=ConsentGiven.GIVEN,
            ),
        )
    shown = look(client, NUMBER)
    assert f'href="/spor/{receipt.task.id}"' in shown
    assert "District nursing, received" in shown


def test_without_script_it_is_said_when_the_form_comes_back(
    client: FlaskClient, known: str
) -> None:
    csrf = token_of(client.get("/referrals/new"))
    answer = client.post("/referrals/new", data={"csrf_token": csrf, "nhs_number": NUMBER})
    assert answer.status_code == 422
    assert f"/referrals/new?person={known}&amp;nhs_number={NUMBER}" in answer.text


def test_only_the_front_door_may_ask(client: FlaskClient, known: str) -> None:
    client.delete_cookie("carehub_session")
    open_door(client, "asha")
    assert client.get("/referrals/known?nhs_number=" + NUMBER).status_code == 403
    assert "/referrals/known" not in client.get("/referrals/new").text


def test_who_was_named_by_number_is_referred_without_seeing_the_record(
    client: FlaskClient, known: str
) -> None:
    assert client.get(f"/people/{known}").status_code == 404
    assert client.get(f"/referrals/new?person={known}").status_code == 404
    assert client.get(f"/referrals/new?person={known}&nhs_number=9990000026").status_code == 404
    form = client.get(f"/referrals/new?person={known}&nhs_number={NUMBER}")
    said = {
        "csrf_token": token_of(form),
        "person": f"Patient/{known}",
        "nhs_number": NUMBER,
        "reason": "Leg wound",
        "priority": "routine",
        "consent": "given",
        "source": "gp",
        "referrer": "Dr Rae",
    }
    assert client.post("/referrals/new", data=said | {"nhs_number": ""}).status_code == 404
    assert client.post("/referrals/new", data=said).status_code == 303
    (request,) = records.search(HUB, "ServiceRequest", [("subject", f"Patient/{known}")]).records
    assert request["status"] == "active"


@pytest.mark.browser
@pytest.mark.slow
def test_a_plain_one_takes_keys_alone(visitor: Callable[..., Visitor], hub: RunningHub) -> None:
    person = next(
        each
        for each in System(hub).finds("Patient", _count="50")
        if each.get("identifier") and each.get("active", True)
    )
    number = next(i["value"] for i in person["identifier"] if "nhs-number" in i["system"])
    sam: Visitor = visitor().signs_in_as("sam-spor")
    sam.opens("/referrals/new")
    pressed = 0

    def press(*keys: str) -> None:
        nonlocal pressed
        for key in keys:
            sam.page.keyboard.press(key)
            pressed += 1

    sam.page.get_by_label("NHS number (if known)").focus()
    sam.page.keyboard.type(number)
    link = sam.page.get_by_role("link", name="Take the referral for this person")
    expect(link).to_be_visible()
    press("Tab")
    expect(link).to_be_focused()
    press("Enter")
    sam.page.wait_for_url(f"**/referrals/new?person={person['id']}&*")
    sam.page.get_by_label("What does the person need, and why?").focus()
    sam.page.keyboard.type("Leg wound needs dressing")
    press("Tab", "Tab", "Tab", "Tab", "Tab", "Tab", "Tab")
    sam.page.get_by_label("Does the person agree?").focus()
    press("Y", "Tab")
    sam.page.get_by_label("Where does it come from?").select_option("gp")
    sam.page.get_by_label("Name of the referrer").focus()
    sam.page.keyboard.type("Dr Rae Referrer")
    press("Enter")
    expect(sam.page.get_by_role("heading", name="What happens now")).to_be_visible()
    assert pressed <= KEYS
