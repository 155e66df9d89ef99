"""Bookings by message: a slot is taken once, changed, given back."""

import json
import threading
import uuid
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hub import records
from hub.domain.actor import hub_actor
from hub.samples import SOUTHEND
from hub.services import definitions
from hub.transaction import transaction
from tests.api import bars

HUB = hub_actor("test")


@pytest.fixture(autouse=True)
def definition(app: Flask) -> None:
    with transaction():
        definitions.load(HUB, SOUTHEND)


def booking(*, slot: str = "slot-1", status: str = "booked", reason: str = "new") -> dict[str, Any]:
    """Return a booking message for a slot of the hub's diary."""
    urls = {name: f"urn:uuid:{uuid.uuid4()}" for name in ("header", "appointment", "patient", "s")}
    header = bars.header(urls["appointment"], urls["s"], dos_id="2000099002", reason=reason)
    header["eventCoding"]["code"] = "booking-request"
    return bars.bundle(
        {
            urls["header"]: header,
            urls["appointment"]: {
                "resourceType": "Appointment",
                "status": status,
                "start": "2026-12-28T10:00:00Z",
                "end": "2026-12-28T10:20:00Z",
                "slot": [{"reference": f"Slot/{slot}"}],
                "participant": [{"actor": {"reference": urls["patient"]}, "status": "accepted"}],
            },
            urls["patient"]: {
                "resourceType": "Patient",
                "name": [{"family": "Example", "given": ["Pat"]}],
                "birthDate": "1950-02-01",
                "identifier": [bars.verified("9990000018")],
            },
            urls["s"]: {"resourceType": "Organization", "name": "Sender"},
        }
    )


def slot(record_id: str = "slot-1", status: str = "free") -> None:
    with transaction():
        records.create(
            HUB,
            {
                "resourceType": "Slot",
                "schedule": {"reference": "Schedule/diary"},
                "status": status,
                "start": "2026-12-28T10:00:00Z",
                "end": "2026-12-28T10:20:00Z",
            },
            id=record_id,
        )


def status_of(record_id: str) -> str:
    found: str = records.read(HUB, "Slot", record_id)["status"]
    return found


def booked(client: FlaskClient, token: str, message: dict[str, Any]) -> dict[str, Any]:
    response = bars.post(client, token, message)
    assert response.status_code == 200, response.get_data(as_text=True)
    answer = json.loads(response.get_data())
    appointment: dict[str, Any] = answer["entry"][1]["resource"]
    assert answer["entry"][0]["resource"]["eventCoding"]["code"] == "booking-response"
    return appointment


def test_a_free_slot_is_taken_and_traced(client: FlaskClient, token: str) -> None:
    slot()
    appointment = booked(client, token, booking())
    assert status_of("slot-1") == "busy"
    stored = records.read(HUB, "Appointment", appointment["id"])
    assert stored["slot"] == [{"reference": "Slot/slot-1"}]
    (patient,) = records.search(HUB, "Patient", []).records
    assert stored["participant"][0]["actor"]["reference"] == patient.reference
    (task,) = records.search(HUB, "Task", [("focus", stored.reference)]).records
    assert task["code"]["coding"][0]["code"] == "tracing"


def test_a_busy_slot_is_a_conflict(client: FlaskClient, token: str) -> None:
    slot(status="busy")
    answer = bars.post(client, token, booking())
    assert bars.issue(answer) == (409, "REC_CONFLICT", "conflict")
    assert records.search(HUB, "Appointment", []).records == ()


def test_of_racing_bookings_one_gets_the_slot(app: Flask, client: FlaskClient, token: str) -> None:
    slot()
    start = threading.Barrier(4)
    statuses: list[int] = []

    def book() -> None:
        message = booking()
        start.wait()
        with app.app_context():
            statuses.append(bars.post(app.test_client(), token, message).status_code)

    threads = [threading.Thread(target=book) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 409, 409, 409]


def test_a_booking_moves_to_another_slot_and_is_cancelled(client: FlaskClient, token: str) -> None:
    slot("slot-1")
    slot("slot-2")
    appointment = booked(client, token, booking())
    change = booking(slot="slot-2", reason="update")
    bars.resource_of(change, "Appointment")["id"] = appointment["id"]
    booked(client, token, change)
    assert (status_of("slot-1"), status_of("slot-2")) == ("free", "busy")
    cancellation = booking(slot="slot-2", reason="update", status="cancelled")
    bars.resource_of(cancellation, "Appointment")["id"] = appointment["id"]
    assert booked(client, token, cancellation)["status"] == "cancelled"
    assert status_of("slot-2") == "free"
    cancellation["id"] = str(uuid.uuid4())
    again = bars.post(client, token, cancellation)
    assert bars.issue(again) == (409, "REC_CONFLICT", "conflict")


def test_a_booking_that_is_not_on_file_cannot_be_changed(client: FlaskClient, token: str) -> None:
    answer = bars.post(client, token, booking(reason="update"))
    assert bars.issue(answer) == (404, "REC_NOT_FOUND", "not-found")
