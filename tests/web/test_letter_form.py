"""A referral that came as a letter: its clock runs from its arrival, the letter is kept."""

import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub import clock, records
from hub.domain.actor import hub_actor
from hub.records import Record
from hub.services import task_content
from hub.services.referral_request_record import received_at
from hub.transaction import transaction
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.web.staff import open_door, token_of

HUB = hub_actor("test")
PDF = b"%PDF-1.7\nDear colleague, the wound of this person weeps.\n%%EOF"


@pytest.fixture(autouse=True)
def _sam(client: FlaskClient, tmp_path: Path) -> None:
    Clockwork(tmp_path)
    open_door(client, "sam")
    with transaction():
        load_hub()


def send(client: FlaskClient, content: bytes | None = PDF, **said: str) -> TestResponse:
    form: dict[str, Any] = {
        "csrf_token": token_of(client.get("/referrals/new")),
        "family": "Example",
        "given": "Mo",
        "born": "1950-02-01",
        "reason": "Wound of the left leg",
        "priority": "routine",
        "consent": "given",
        "source": "gp",
        "referrer": "Dr Rae",
        "door": "letter",
        "received": "2026-12-26T09:15",
        **said,
    }
    if content is not None:
        form["document"] = (io.BytesIO(content), "letter.exe")
    return client.post("/referrals/new", data=form, content_type="multipart/form-data")


def made(kind: str) -> list[Record]:
    return list(records.search(HUB, kind, []).records)


def triage_of(request: Record) -> Record:
    return next(
        task
        for task in records.search(HUB, "Task", [("focus", request.reference)]).records
        if task_content.code(task.resource) == "triage"
    )


def test_the_clock_runs_from_the_day_it_came(client: FlaskClient) -> None:
    assert send(client).status_code == 303
    (request,) = made("ServiceRequest")
    came = datetime.fromisoformat("2026-12-26T09:15:00+00:00")
    assert received_at(request.resource) == came
    channel = next(e for e in request["extension"] if e["url"].endswith("referral-channel"))
    assert channel["valueCode"] == "letter"
    due = task_content.due_at(triage_of(request).resource)
    assert due is not None
    assert due <= came + timedelta(days=1)
    assert due < clock.now(), "a letter of yesterday is late already, and shown so"


def test_the_letter_is_reached_from_triage_byte_for_byte(client: FlaskClient) -> None:
    send(client)
    (request,) = made("ServiceRequest")
    (document,) = made("DocumentReference")
    shown = client.get(f"/spor/{triage_of(request).id}").text
    assert f'href="/documents/{document.id}"' in shown
    assert "The letter as it came" in client.get(f"/documents/{document.id}").text
    file = client.get(f"/documents/{document.id}/attachments/0")
    assert file.data == PDF
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert document["context"]["related"][0]["reference"] == request.reference


def test_without_its_file_a_letter_is_taken_too(client: FlaskClient) -> None:
    assert send(client, None).status_code == 303
    (request,) = made("ServiceRequest")
    assert "supportingInfo" not in request.resource
    assert made("DocumentReference") == []


@pytest.mark.parametrize(
    ("content", "said", "words"),
    [
        (b"MZ\x90\x00", {}, "A letter is a PDF, a PNG or JPEG picture, or plain text"),
        (b"<html>", {}, "A letter is a PDF"),
        (b"%PDF-" + b"x" * 10_000_001, {}, "larger than 10 MB"),
        (PDF, {"received": "2026-12-28T09:15"}, "not in the future"),
        (PDF, {"received": "2026-11-26T09:15"}, "in the last 14 days"),
        (PDF, {"received": "yesterday"}, "Write when it came as a day and a time"),
        (PDF, {"door": "pigeon"}, "Choose how it came"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_kept(
    client: FlaskClient, content: bytes, said: dict[str, str], words: str
) -> None:
    answer = send(client, content, **said)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="Dr Rae"' in answer.text, "what was typed is not lost"
    for kind in ("ServiceRequest", "DocumentReference", "Binary"):
        assert made(kind) == []


def test_by_telephone_the_clock_runs_from_now(client: FlaskClient) -> None:
    assert send(client, None, door="phone").status_code == 303
    (request,) = made("ServiceRequest")
    assert received_at(request.resource) == clock.now()
