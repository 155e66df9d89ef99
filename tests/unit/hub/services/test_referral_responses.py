"""A referring system is told what became of its referral, once an event, in its own version."""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from fhir.messaging import SUPPORTED_VERSIONS, Message, parse_message
from hub import records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.answers import Answers
from hub.domain.definition import HubDefinition
from hub.models.outgoing_message import OutgoingMessage
from hub.records import Record
from hub.records.tables import OUTBOX
from hub.services import messages, referral_answers, referral_responses, referrals, tasks
from hub.transaction import transaction
from tests.api.bars import referral, sender
from tests.unit.hub.services.spor_desk import HUB

SENDER = sender("hospital-system")


pytestmark = pytest.mark.usefixtures("proxy", "definition", "clockwork")


@pytest.fixture
def asha(staff: Callable[[str], Actor]) -> Actor:
    return staff("asha-nurse")


def sent(message: dict[str, Any]) -> tuple[Record, Record]:
    """Let a message in; return its ServiceRequest and its triage Task."""
    headers = {"X-Request-Id": str(uuid.uuid4()), "X-Correlation-Id": str(uuid.uuid4())}
    with transaction():
        answer = messages.process(SENDER, headers, json.dumps(message).encode())
    assert answer.status == 200, answer.body
    request = records.read(HUB, "ServiceRequest", answer.body["entry"][1]["resource"]["id"])
    (triage,) = [
        task
        for task in records.search(HUB, "Task", [("focus", request.reference)]).records
        if task["code"]["coding"][0]["code"] == "triage"
    ]
    return request, triage


def handled() -> list[str]:
    """Handle the answers that are owed, as the worker does, each twice."""
    made = []
    rows = db.session.execute(
        select(OUTBOX.c.id, OUTBOX.c.subject, OUTBOX.c.payload)
        .where(OUTBOX.c.event == "ReferralAnswered")
        .order_by(OUTBOX.c.id)
    ).all()
    for event_id, subject, payload in rows:
        request = records.read(HUB, "ServiceRequest", subject.partition("/")[2])
        for _ in range(2):
            with transaction():
                made.append(referral_responses.make(event_id, request, payload))
    return [each for each in made if each]


def outgoing() -> list[OutgoingMessage]:
    return list(db.session.scalars(select(OutgoingMessage).order_by(OutgoingMessage.event_id)))


def read(row: OutgoingMessage) -> Message:
    return parse_message(row.body, versions=SUPPORTED_VERSIONS)


def accepted(sam: Actor, triage: Record) -> Record:
    with transaction():
        return referrals.accept(
            sam, triage.id, version=triage.version, service="district-nursing", note="Key safe"
        )


def finished(who: Actor, work: Record, outcome: str) -> bool:
    record = records.read(HUB, "Task", work.id)
    with transaction():
        tasks.complete(who, work.id, version=record.version, outcome=outcome)
    with transaction():
        return referral_answers.end(record["focus"]["reference"].partition("/")[2])


def test_a_validation_request_is_answered_twice(sam: Actor, asha: Actor) -> None:
    message = referral(category="validation")
    request, triage = sent(message)
    work = accepted(sam, triage)
    handled()
    assert finished(asha, work, "done")
    handled()

    first, last = outgoing()
    assert (first.kind, last.kind) == ("validation-interim", "validation-final")
    assert {first.subject, last.subject} == {request.reference}
    assert first.client == "client/hospital-system"
    assert read(first).response_to == message["id"] == read(last).response_to
    assert read(first).version == message["meta"]["versionId"]
    told = read(first).service_request
    assert told is not None
    assert told.resource["note"][0]["text"] == "Accepted by District nursing."
    assert b"Key safe" not in first.body, "a note for the nurse is not for the sender"
    assert records.read(HUB, "ServiceRequest", request.id)["status"] == "completed"
    assert first.request_id != last.request_id


def test_a_decline_carries_reason_and_advice(sam: Actor) -> None:
    _, triage = sent(referral(category="validation"))
    with transaction():
        referrals.decline(
            sam,
            triage.id,
            version=triage.version,
            reason="needs-emergency-care",
            advice="Call 999 now.",
        )
    handled()
    (row,) = outgoing()
    assert row.kind == "validation-rejected"
    (encounter,) = [e for e in read(row).of_type("Encounter") if "reasonCode" in e.resource]
    assert encounter.resource["reasonCode"][0]["text"] == (
        "Declined: The person needs 999 or the emergency department. Call 999 now."
    )


def test_a_question_reaches_whoever_asked_for_validation(sam: Actor) -> None:
    _, triage = sent(referral(category="validation"))
    with transaction():
        referrals.ask(sam, triage.id, version=triage.version, question="Since when?")
    handled()
    (row,) = outgoing()
    assert row.kind == "validation-interim"
    assert b"Since when?" in row.body


def test_a_transfer_of_care_is_answered_by_agreement_only(
    sam: Actor, definition: HubDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, triage = sent(referral())
    accepted(sam, triage)
    assert handled() == []
    agreed = replace(definition.clients["hospital-system"], answers=Answers.ALL)
    clients = dict(definition.clients) | {"hospital-system": agreed}
    monkeypatch.setattr(
        "hub.services.definitions.current", lambda: replace(definition, clients=clients)
    )
    handled()
    (row,) = outgoing()
    assert row.kind == "referral-answer"
    told = read(row).service_request
    assert told is not None
    assert told.resource["status"] == "active"


@pytest.mark.parametrize(("flags", "told"), [((("SG", "Adult at risk"),), 1), ((), 0)])
def test_a_no_show_is_reported_where_safeguarding_was_flagged(
    sam: Actor, asha: Actor, flags: tuple[tuple[str, str], ...], told: int
) -> None:
    _, triage = sent(referral(flags=flags))
    work = accepted(sam, triage)
    assert finished(asha, work, "not-at-home")
    handled()
    assert [row.kind for row in outgoing()] == ["no-show"] * told


def test_a_referral_ends_when_nothing_is_open_about_it_any_more(sam: Actor, asha: Actor) -> None:
    request, triage = sent(referral(category="validation"))
    with transaction():
        assert not referral_answers.end(request.id), "nobody has triaged it"
    work = accepted(sam, triage)
    with transaction():
        assert not referral_answers.end(request.id), "somebody works on it"
    assert finished(asha, work, "done")
    with transaction():
        assert not referral_answers.end(request.id), "it has ended"


def test_taken_back_within_five_minutes_it_has_not_ended(sam: Actor, asha: Actor) -> None:
    request, triage = sent(referral(category="validation"))
    work = accepted(sam, triage)
    record = records.read(HUB, "Task", work.id)
    with transaction():
        done = tasks.complete(asha, work.id, version=record.version, outcome="done")
    with transaction():
        tasks.undo(asha, work.id, version=done.version)
    with transaction():
        assert not referral_answers.end(request.id)
    due = db.session.execute(
        select(OUTBOX.c.due_at, OUTBOX.c.created_at).where(OUTBOX.c.event == "ReferralWorkEnded")
    ).one()
    assert (due.due_at - due.created_at).total_seconds() == 300


def test_a_referral_of_another_door_has_no_message(receive: Any, sam: Actor) -> None:
    receipt = receive()
    accepted(sam, receipt.task)
    assert handled() == []
