"""A discharge summary on its page: what is asked of us first, nothing in it runs, the original."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from hub import records
from hub.adapters.mesh import Letter
from hub.db import db
from hub.domain.actor import hub_actor
from hub.models.message import InboxMessage
from hub.records import Record
from hub.services import document_messages, identification
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.letters import Summary
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door, token_of

HUB = hub_actor("test")
HOSTILE = (
    '<p onclick="steal()">GP: bloods</p><script>steal()</script>'
    '<img src="https://elsewhere.example.org/x.png" alt="ECG"/>'
    "<table><tr><td>Ramipril</td><td>stopped</td></tr></table>"
)


def receive(body: bytes, message_id: str = "M1") -> None:
    with transaction():
        document_messages.take_in(
            Letter(
                mailbox="X26ABC2",
                message_id=message_id,
                sender="X26ABC1",
                workflow="TOC_FHIR_EDISCHARGE",
                is_report=False,
                headers={"from": "X26ABC1", "workflowid": "TOC_FHIR_EDISCHARGE"},
                content=body,
            )
        )


@pytest.fixture
def ada(client: FlaskClient, tmp_path: Path) -> Record:
    """Ada is registered with the practice of Jo, who is signed in."""
    Clockwork(tmp_path)
    with transaction():
        definition = load_hub()
        made = patient(
            identifier=identification.with_verified([], "9990000018"),
            practice=f"Organization/{definition.gp_hub}",
            birthDate="1941-05-04",
        )
    open_door(client, "jo")
    return made


def the_document() -> Record:
    (found,) = records.search(HUB, "DocumentReference", []).records
    return found


def test_what_is_asked_of_us_stands_first(client: FlaskClient, ada: Record) -> None:
    receive(Summary(plan="<p>GP: repeat bloods.</p>", story="<p>Broke her hip.</p>").xml())

    text = client.get(f"/documents/{the_document().id}").text

    assert text.index("Plan and requested actions") < text.index("Clinical summary")
    assert "GP: repeat bloods." in text
    assert "Dr Wilma Ward" in text
    assert "Example University Hospital" in text


def test_nothing_of_it_loads_or_runs_and_the_reader_is_told(
    client: FlaskClient, ada: Record
) -> None:
    receive(Summary(plan=HOSTILE).xml())

    text = client.get(f"/documents/{the_document().id}").text

    assert "steal" not in text
    assert "elsewhere.example.org" not in text
    assert "<td>Ramipril</td><td>stopped</td>" in text
    assert "[ECG: see the original]" in text
    assert "Something in this section cannot be shown here" in text


def test_it_is_found_from_the_person_and_from_the_task(client: FlaskClient, ada: Record) -> None:
    receive(Summary().xml())
    address = f"/documents/{the_document().id}"
    (task,) = records.search(HUB, "Task", [("code", "read-document")]).records

    shown = client.get(f"/people/{ada.id}").text
    assert f'href="{address}"' in shown
    assert "From elsewhere" not in shown, "it stands on the page once"
    assert f'href="{address}"' in client.get(f"/worklist/{task.id}").text


def test_the_original_comes_byte_for_byte_and_never_as_a_page(
    client: FlaskClient, ada: Record
) -> None:
    body = Summary(attachment=b"<script>steal()</script>", attachment_type="text/plain").xml()
    receive(body)
    address = f"/documents/{the_document().id}/attachments"

    original = client.get(f"{address}/0")
    attached = client.get(f"{address}/1")

    assert original.data == body
    assert attached.data == b"<script>steal()</script>"
    for each, name in ((original, "-0.xml"), (attached, "-1.txt")):
        assert each.headers["Content-Type"] == "application/octet-stream"
        assert each.headers["X-Content-Type-Options"] == "nosniff"
        assert each.headers["Content-Disposition"].startswith("attachment")
        assert name in each.headers["Content-Disposition"]
    assert client.get(f"{address}/2").status_code == 404


def test_who_has_no_relationship_with_the_person_sees_neither_page_nor_original(
    client: FlaskClient, ada: Record
) -> None:
    receive(Summary().xml())
    address = f"/documents/{the_document().id}"
    assert client.get(address).status_code == 200
    other = client.application.test_client()
    open_door(other, "asha")

    assert other.get(address).status_code == 404
    assert other.get(f"{address}/attachments/0").status_code == 404


def test_a_replaced_document_says_so_and_leads_to_the_new_one(
    client: FlaskClient, ada: Record
) -> None:
    first = Summary()
    receive(first.xml(), "M1")
    old = the_document()
    receive(Summary(replaces=first.document_id, title="Amended summary").xml(), "M2")

    text = client.get(f"/documents/{old.id}").text

    assert "Replaced" in text
    assert "Read the document that replaces this one" in text


def test_in_quarantine_it_stands_beside_its_faults_and_is_mended(
    client: FlaskClient, ada: Record
) -> None:
    receive(Summary(status="done").xml())
    row = db.session.scalars(select(InboxMessage)).one()
    sam = client.application.test_client()
    open_door(sam, "sam")

    shown = sam.get(f"/messages/{row.id}")
    assert "MESH X26ABC1" in shown.text
    assert "ITK 20009" in shown.text
    assert "Bundle.entry[2].resource.entry[0].resource.status" in shown.text

    mended = row.body.replace(b'"done"', b'"final"').decode()
    data = {"csrf_token": token_of(shown), "do": "mended", "body": mended}
    assert sam.post(f"/messages/{row.id}/replay", data=data).status_code == 303
    assert the_document()["status"] == "current"


def test_whoever_traces_an_unknown_person_may_open_the_page_that_asks(
    client: FlaskClient, ada: Record
) -> None:
    receive(Summary(nhs_number=None).xml())
    (task,) = records.search(HUB, "Task", [("code", "tracing")]).records
    sam = client.application.test_client()
    open_door(sam, "sam")

    assert sam.get(f"/tracing/{task.id}").status_code == 200
