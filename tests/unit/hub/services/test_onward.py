"""A referral to a service that takes messages goes by message, and can be called back."""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from fhir.messaging import (
    SUPPORTED_VERSIONS,
    Message,
    Response,
    ResponseKind,
    Sender,
    parse_message,
    response_bundle,
)
from hub import clock, records
from hub.adapters.message_post import Answer, Verdict
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.confidentiality import CONFIDENTIALITY
from hub.domain.errors import StateError
from hub.models.outgoing_message import OutgoingMessage
from hub.records import Record
from hub.records.tables import OUTBOX
from hub.services import (
    clocks,
    messages,
    onward,
    onward_messages,
    outgoing_messages,
    referrals,
    task_content,
    tasks,
)
from hub.services.referrals import ReferralReceipt
from hub.transaction import transaction
from tests.api.bars import referral, sender
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.spor_desk import HUB, Receive, request_of, task

TAKEN = Answer(Verdict.TAKEN, 200)
AGAIN = Answer(Verdict.AGAIN, error="ReadTimeout")
REFUSED = Answer(Verdict.REFUSED, 409, "409 conflict at ServiceRequest.status")
ANOTHER = Sender(
    name="Another hub",
    endpoint="https://another.example.org/fhir/$process-message",
    organisation={"resourceType": "Organization", "name": "Another trust"},
    phone="01632 960000",
)
WHY = "The person is better"


pytestmark = pytest.mark.usefixtures("proxy", "definition", "clockwork")


def redirected(sam: Actor, triage: Record, service: str = "acute-assessment") -> Record:
    """Redirect a referral; return the Task to send it on."""
    with transaction():
        referrals.redirect(
            sam, triage.id, version=triage.version, service=service, reason="better-served"
        )
    focus = triage["focus"]["reference"]
    found = records.search(HUB, "Task", [("focus", focus), ("code", "send-on")]).records
    (made,) = found
    return made


def handled() -> None:
    """Handle what is to be sent on or called back, as the worker does, each twice."""
    rows = db.session.execute(
        select(OUTBOX.c.id, OUTBOX.c.event, OUTBOX.c.subject, OUTBOX.c.payload)
        .where(OUTBOX.c.event.in_(("ReferralSentOn", "ReferralCalledBack")))
        .order_by(OUTBOX.c.id)
    ).all()
    for event_id, event, subject, payload in rows:
        for _ in range(2):
            with transaction():
                if event == "ReferralSentOn":
                    onward_messages.send(event_id, subject.removeprefix("Task/"))
                else:
                    onward_messages.call_back(event_id, subject.removeprefix("Task/"), **payload)
    with transaction():
        db.session.execute(OUTBOX.update().values(handled_at=OUTBOX.c.created_at))


def posted(send_on: Record, answer: Answer) -> str | None:
    """Send the next message about a referral, as the worker does; return its id."""
    with transaction():
        letter = outgoing_messages.take(send_on.reference)
    if letter is None:
        return None
    with transaction():
        row = outgoing_messages.settle(letter.message_id, answer)
        if row is not None:
            (onward.arrived if answer is TAKEN else onward.not_taken)(row)
    return letter.message_id


def outgoing() -> list[OutgoingMessage]:
    db.session.expire_all()
    return list(db.session.scalars(select(OutgoingMessage).order_by(OutgoingMessage.event_id)))


def read(row: OutgoingMessage) -> Message:
    return parse_message(row.body, versions=SUPPORTED_VERSIONS)


def call_back(actor: Actor, receipt: ReferralReceipt) -> None:
    with transaction():
        onward.call_back(actor, receipt.service_request.id, reason=WHY)


def open_about(receipt: ReferralReceipt) -> list[Record]:
    focus = receipt.service_request.reference
    found = records.search(HUB, "Task", [("focus", focus), ("code", "send-on")]).records
    return [each for each in found if each["status"] == "requested"]


def test_it_leaves_once_and_its_task_closes_when_it_has_arrived(
    sam: Actor, receive: Receive
) -> None:
    receipt = receive(priority="urgent", history="Short of breath since Monday")
    send_on = redirected(sam, receipt.task)
    assert "by message to Prittle Hospital discharge system" in send_on["description"]
    handled()

    (row,) = outgoing()
    assert (row.client, row.state, row.subject) == (
        "client/hospital-system",
        "waiting",
        send_on.reference,
    )
    message = read(row)
    assert message.destination.endswith("|2000099091")
    assert b"Short of breath since Monday" in row.body
    assert message.focus.resource["priority"] == "urgent"
    assert task(send_on.id)["status"] == "requested"
    assert clocks.running(send_on.id) is not None

    posted(send_on, TAKEN)
    closed = task(send_on.id)
    # Called off by the hub: no person did it.
    assert closed["status"] == "cancelled"
    assert task_content.code(closed.resource, "statusReason") == "sent-by-message"
    assert clocks.running(send_on.id) is None


def test_a_receiver_of_the_standard_takes_it_and_its_cancellation(
    sam: Actor, receive: Receive
) -> None:
    receipt = receive()
    send_on = redirected(sam, receipt.task)
    handled()
    posted(send_on, TAKEN)
    call_back(sam, receipt)
    handled()
    first, last = outgoing()
    assert posted(send_on, TAKEN) == last.id
    assert (first.bundle_id, first.request_id == last.request_id) == (last.bundle_id, False)
    assert first.headers["X-Correlation-Id"] == last.headers["X-Correlation-Id"]

    # This hub as the one at the other end.
    for row, status in ((first, "active"), (last, "revoked")):
        with transaction():
            body = row.body.replace(b"2000099091", b"2000099002")
            answer = messages.process(sender("another-hub"), row.headers, body)
        assert answer.status == 200, answer.body
        assert answer.body["entry"][1]["resource"]["status"] == status


def test_what_has_not_left_is_called_back_without_a_message(sam: Actor, receive: Receive) -> None:
    for late in (False, True):
        receipt = receive(reason=f"Wound {late}")
        send_on = redirected(sam, receipt.task)
        if late:
            handled()
        call_back(sam, receipt)
        handled()
        assert task(send_on.id)["status"] == "cancelled"
        assert posted(send_on, TAKEN) is None
        with pytest.raises(StateError, match="already" if late else "not sent on"):
            call_back(sam, receipt)
    assert [row.state for row in outgoing()] == ["settled"]


def test_a_cancellation_that_is_not_taken_is_a_call_to_make(sam: Actor, receive: Receive) -> None:
    receipt = receive()
    send_on = redirected(sam, receipt.task)
    handled()
    posted(send_on, TAKEN)
    call_back(sam, receipt)
    handled()
    assert open_about(receipt) == []

    posted(send_on, REFUSED)

    (ring,) = open_about(receipt)
    assert ring["priority"] == "urgent"
    assert "telephone" in ring["description"]
    assert clocks.running(ring.id) is not None


@pytest.mark.parametrize(("status", "open_tasks"), [(404, 0), (409, 1)])
def test_what_may_have_arrived_is_cancelled_and_need_not_have(
    sam: Actor, receive: Receive, status: int, open_tasks: int
) -> None:
    receipt = receive()
    send_on = redirected(sam, receipt.task)
    handled()
    posted(send_on, AGAIN)
    call_back(sam, receipt)
    handled()
    first, last = outgoing()
    assert first.settled_how == "called back; it may have arrived"

    assert posted(send_on, Answer(Verdict.REFUSED, status, "x")) == last.id

    assert len(open_about(receipt)) == open_tasks


@pytest.mark.parametrize(("answer", "open_tasks"), [(TAKEN, 1), (AGAIN, 0)])
def test_a_cancellation_does_not_overtake_what_is_on_its_way(
    sam: Actor, receive: Receive, answer: Answer, open_tasks: int
) -> None:
    receipt = receive()
    send_on = redirected(sam, receipt.task)
    handled()
    with transaction():
        letter = outgoing_messages.take(send_on.reference)
    assert letter is not None
    call_back(sam, receipt)
    handled()

    assert posted(send_on, TAKEN) is None, "the request is still on its way"
    with transaction():
        assert outgoing_messages.settle(letter.message_id, answer) is None
    # Not known over there: a matter to telephone about only where the request has arrived.
    assert posted(send_on, Answer(Verdict.REFUSED, 404, "404 not-found")) is not None
    assert len(open_about(receipt)) == open_tasks


def test_nobody_waits_for_days_until_a_cancellation_is_taken(
    sam: Actor, receive: Receive, clockwork: Clockwork
) -> None:
    receipt = receive()
    send_on = redirected(sam, receipt.task)
    handled()
    posted(send_on, TAKEN)
    call_back(sam, receipt)
    handled()
    rung = []
    for _ in range(onward.RING_AFTER + 2):
        posted(send_on, AGAIN)
        rung.append(len(open_about(receipt)))
        clockwork.advance(hours=1)

    assert rung == [0] * (onward.RING_AFTER - 1) + [1] * 3


def test_a_referral_that_is_not_taken_keeps_its_task(sam: Actor, receive: Receive) -> None:
    receipt = receive()
    send_on = redirected(sam, receipt.task)
    handled()

    posted(send_on, REFUSED)

    assert outgoing()[0].state == "dead"
    assert [each.id for each in open_about(receipt)] == [send_on.id]


def test_what_a_person_has_sent_on_does_not_leave_as_well(
    sam: Actor, staff: Callable[[str], Actor], receive: Receive
) -> None:
    receipt = receive()
    send_on = redirected(sam, receipt.task)
    handled()
    with transaction():
        tasks.complete(sam, send_on.id, version=send_on.version, outcome="done")

    assert posted(send_on, TAKEN) is None
    assert outgoing()[0].settled_how == "sent on by a person"


@pytest.mark.parametrize("why", ["no address", "restricted", "objection", "takes no messages"])
def test_a_person_sends_on_what_must_not_go_by_message(
    app: Flask, sam: Actor, receive: Receive, person: Callable[..., Any], why: str
) -> None:
    label = {"system": CONFIDENTIALITY, "code": "R"}
    about = person(meta={"security": [label]}) if why == "restricted" else person()
    if why == "objection":
        with transaction():
            records.create(HUB, _objection(about.reference, "Organization/rxh"))
    if why == "no address":
        app.config["CAREHUB"] = replace(app.config["CAREHUB"], bars_url="")
    receipt = receive(about.reference)
    service = "maternity" if why == "takes no messages" else "acute-assessment"

    send_on = redirected(sam, receipt.task, service)
    handled()

    assert send_on["description"].endswith("and confirm that it has arrived")
    assert outgoing() == []
    with pytest.raises(StateError, match="not sent on by message"):
        call_back(sam, receipt)


def test_what_may_not_go_by_message_any_more_is_left_to_a_person(
    sam: Actor, receive: Receive
) -> None:
    receipt = receive()
    send_on = redirected(sam, receipt.task)
    patient = records.read(HUB, "Patient", str(send_on["for"]["reference"]).partition("/")[2])
    hidden = patient.resource
    hidden["meta"]["security"] = [{"system": CONFIDENTIALITY, "code": "R"}]
    with transaction():
        records.update(HUB, hidden, type="Patient", id=patient.id, if_match=patient.version)

    handled()

    left = task(send_on.id)
    assert outgoing() == []
    assert left["status"] == "requested"
    assert left["description"].endswith("and confirm that it has arrived")
    assert "send it on yourself" in left["note"][-1]["text"]


def test_the_referrer_cancels_what_was_sent_on(sam: Actor) -> None:
    referrer = sender("estuary-111")
    headers = {"X-Request-Id": str(uuid.uuid4()), "X-Correlation-Id": str(uuid.uuid4())}
    message = referral()
    with transaction():
        answer = messages.process(referrer, headers, json.dumps(message).encode())
    request_id = answer.body["entry"][1]["resource"]["id"]
    found = records.search(HUB, "Task", [("focus", f"ServiceRequest/{request_id}")]).records
    (triage,) = [each for each in found if task_content.code(each.resource) == "triage"]
    send_on = redirected(sam, triage)
    handled()
    posted(send_on, TAKEN)

    def cancel() -> int:
        ids = {"X-Request-Id": str(uuid.uuid4()), "X-Correlation-Id": headers["X-Correlation-Id"]}
        parts = {each["resource"]["resourceType"]: each["resource"] for each in message["entry"]}
        parts["MessageHeader"]["reason"]["coding"][0]["code"] = "update"
        parts["ServiceRequest"]["status"] = "revoked"
        with transaction():
            return messages.process(referrer, ids, json.dumps(message).encode()).status

    assert cancel() == 200
    handled()
    assert [row.kind for row in outgoing()] == ["onward-request", "onward-cancellation"]
    message["timestamp"] = "2026-11-29T23:59:59Z"
    assert cancel() == 409
    assert len(outgoing()) == 2


def test_only_the_system_that_it_was_sent_to_answers_it(sam: Actor, receive: Receive) -> None:
    receipt = receive()
    send_on = redirected(sam, receipt.task)
    handled()
    posted(send_on, TAKEN)
    (row,) = outgoing()
    said = Response(
        id=str(uuid.uuid4()), kind=ResponseKind.NO_SHOW, at=clock.now(), words="Not there",
        since=clock.now(), case="urn:case:1",
    )  # fmt: skip
    reply = json.dumps(response_bundle(read(row), said, ANOTHER)).encode()

    def answered_by(code: str) -> int:
        headers = {"X-Request-Id": str(uuid.uuid4()), "X-Correlation-Id": str(uuid.uuid4())}
        with transaction():
            return messages.process(sender(code), headers, reply).status

    assert answered_by("estuary-111") == 404
    assert answered_by("hospital-system") == 200
    focus = request_of(receipt).reference
    found = records.search(HUB, "Task", [("focus", focus), ("code", "read-document")]).records
    assert [each["priority"] for each in found] == ["urgent"]


def _objection(patient: str, party: str) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": patient},
        "policyRule": {"text": "Objection"},
        "provision": {
            "type": "deny",
            "actor": [{"role": {"text": "recipient"}, "reference": {"reference": party}}],
        },
    }
