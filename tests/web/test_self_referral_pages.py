"""Anybody asks for help on a public page: it makes one referral and tells nothing."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub import records
from hub.domain.actor import hub_actor
from hub.records import Record
from hub.services import self_referrals
from hub.services.referral_request_record import referrer_contacts
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door, token_of

HUB = hub_actor("test")
SAID = {
    "whom": "me",
    "given": "Mo",
    "family": "Example",
    "born": "1950-02-01",
    "postcode": "ss1 1aa",
    "phone": "07700 900120",
    "reason": "I fell last week and am afraid to go out",
}


@pytest.fixture(autouse=True)
def _hub(app: Flask, tmp_path: Path) -> None:
    Clockwork(tmp_path)
    with transaction():
        load_hub()


def opened(client: FlaskClient, service: str = "falls") -> dict[str, str]:
    page = client.get(f"/refer-yourself/{service}")
    found = re.search(r'name="form" value="([^"]+)"', page.text)
    assert found is not None
    return {"csrf_token": token_of(page), "form": found[1]}


def send(client: FlaskClient, service: str = "falls", **said: str) -> TestResponse:
    form = opened(client, service) | SAID | said
    return client.post(f"/refer-yourself/{service}", data=form)


def referrals_made() -> list[Record]:
    return list(records.search(HUB, "ServiceRequest", [("_tag", "carehub|managed")]).records)


def receipt_of(answer: TestResponse) -> str:
    assert answer.status_code == 200, answer.text
    found = re.search(r'receipt is <b class="ch-number">(\w{8})<', answer.text)
    assert found is not None, answer.text
    return found[1]


def extension(request: Record, name: str) -> Any:
    (found,) = [each for each in request["extension"] if each["url"].endswith(name)]
    return found


def test_the_services_that_allow_it_and_no_others_are_named(client: FlaskClient) -> None:
    shown = client.get("/refer-yourself").text
    assert "Why you fell, and how not to fall again." in shown
    assert "Community matron" not in shown
    assert client.get("/refer-yourself/matron").status_code == 404
    assert client.post("/refer-yourself/matron", data=opened(client) | SAID).status_code == 404


def test_a_person_refers_themselves_and_triage_has_it(client: FlaskClient) -> None:
    receipt_of(send(client))
    (request,) = referrals_made()
    assert extension(request, "referral-channel")["valueCode"] == "self"
    assert extension(request, "referral-consent")["valueCode"] == "given"
    assert referrer_contacts(request.resource) == [("phone", "07700 900120")]
    open_door(client, "sam")
    assert "I fell last week" in client.get("/spor").text


def test_a_carer_refers_somebody_and_is_named(client: FlaskClient) -> None:
    said = {"whom": "someone", "your_name": "Kim Example", "relationship": "daughter"}
    assert send(client, **said).status_code == 422, "whether they know of it must be said"
    receipt_of(send(client, **said, agrees="cannot"))
    (request,) = referrals_made()
    assert request["requester"]["display"] == "Kim Example"
    assert extension(request, "referral-carer")["valueString"].startswith("Kim Example, daughter")
    assert not any(each["url"].endswith("referral-consent") for each in request["extension"])


def test_somebody_known_and_somebody_unknown_are_told_the_same(client: FlaskClient) -> None:
    with transaction():
        patient(
            nhs_number="9990000018",
            name=[{"family": "Example", "given": ["Mo"]}],
            birthDate="1950-02-01",
        )
    known = send(client)
    unknown = send(client, family="Nobody", born="1951-03-02")
    one, other = receipt_of(known), receipt_of(unknown)
    told = [
        answer.text.partition("<main")[2].partition("</main>")[0].replace(receipt, "")
        for answer, receipt in ((known, one), (unknown, other))
    ]
    assert told[0] == told[1]
    assert "Example" not in known.text


def test_sent_twice_it_is_one_referral_with_one_receipt(client: FlaskClient) -> None:
    form = opened(client) | SAID
    one = receipt_of(client.post("/refer-yourself/falls", data=form))
    other = receipt_of(client.post("/refer-yourself/falls", data=form))
    assert one == other
    assert len(referrals_made()) == 1


def test_what_may_be_an_emergency_is_said_before_it_is_sent(client: FlaskClient) -> None:
    form = opened(client) | SAID | {"reason": "Chest pain since noon"}
    warned = client.post("/refer-yourself/falls", data=form)
    assert "Call 999 now" in warned.text
    assert referrals_made() == []
    receipt_of(client.post("/refer-yourself/falls", data=form | {"seen": "yes"}))
    (request,) = referrals_made()
    assert request["priority"] == "stat"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"reason": ""}, "Write what help is needed"),
        ({"reason": "x" * 2001}, "Use no more than 2,000 characters"),
        ({"phone": "ring me"}, "Write a telephone number that we can ring"),
        ({"born": "1850-01-01"}, "it lies in the past"),
        ({"born": "2030-01-01"}, "it lies in the past"),
        ({"born": "2000-01-01"}, "is for another age"),
        ({"whom": ""}, "Choose whom it is about"),
        ({"website": "https://spam.example.org"}, "This was not sent"),
        ({"form": "short"}, "load the page again"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_half_sent(
    client: FlaskClient, said: dict[str, str], words: str
) -> None:
    answer = send(client, **said)
    assert answer.status_code == 422
    assert words in answer.text
    assert "Nothing was sent yet" in answer.text
    assert referrals_made() == []
    if "family" not in said:
        assert 'value="Example"' in answer.text, "what was typed is not lost"


def test_a_program_is_stopped_and_others_are_not(app: Flask, client: FlaskClient) -> None:
    for _ in range(self_referrals.MOST_AN_HOUR):
        receipt_of(send(client))
    answer = send(client)
    assert answer.status_code == 429
    assert "Too many referrals came from your address" in answer.text
    elsewhere = app.test_client()
    form = opened(elsewhere) | SAID
    away = {"REMOTE_ADDR": "203.0.113.9"}
    receipt_of(elsewhere.post("/refer-yourself/falls", data=form, environ_base=away))


def test_another_site_cannot_send_it(client: FlaskClient) -> None:
    form = opened(client) | SAID | {"csrf_token": "0" * 64}
    assert client.post("/refer-yourself/falls", data=form).status_code == 403
    assert referrals_made() == []
