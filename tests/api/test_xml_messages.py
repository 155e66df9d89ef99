"""A message in XML has the effect and the answer of its JSON twin; it is kept as it came."""

import json
import uuid
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from fhir.messaging import SUPPORTED_VERSIONS, parse_message
from fhir.xml import from_xml, to_xml
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.models.message import InboxMessage
from hub.samples import SOUTHEND
from hub.services import definitions, messages, referrals
from hub.transaction import transaction
from tests.api import bars
from tests.api.bars import found
from tests.api.damage import damaged
from tests.api.test_messaging_guide import FRESH, example

FHIR_XML = "application/fhir+xml"
AS_XML = f"{FHIR_XML}; charset=utf-8"
SENT: dict[str, str | None] = {"Content-Type": FHIR_XML}


@pytest.fixture(autouse=True)
def sample_hub(app: Flask) -> Flask:
    with transaction():
        definitions.load(hub_actor("set-up"), SOUTHEND)
    return app


def twin(message: dict[str, Any] | bytes) -> bytes:
    return to_xml(message if isinstance(message, bytes) else json.dumps(message))


def answered(response: TestResponse) -> Any:
    assert response.content_type == AS_XML
    return json.loads(from_xml(response.data))


def rows() -> list[InboxMessage]:
    db.session.expire_all()
    return list(db.session.scalars(select(InboxMessage).order_by(InboxMessage.id)))


@pytest.mark.parametrize("name", sorted(FRESH))
def test_messages_of_the_guide_have_the_same_result_in_xml(
    client: FlaskClient, token: str, name: str
) -> None:
    raw = example(name)
    assert (
        parse_message(twin(raw), versions=SUPPORTED_VERSIONS, xml=True).bundle
        == parse_message(raw, versions=SUPPORTED_VERSIONS).bundle
    )
    response = bars.post(client, token, twin(raw), headers=SENT)
    body = answered(response)
    if (expected := FRESH[name]) is None:
        assert response.status_code == 200, body
        assert body["entry"][0]["resource"]["response"]["code"] == "ok"
        assert len(found("ServiceRequest")) == 1
    else:
        issue = body["issue"][0]
        code = issue["details"]["coding"][0]["code"]
        assert (response.status_code, code, issue["code"]) == expected


def test_the_answer_has_the_format_that_was_asked_for(client: FlaskClient, token: str) -> None:
    asked: dict[str, str | None] = {"Accept": "application/fhir+json; version=1.4.0"}
    plain = bars.post(client, token, twin(bars.referral()), headers={**SENT, **asked})
    assert (plain.status_code, plain.content_type) == (200, "application/fhir+json")
    asked = {"Accept": "application/fhir+xml; version=1.4.0"}
    xml = bars.post(client, token, bars.referral(nhs_number="9990000026"), headers=asked)
    assert xml.status_code == 200
    assert answered(xml)["type"] == "message"
    other = bars.post(
        client, token, bars.referral(), headers={"Accept": "application/fhir+xml; version=9"}
    )
    assert other.status_code == 406


def test_the_inbox_keeps_the_bytes_that_came(client: FlaskClient, token: str) -> None:
    body = b"<!-- from the surgery -->\r\n" + twin(bars.referral()).removeprefix(
        b'<?xml version="1.0" encoding="UTF-8"?>'
    )
    assert bars.post(client, token, body, headers=SENT).status_code == 200
    again = bars.post(client, token, body, headers=SENT)
    assert (again.status_code, answered(again)["issue"][0]["code"]) == (409, "duplicate")
    assert [row.body for row in rows()] == [body, body]
    assert [row.status for row in rows()] == ["processed", "duplicate"]


def test_a_quarantined_message_in_xml_can_be_replayed(
    client: FlaskClient, token: str, monkeypatch: pytest.MonkeyPatch, system_actor: Actor
) -> None:
    def broken(_actor: Actor, _command: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(referrals, "receive", broken)
        answer = bars.post(client, token, twin(bars.referral()), headers=SENT)
    assert answer.status_code == 500
    assert answered(answer)["issue"][0]["code"] == "exception"
    (row,) = rows()
    with transaction():
        replayed = messages.replay(system_actor, row.id)
    assert replayed.status == 200
    assert [row.status for row in rows()] == ["processed"]


@pytest.mark.parametrize(
    ("body", "issue", "words"),
    [
        (b"<Bundle", "structure", "well-formed"),
        (b'<!DOCTYPE Bundle><Bundle xmlns="http://hl7.org/fhir"/>', "structure", "DOCTYPE"),
        (b'<Bundle xmlns="http://hl7.org/fhir"><pet value="x"/></Bundle>', "structure", "pet"),
        (b'<Patient xmlns="http://hl7.org/fhir"/>', "invariant", "Bundle"),
    ],
)
def test_a_faulty_message_in_xml_is_refused_in_the_words_of_the_standard(
    client: FlaskClient, token: str, body: bytes, issue: str, words: str
) -> None:
    ids: dict[str, str | None] = {"X-Request-Id": str(uuid.uuid4())}
    response = bars.post(client, token, body, headers={**SENT, **ids})
    assert response.status_code == 400
    assert response.headers["X-Request-Id"] == ids["X-Request-Id"]
    first = answered(response)["issue"][0]
    assert (first["code"], first["details"]["coding"][0]["code"]) == (issue, "REC_BAD_REQUEST")
    assert words in first["diagnostics"]
    assert [row.status for row in rows()] == ["refused"]


def test_another_version_of_fhir_is_not_read(client: FlaskClient, token: str) -> None:
    stu3: dict[str, str | None] = {"Content-Type": "application/fhir+xml; fhirVersion=3.0"}
    response = bars.post(client, token, twin(bars.referral()), headers=stu3)
    assert response.status_code == 415
    assert answered(response)["issue"][0]["details"]["coding"][0]["code"] == (
        "REC_UNSUPPORTED_MEDIA_TYPE"
    )


def test_a_sender_without_a_token_reads_why_in_xml(client: FlaskClient) -> None:
    response = bars.post(client, "wrong", twin(bars.referral()), headers=SENT)
    assert (response.status_code, answered(response)["issue"][0]["code"]) == (401, "login")


def test_a_damaged_message_is_answered_and_kept_whatever_it_is(
    client: FlaskClient, token: str
) -> None:
    bodies = list(damaged(twin(bars.referral()), seed=11, count=80))
    statuses = set()
    for body in bodies:
        response = bars.post(client, token, body, headers=SENT)
        assert response.status_code < 500, (body, response.text)
        statuses.add(response.status_code)
    assert {200, 400} <= statuses
    # As many rows as arrivals, and each as it came: none is lost, whatever it was.
    assert [row.body for row in rows()] == bodies
