"""Discharge summaries by MESH: kept, read, answered, and done once whatever comes twice."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from fhir.messaging.itk3 import tree
from hub import clock, records
from hub.adapters.mesh import Letter
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.domain.definition import HubDefinition
from hub.models.mesh_send import MeshSend
from hub.models.message import InboxMessage
from hub.records import Record
from hub.records.tables import OUTBOX
from hub.services import (
    accountability,
    discharge_summaries,
    document_messages,
    identification,
    quarantine,
    rota,
    tasks,
)
from hub.transaction import transaction
from tests.factories.actor import actor
from tests.factories.mesh_send import mesh_send
from tests.factories.patient import patient
from tests.letters import Summary
from tests.unit.hub.services.clockwork import Clockwork

HUB = hub_actor("test")
WORKFLOW = "TOC_FHIR_EDISCHARGE"


def letter(body: bytes, message_id: str = "M1", **changes: Any) -> Letter:
    made = Letter(
        mailbox="X26ABC2",
        message_id=message_id,
        sender="X26ABC1",
        workflow=WORKFLOW,
        is_report=False,
        headers={"from": "X26ABC1", "workflowid": WORKFLOW, "localid": "ward-7"},
        content=body,
    )
    return replace(made, **changes)


def take_in(body: bytes, message_id: str = "M1", **changes: Any) -> InboxMessage:
    with transaction():
        row_id = document_messages.take_in(letter(body, message_id, **changes))
    assert row_id is not None
    db.session.expire_all()
    return db.session.get_one(InboxMessage, row_id)


def answers(row: InboxMessage) -> dict[str, str]:
    found = db.session.scalars(select(MeshSend).where(MeshSend.inbox_id == row.id))
    return {each.kind: each.code for each in found}


def every(resource_type: str) -> list[Record]:
    return list(records.search(HUB, resource_type, []).records)


def tasks_of(code: str) -> list[Record]:
    return [t for t in every("Task") if t["code"]["coding"][0]["code"] == code]


@pytest.fixture
def ada(definition: HubDefinition) -> Record:
    verified = identification.with_verified([], "9990000018")
    with transaction():
        return patient(
            identifier=verified,
            practice=f"Organization/{definition.gp_hub}",
            birthDate="1941-05-04",
        )


def test_a_summary_is_kept_as_it_came_and_can_be_read(ada: Record) -> None:
    summary = Summary(attachment=b"%PDF-1.4 scan")
    body = summary.xml()

    row = take_in(body)

    assert (row.status, row.kind, row.patient) == ("processed", "eDischarge", ada.reference)
    (reference,) = every("DocumentReference")
    assert row.subject == reference.reference
    assert reference["subject"]["reference"] == ada.reference
    assert reference["type"]["coding"][0]["code"] == "373942005"
    assert reference["masterIdentifier"] == {"value": summary.document_id}
    attached = reference["content"][0]["attachment"]
    assert discharge_summaries.original(reference) == (
        body,
        "application/fhir+xml",
        "The message as it came",
    )
    assert attached["size"] == len(body)
    assert base64.b64decode(attached["hash"]) == hashlib.sha1(body).digest()
    assert discharge_summaries.original(reference, 1)[0] == b"%PDF-1.4 scan"
    (composition,) = every("Composition")
    assert reference["context"]["related"] == [{"reference": composition.reference}]
    assert [each["title"] for each in composition["section"]] == [
        "Clinical summary",
        "Plan and requested actions",
    ]
    assert "Fell at home &amp; broke" in composition["section"][0]["text"]["div"]


def test_people_reach_the_original_through_their_document_only(
    ada: Record, staff: Callable[[str], Actor]
) -> None:
    take_in(Summary().xml())
    jo = staff("jo-coordinator")

    assert list(records.search(jo, "Binary", []).records) == []


def test_the_person_s_practice_team_reads_and_routing_finds_who(ada: Record) -> None:
    take_in(Summary().xml())

    (task,) = tasks_of("read-document")
    (reference,) = every("DocumentReference")
    assert task["owner"]["reference"] == "CareTeam/coordination"
    assert task["description"] == "Read: Discharge summary"
    assert task["focus"]["reference"] == reference.reference
    assert task["priority"] == "routine"
    asked = db.session.execute(
        select(OUTBOX.c.event).where(OUTBOX.c.subject == task.reference)
    ).scalars()
    assert "TaskAwaitsRouting" in set(asked)
    assert tasks_of("tracing") == []


def test_the_named_coordinator_reads_unless_they_are_away(
    ada: Record, staff: Callable[[str], Actor], clockwork: Clockwork
) -> None:
    jo = staff("jo-coordinator")
    with transaction():
        accountability.name(
            HUB, ada.id, role="care-coordinator", practitioner="Practitioner/jo-coordinator"
        )
    take_in(Summary().xml(), "M1")
    (first,) = tasks_of("read-document")
    assert first["owner"]["reference"] == "Practitioner/jo-coordinator"
    with transaction():
        rota.report_absence(
            jo,
            "Practitioner/jo-coordinator",
            starts_at=clock.now(),
            ends_at=clock.now() + timedelta(days=30),
            reason="sickness",
        )
    take_in(Summary().xml(), "M2")

    (second,) = (each for each in tasks_of("read-document") if each.id != first.id)
    assert second["owner"]["reference"] == "CareTeam/coordination"


def test_what_is_asked_for_soon_is_urgent(ada: Record) -> None:
    take_in(Summary(plan="<p>GP: check U&amp;E within 48 hours.</p>").xml())

    (task,) = tasks_of("read-document")
    assert task["priority"] == "urgent"


def test_what_is_for_information_only_is_never_urgent(ada: Record) -> None:
    take_in(Summary(recipient="FI", plan="<p>Ward: bloods within 48 hours.</p>").xml())

    (task,) = tasks_of("read-document")
    assert task["priority"] == "routine"


@pytest.mark.parametrize(
    "change",
    [
        {"verification": "03"},
        {"verification": None},
        {"birth_date": "1941-05-05"},
        {"nhs_number": None},
        {"nhs_number": "9990000019"},
    ],
)
def test_without_proof_it_is_nobody_on_record_and_somebody_traces(
    ada: Record, change: dict[str, Any]
) -> None:
    row = take_in(Summary(**change).xml())

    (reference,) = every("DocumentReference")
    assert reference["subject"]["reference"] != ada.reference
    (task,) = tasks_of("tracing")
    assert task["focus"]["reference"] == reference.reference
    assert answers(row) == {"infrastructure": "20013", "business": "30002"}


def test_the_word_of_an_unknown_mailbox_does_not_verify_a_number(ada: Record) -> None:
    take_in(Summary().xml(), sender="X26ABC3")

    (reference,) = every("DocumentReference")
    assert reference["subject"]["reference"] != ada.reference


def test_answers_are_sent_where_they_are_asked_for(ada: Record) -> None:
    both = take_in(Summary().xml(), "M1")
    one = take_in(Summary(business="false").xml(), "M2")
    none = take_in(Summary(business="false", infrastructure="false").xml(), "M3")

    assert answers(both) == {"infrastructure": "20013", "business": "30001"}
    assert answers(one) == {"infrastructure": "20013"}
    assert answers(none) == {}
    send = db.session.scalars(select(MeshSend).where(MeshSend.inbox_id == one.id)).one()
    assert (send.recipient, send.workflow) == ("X26ABC1", "TOC_FHIR_EDISCHARGE_ACK")
    assert send.key == f"{one.id}/infrastructure"


def test_the_same_message_again_has_no_second_effect(ada: Record) -> None:
    body = Summary().xml()
    take_in(body, "M1")

    again = take_in(body, "M2")

    assert (again.status, again.error_code) == ("duplicate", "20007")
    assert answers(again) == {"infrastructure": "20007"}
    assert len(every("DocumentReference")) == len(tasks_of("read-document")) == 1


def test_the_same_document_in_another_message_has_no_second_effect(ada: Record) -> None:
    first = Summary()
    take_in(first.xml(), "M1")

    again = take_in(Summary(document_id=first.document_id).xml(), "M2")

    assert (again.status, again.error_code) == ("duplicate", "20008")
    assert len(every("DocumentReference")) == 1


@pytest.mark.parametrize("same", ["message_id", "document_id"])
def test_an_identifier_that_comes_with_other_content_waits_for_a_person(
    ada: Record, same: str
) -> None:
    first = Summary()
    take_in(first.xml(), "M1")

    other = Summary(plan="<p>Stop the warfarin today.</p>", **{same: getattr(first, same)})
    again = take_in(other.xml(), "M2")

    code = "20007" if same == "message_id" else "20008"
    assert (again.status, again.error_code) == ("quarantined", code)
    assert len(every("DocumentReference")) == 1


def test_a_new_version_supersedes_the_one_that_it_replaces(ada: Record) -> None:
    first = Summary()
    take_in(first.xml(), "M1")
    take_in(Summary(replaces=first.document_id).xml(), "M2")

    by_status = {each["status"]: each for each in every("DocumentReference")}
    assert set(by_status) == {"current", "superseded"}
    assert by_status["current"]["relatesTo"] == [
        {"code": "replaces", "target": {"reference": by_status["superseded"].reference}}
    ]
    # One of them is to be read.
    reading = {task["focus"]["reference"]: task["status"] for task in tasks_of("read-document")}
    old, new = by_status["superseded"].reference, by_status["current"].reference
    assert reading == {old: "cancelled", new: "requested"}


def test_whoever_reads_a_version_that_is_replaced_is_not_interrupted(ada: Record) -> None:
    first = Summary()
    take_in(first.xml(), "M1")
    (task,) = tasks_of("read-document")
    reader = actor("jo-coordinator", task["owner"]["reference"])
    with transaction():
        taken = tasks.accept(reader, task.id, version=task.version)
    with transaction():
        tasks.start(reader, task.id, version=taken.version)

    take_in(Summary(replaces=first.document_id).xml(), "M2")

    assert {each["status"] for each in tasks_of("read-document")} == {"in-progress", "requested"}


def test_a_document_never_supersedes_another_person_s(ada: Record) -> None:
    first = Summary(nhs_number=None, family="Other")
    take_in(first.xml(), "M1")
    take_in(Summary(replaces=first.document_id).xml(), "M2")

    assert {each["status"] for each in every("DocumentReference")} == {"current"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"no message", "10009"),
        (Summary(status="done").xml(), "20009"),
        (Summary(event="ITK011M").xml(), "10004"),
        (Summary(attachment=b"MZ", attachment_type="application/x-msdownload").xml(), "20005"),
    ],
)
def test_what_cannot_be_processed_is_kept_whole_and_its_sender_told(
    definition: HubDefinition, body: bytes, code: str
) -> None:
    row = take_in(body)

    assert (row.status, row.error_code, row.body) == ("quarantined", code, body)
    assert answers(row) == {"infrastructure": code}
    assert every("DocumentReference") == every("Patient") == []
    assert [each.id for each in quarantine.listed("quarantined")] == [row.id]


def test_an_answer_to_what_cannot_be_read_says_so(definition: HubDefinition) -> None:
    row = take_in(b"<Bundle")

    send = db.session.scalars(select(MeshSend).where(MeshSend.inbox_id == row.id)).one()
    header = tree.read(send.body).first("entry", "resource")
    assert header is not None
    assert header.text("response", "identifier") == "UNREADABLE-IN-ORIGINAL-MESSAGE"


def test_a_fault_of_ours_keeps_the_message_and_names_nobody(
    ada: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("9990000018")

    monkeypatch.setattr(discharge_summaries, "keep", broken)

    row = take_in(Summary().xml())

    assert (row.status, row.error_code) == ("quarantined", "10001")
    assert row.error is not None
    assert "9990000018" not in row.error
    assert "ZeroDivisionError" in row.error
    assert every("DocumentReference") == []


def test_an_answer_is_never_answered(definition: HubDefinition) -> None:
    by_event = take_in(Summary(event="ITK008M").xml(), "M1")
    by_workflow = take_in(
        b"junk",
        "M2",
        headers={"workflowid": f"{WORKFLOW}_ACK"},
        workflow=f"{WORKFLOW}_ACK",
    )

    assert (answers(by_event), answers(by_workflow)) == ({}, {})
    assert {by_event.status, by_workflow.status} == {"refused"}


def test_what_is_too_large_is_refused(definition: HubDefinition) -> None:
    row = take_in(b"", complete=False)

    assert (row.status, row.error_code) == ("refused", "20015")
    assert answers(row) == {"infrastructure": "20015"}


def test_a_report_of_mesh_marks_what_it_could_not_deliver(definition: HubDefinition) -> None:
    with transaction():
        send = mesh_send(state="sent", message_id="OURS")
        headers = {"linkedmsgid": "OURS", "statusdescription": "Message not collected"}
        report = letter(b"", is_report=True, headers=headers)
        assert document_messages.take_in(report) is None
    db.session.expire_all()

    assert (send.state, send.error) == ("dead", "Message not collected")


def test_a_quarantined_summary_is_mended_and_replayed(
    ada: Record, staff: Callable[[str], Actor]
) -> None:
    broken = Summary(status="done").xml()
    row = take_in(broken)
    sam = staff("sam-spor")

    assert [each["expression"] for each in quarantine.faults_of(row)] == [
        "Bundle.entry[2].resource.entry[0].resource.status"
    ]
    with transaction():
        assert not quarantine.replay(sam, row.id).done
    with transaction():
        mended = broken.replace(b'"done"', b'"final"').decode()
        assert quarantine.replay(sam, row.id, mended=mended).done
    db.session.expire_all()

    assert (row.status, row.attempts) == ("processed", 3)
    assert len(every("DocumentReference")) == 1
    assert answers(row) == {"infrastructure": "20009"}, "after a negative answer comes no other"
    assert take_in(broken.replace(b'"done"', b'"final"'), "M2").status == "duplicate"
