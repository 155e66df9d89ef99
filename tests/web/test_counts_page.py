"""Counts: the table of a day, what does not add up, and what came back."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hub import clock, records
from hub.domain.actor import Actor, hub_actor
from hub.services import conservation as days
from hub.services import referrals
from hub.services.referrals import Channel, ConsentGiven, ReceiveReferral, Referrer
from hub.transaction import transaction
from tests.factories.actor import actor
from tests.factories.conservation_day import conservation_day
from tests.factories.patient import patient
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door

HUB = hub_actor("test")
DAY = date(2026, 12, 26)
HOUR = {"what": "referrals", "channel": "phone", "hour": "2026-12-26T10:00:00+00:00"}


@pytest.fixture
def clockwork(tmp_path: Path) -> Clockwork:
    return Clockwork(tmp_path)


@pytest.fixture(autouse=True)
def _hub(client: FlaskClient, clockwork: Clockwork) -> None:
    open_door(client, "morgan")
    with transaction():
        load_hub()


def test_a_day_that_adds_up_says_so(client: FlaskClient) -> None:
    with transaction():
        conservation_day(
            day=DAY, hours=[HOUR | {"received": 2, "parts": {"accepted": 1, "waiting": 1}}]
        )
    shown = client.get("/counts").text
    assert "everything adds up" in shown
    assert "Telephone" in shown


def test_what_does_not_add_up_is_the_first_thing_said(client: FlaskClient) -> None:
    with transaction():
        conservation_day(
            day=DAY, hours=[HOUR | {"received": 2, "parts": {"accepted": 1}}], broken=1
        )
        conservation_day(day=date(2026, 12, 25))
    shown = client.get("/counts").text
    assert "1 row does not add up" in shown
    assert "26 December 2026: does not add up" in shown
    assert "everything adds up" in client.get("/counts?day=2026-12-25").text
    assert client.get("/counts?day=nonsense").status_code == 200


def test_declined_and_then_in_hospital_is_listed(app: Flask, clockwork: Clockwork) -> None:
    sam: Actor = actor("sam-spor", "CareTeam/spor")
    with transaction():
        who = patient(nhs_number="9990000018", practice="Organization/u9s01")
        receipt = referrals.receive(
            HUB,
            ReceiveReferral(
                person=who.reference,
                reason="Short of breath",
                referrer=Referrer(display="Dr Rae"),
                channel=Channel.PHONE,
                source="gp",
                consent=ConsentGiven.GIVEN,
            ),
        )
    with transaction():
        referrals.decline(
            sam,
            receipt.task.id,
            version=receipt.task.version,
            reason="no-further-need",
            advice="See the GP.",
        )
        records.create(
            HUB,
            {
                "resourceType": "Encounter",
                "status": "in-progress",
                "class": {
                    "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
                    "code": "EMER",
                },
                "subject": {"reference": who.reference},
                "period": {"start": (clock.now() + timedelta(minutes=1)).isoformat()},
            },
        )
    clockwork.advance(minutes=5)
    front_door = app.test_client()
    open_door(front_door, "sam")
    shown = front_door.get("/counts").text
    assert "The need has already been met" in shown
    assert "then in hospital within 72 hours</dt><dd>1</dd>" in shown
    # With the referral answered, the front door has no reason to see the person any more.
    assert f'href="/people/{who.id}"' not in shown
    assert "Somebody whose record you may not see" in shown


def test_counts_are_for_managers_and_the_front_door(app: Flask) -> None:
    for name, status in (("asha", 403), ("sam", 200)):
        client = app.test_client()
        open_door(client, name)
        assert client.get("/counts").status_code == status


def test_each_number_opens_the_list_behind_it(
    app: Flask, client: FlaskClient, clockwork: Clockwork
) -> None:
    with transaction():
        who = patient(
            practice="Organization/u9s01", name=[{"family": "Quince", "given": ["Edith"]}]
        )
        receipt = referrals.receive(
            HUB,
            ReceiveReferral(
                person=who.reference,
                reason="Fell twice",
                referrer=Referrer(display="Dr Rae"),
                channel=Channel.PHONE,
                consent=ConsentGiven.GIVEN,
            ),
        )
    day = clock.now().date()
    clockwork.advance(hours=24)
    with transaction():
        days.count(day)
    front_door = app.test_client()
    open_door(front_door, "sam")

    shown = front_door.get("/counts").text
    (address,) = re.findall(r'href="(/counts/behind[^"]+part=waiting)"', shown)
    behind = front_door.get(address.replace("&amp;", "&"))

    assert behind.status_code == 200
    assert f'href="/spor/{receipt.task.id}"' in behind.text
    assert "QUINCE" in behind.text.upper()
    # A manager counts, and sees no name without a reason to.
    counted = client.get(address.replace("&amp;", "&")).text
    assert receipt.service_request.reference in counted
    assert "QUINCE" not in counted.upper()
    nurse = app.test_client()
    open_door(nurse, "asha")
    assert nurse.get(address.replace("&amp;", "&")).status_code == 403
    assert front_door.get("/counts/behind?what=x").status_code == 404
    assert "Nothing is there" in front_door.get("/counts/declined?reason=out-of-area").text


def test_an_hour_that_comes_twice_says_of_which_time_it_is(client: FlaskClient) -> None:
    long_day = date(2026, 10, 25)
    hours = [HOUR | {"hour": f"2026-10-25T0{n}:00:00+00:00", "received": 1, "parts": {"waiting": 1}}
             for n in (0, 1)]  # fmt: skip
    with transaction():
        conservation_day(day=long_day, hours=hours)
    shown = client.get("/counts").text
    assert "01:00 BST" in shown
    assert "01:00 GMT" in shown
