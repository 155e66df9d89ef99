"""Following a referral by a link: a code first, nobody named, a question answered."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from hub import records
from hub.adapters.gateways import Outcome
from hub.db import db
from hub.domain.actor import Actor
from hub.models.outside_send import OutsideSend
from hub.models.referral_link import ReferralLink
from hub.services import outside_sends, referral_links, referrals, task_content
from hub.services.deliveries import real_now
from hub.services.referrals import Channel, Demographics, ReceiveReferral, ReferralReceipt, Referrer
from hub.transaction import transaction
from tests.factories.actor import actor
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.spor_desk import HUB
from tests.web.staff import token_of

MOBILE = "07700 900120"


@pytest.fixture
def clockwork(tmp_path: Path) -> Clockwork:
    return Clockwork(tmp_path)


@pytest.fixture
def sam() -> Actor:
    return actor("sam-spor", "CareTeam/spor")


@pytest.fixture(autouse=True)
def _gateway(app: Flask, clockwork: Clockwork) -> Iterator[None]:
    with transaction():
        load_hub()
    before = app.config["CAREHUB"]
    app.config["CAREHUB"] = replace(before, sms_url="https://sms.example.org")
    yield
    app.config["CAREHUB"] = before


def refer(**more: object) -> ReferralReceipt:
    command = ReceiveReferral(
        person=Demographics(nhs_number="9990000018", family="Secretperson"),
        reason="Leg ulcer that weeps",
        referrer=Referrer(display="Alex Neighbour", phone=MOBILE),
        channel=Channel.PHONE,
        source="carer",
        consent=referrals.ConsentGiven.GIVEN,
    )
    with transaction():
        return referrals.receive(HUB, replace(command, **more))  # type: ignore[arg-type]


def linked(receipt: ReferralReceipt) -> ReferralLink | None:
    with transaction():
        request = records.read(HUB, "ServiceRequest", receipt.service_request.id)
        return referral_links.offer(request)


@pytest.fixture
def receipt() -> ReferralReceipt:
    return refer()


@pytest.fixture
def address(receipt: ReferralReceipt) -> str:
    row = linked(receipt)
    assert row is not None
    return f"/r/{referral_links.token_of(row)}"


def letters() -> list[OutsideSend]:
    db.session.expire_all()
    return list(db.session.scalars(select(OutsideSend).order_by(OutsideSend.id)))


def code_sent() -> str:
    found = re.search(r"your code is (\d{6})", letters()[-1].line)
    assert found is not None
    return found[1]


Send = Callable[..., TestResponse]


@pytest.fixture
def send(client: FlaskClient, address: str) -> Send:
    csrf = token_of(client.get(address))

    def post(path: str = "", **form: str) -> TestResponse:
        return client.post(f"{address}{path}", data={"csrf_token": csrf, **form})

    return post


@pytest.fixture
def opened(client: FlaskClient, address: str, send: Send) -> Callable[[], str]:
    send("/code")
    assert send(code=code_sent()).status_code == 303

    def text() -> str:
        return client.get(address).text

    return text


def test_the_link_goes_to_the_number_that_was_given_and_says_nothing_of_the_person(
    address: str,
) -> None:
    (letter,) = letters()
    assert (letter.channel, letter.address) == ("sms", MOBILE)
    assert address in letter.line
    assert "Secretperson" not in letter.line
    assert "ulcer" not in letter.line


def test_before_the_code_nothing_is_shown(client: FlaskClient, address: str) -> None:
    shown = client.get(address).text
    assert "ends in 120" in shown
    for secret in ("Secretperson", "9990000018", "ulcer", "waits to be looked at", MOBILE):
        assert secret not in shown


def test_after_the_code_it_says_where_the_referral_is_and_names_nobody(
    opened: Callable[[], str], receipt: ReferralReceipt, sam: Actor
) -> None:
    assert "It waits to be looked at" in opened()
    with transaction():
        referrals.accept(
            sam, receipt.task.id, version=receipt.task.version, service="district-nursing"
        )
    shown = opened()
    assert "District nursing has accepted it." in shown
    for secret in ("Secretperson", "9990000018", "ulcer"):
        assert secret not in shown


def test_a_question_is_answered_and_triage_has_the_answer(
    client: FlaskClient,
    opened: Callable[[], str],
    send: Send,
    receipt: ReferralReceipt,
    sam: Actor,
) -> None:
    with transaction():
        referrals.ask(sam, receipt.task.id, version=receipt.task.version, question="Since when?")
    assert "Since when?" in opened()

    assert send("/answer", answer="").status_code == 422
    assert send("/answer", answer="For two weeks").status_code == 303
    triage = records.read(HUB, "Task", receipt.task.id)
    assert task_content.code(triage.resource, "businessStatus") == "validated"
    assert triage["note"][-1]["text"].endswith("For two weeks")
    # Twice pressed, or too late: triage has it once.
    assert send("/answer", answer="For two weeks").status_code == 422


def test_without_the_code_nothing_is_answered(
    send: Send, receipt: ReferralReceipt, sam: Actor
) -> None:
    with transaction():
        referrals.ask(sam, receipt.task.id, version=receipt.task.version, question="Since when?")
    assert send("/answer", answer="For two weeks").status_code == 422
    triage = records.read(HUB, "Task", receipt.task.id)
    assert task_content.code(triage.resource, "businessStatus") == "asked"


def test_five_wrong_codes_end_a_code_even_for_who_then_has_the_right_one(send: Send) -> None:
    send("/code")
    right = code_sent()
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    for _ in range(referral_links.MOST_TRIES):
        assert "not the code that we sent" in send(code=wrong).text
    assert "Too many wrong codes" in send(code=right).text


def test_a_code_is_good_once_and_for_ten_minutes(send: Send) -> None:
    send("/code")
    first = code_sent()
    assert send(code=first).status_code == 303
    assert send("/code").status_code == 303
    second = code_sent()
    with transaction():
        db.session.execute(
            update(ReferralLink).values(code_until=real_now() - timedelta(seconds=1))
        )
    assert "This code has run out" in send(code=second).text


def test_three_codes_an_hour(send: Send) -> None:
    for _ in range(referral_links.MOST_CODES):
        assert send("/code").status_code == 303
    answer = send("/code")
    assert answer.status_code == 422
    assert "Three codes were sent within an hour" in answer.text
    assert len(letters()) == 1 + referral_links.MOST_CODES


def test_a_code_is_blotted_out_once_it_is_sent(send: Send) -> None:
    send("/code")
    code = code_sent()
    with transaction():
        letter = outside_sends.take(letters()[-1].id)
    assert letter is not None
    assert code in letter.text
    with transaction():
        outside_sends.settle(letter.send_id, Outcome(taken=True))
    assert all(code not in each.line for each in letters())


def test_after_half_an_hour_the_code_is_asked_for_again(
    opened: Callable[[], str],
) -> None:
    with transaction():
        db.session.execute(
            update(ReferralLink).values(session_until=real_now() - timedelta(seconds=1))
        )
    assert "Send me a code" in opened()


@pytest.mark.parametrize("token", ["x", "a.b", "%00", "é", "0" * 300])
def test_a_link_that_was_not_made_here_opens_nothing(
    client: FlaskClient, address: str, token: str
) -> None:
    assert client.get(f"/r/{token}").status_code == 404
    assert client.get(f"{address[:-1]}").status_code == 404


def test_a_link_runs_out(client: FlaskClient, address: str, clockwork: Clockwork) -> None:
    clockwork.advance(days=91)
    assert client.get(address).status_code == 404


def test_news_is_told_once_an_event_and_not_what_it_is(
    address: str, receipt: ReferralReceipt
) -> None:
    for _ in range(2):
        with transaction():
            request = records.read(HUB, "ServiceRequest", receipt.service_request.id)
            referral_links.tell(request, 17)
    assert [each.line.partition(":")[2].partition(":")[0].strip() for each in letters()] == [
        "We have received your referral. See where it is",
        "There is news of your referral",
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"channel": Channel.API},
        {"referrer": Referrer(display="Alex Neighbour")},
        {"referrer": Referrer(display="Alex Neighbour", phone="01702 490000")},
        {"referrer": Referrer(display="Alex Neighbour", email="alex@example.org")},
        {"referrer": Referrer(display="Jo", practitioner="Practitioner/jo", phone=MOBILE)},
    ],
)
def test_no_link_where_it_cannot_be_sent_or_is_not_needed(more: dict[str, object]) -> None:
    assert linked(refer(**more)) is None
    assert letters() == []


def test_the_link_is_made_once(receipt: ReferralReceipt, address: str) -> None:
    again = linked(receipt)
    assert again is not None
    assert f"/r/{referral_links.token_of(again)}" == address
    assert len(letters()) == 1
