"""The rota over the API: read, imported, changed, swapped; and who may."""

import base64
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub.auth import issue_person_token, issue_token
from hub.auth.accounts import open_account, register_client
from hub.domain import rota as rules
from hub.services import rota, rota_records
from hub.transaction import transaction
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.duty_roster import ASHA, GARETH, LUCY, at, shift_of

MONDAY, THURSDAY, SATURDAY = date(2026, 12, 28), date(2026, 12, 31), date(2027, 1, 2)
TEAM = "/fhir/CareTeam/district-nursing-west"
Send = Callable[..., TestResponse]


@pytest.fixture
def send(app: Flask, client: FlaskClient, token: str, tmp_path: Path) -> Send:
    """POST an operation as a member of staff, or as the test system."""
    Clockwork(tmp_path)
    with transaction():
        definition = load_hub()
        for username in ("asha-nurse", "gareth-price"):
            person = definition.staff[username]
            open_account(
                username,
                "a long enough password",
                display=person.name,
                role=person.role,
                practitioner=f"Practitioner/{username}",
                organization=f"Organization/{person.organisation}",
                teams=[f"CareTeam/{each}" for each in person.teams],
            )

    def post(address: str, who: str = "", **parameters: object) -> TestResponse:
        bearer = issue_person_token(who, 60) if who else token
        listed = [_parameter(name, value) for name, value in parameters.items()]
        return client.post(
            address,
            json={"resourceType": "Parameters", "parameter": listed},
            headers={
                "Authorization": f"Bearer {bearer}",
                "Content-Type": "application/fhir+json",
            },
        )

    return post


def _parameter(name: str, value: object) -> dict[str, Any]:
    kind = "valueBoolean" if isinstance(value, bool) else "valueString"
    if name == "file":
        kind = "valueBase64Binary"
    return {"name": name.replace("_", "-"), kind: value}


def test_the_rota_of_a_team_is_its_slots_or_a_file(
    send: Send, client: FlaskClient, token: str
) -> None:
    auth = {"Authorization": f"Bearer {token}"}
    with transaction():
        rota_records.publish([ASHA, GARETH, LUCY])
    span = "start=2026-12-28T00:00:00Z&end=2026-12-29T00:00:00Z"
    found = client.get(f"{TEAM}/$rota?{span}", headers=auth).get_json()
    kinds = [each["resource"]["resourceType"] for each in found["entry"]]
    assert kinds == ["Slot"] * 3 + ["Schedule"] * 3
    table = client.get(f"{TEAM}/$rota?{span}&format=csv", headers=auth)
    assert table.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert len(table.text.splitlines()) == 4
    assert client.get(f"{TEAM}/$rota?{span}&format=pdf", headers=auth).status_code == 400
    other = client.get("/fhir/CareTeam/nobody/$rota", headers=auth)
    assert other.status_code == 422


def test_an_import_is_a_dry_run_then_done_or_says_every_fault(send: Send) -> None:
    file = base64.b64encode(
        b"person,starts,ends\ngareth-price,2027-01-02T08:00,2027-01-02T12:00\n"
    ).decode()
    dry = send(f"{TEAM}/$import-rota", file=file, format="csv", dry_run=True)
    assert dry.status_code == 200
    assert dry.get_json()["parameter"][0]["part"][0]["valueCode"] == "add"
    with pytest.raises(LookupError):
        shift_of(GARETH, SATURDAY)
    done = send(f"{TEAM}/$import-rota", file=file, format="csv", reason="from the roster")
    assert done.status_code == 200
    assert shift_of(GARETH, SATURDAY).changed_by == "client/test-system"

    wrong = base64.b64encode(b"person,starts,ends\nx,1,2\nnobody,2027-01-02T08:00,2027-01-02T09:00")
    refused = send(f"{TEAM}/$import-rota", file=wrong.decode(), format="csv", reason="again")
    assert refused.status_code == 422
    texts = [each["details"]["text"] for each in refused.get_json()["issue"]]
    assert [text[:6] for text in texts] == ["row 2:", "row 3:"]
    assert send(f"{TEAM}/$import-rota", file="%", format="csv", reason="x").status_code == 400


def test_a_lead_changes_the_rota_and_nobody_else(send: Send) -> None:
    shift = shift_of(GARETH, MONDAY)
    move = {
        "action": "move",
        "shift": shift.id,
        "start": "2026-12-28T12:30:00Z",
        "end": "2026-12-28T22:00:00Z",
        "reason": "late visits",
    }
    assert send(f"{TEAM}/$change-rota", "gareth-price", **move).status_code == 403
    assert send(f"{TEAM}/$change-rota", "asha-nurse", **move).status_code == 200
    assert shift_of(GARETH, MONDAY).during.upper == at(MONDAY, 22)
    elsewhere = send("/fhir/CareTeam/therapy/$change-rota", **move)
    assert elsewhere.status_code == 409
    gone = send(
        f"{TEAM}/$change-rota", "asha-nurse", action="take-off", shift=shift.id, reason="closed"
    )
    assert gone.status_code == 200
    added = send(
        f"{TEAM}/$change-rota",
        "asha-nurse",
        action="add",
        practitioner=GARETH,
        start="2027-01-02T08:00:00Z",
        end="2027-01-02T12:00:00Z",
        kind="on-call",
        area="leigh",
        reason="snow",
    )
    assert added.status_code == 200
    made = shift_of(GARETH, SATURDAY)
    assert (made.kind, made.areas) == ("on-call", ["leigh"])
    assert send(f"{TEAM}/$change-rota", action="burn", shift="x", reason="x").status_code == 409


def test_a_shift_is_offered_and_answered_by_the_people_themselves(send: Send) -> None:
    shift = shift_of(GARETH, THURSDAY)
    address = "/fhir/Practitioner/gareth-price/$offer-shift"
    assert send(address, shift=shift.id, to=ASHA).status_code == 403
    assert send(address, "asha-nurse", shift=shift.id, to=ASHA).status_code == 403
    offered = send(address, "gareth-price", shift=shift.id, to=ASHA)
    offer = offered.get_json()["parameter"][0]["valueString"]
    answer = "/fhir/Practitioner/asha-nurse/$answer-offer"
    assert send(answer, "asha-nurse", offer=offer, answer="perhaps").status_code == 400
    accepted = send(answer, "asha-nurse", offer=offer, answer="accept")
    assert accepted.get_json()["parameter"] == [{"name": "status", "valueCode": "accepted"}]
    assert send(answer, "asha-nurse", offer=offer, answer="refuse").status_code == 409
    assert shift_of(ASHA, THURSDAY).id == shift.id


def test_an_absence_is_ended_by_name_or_all_that_run(send: Send) -> None:
    report, end = (
        f"/fhir/Practitioner/lucy-hart/${each}" for each in ("report-absence", "end-absence")
    )
    absence = send(report, reason="sickness").get_json()["parameter"][0]["valueString"]
    assert _away()
    other = send("/fhir/Practitioner/asha-nurse/$end-absence", absence=absence, cancel=True)
    assert other.status_code == 409
    assert send(end, absence=absence, cancel=True).status_code == 200
    assert not _away()
    send(report, reason="leave", start="2026-12-26T10:00:00Z")
    ended = send(end)
    assert [each["name"] for each in ended.get_json()["parameter"]] == ["ended"]
    assert not _away()
    assert send(end).status_code == 409


def _away() -> bool:
    now = at(date(2026, 12, 27), 12)
    return rules.absence_at(rota.around(now, now), LUCY, now) is not None


def test_a_system_needs_the_scope(send: Send, client: FlaskClient) -> None:
    with transaction():
        register_client("reader", name="Reader", scopes=["system/Schedule.r"])
    headers = {"Authorization": f"Bearer {issue_token('reader', 'system/Schedule.r', 60)}"}
    assert client.get(f"{TEAM}/$rota?format=ics", headers=headers).status_code == 200
    refused = client.post(f"{TEAM}/$change-rota", json={}, headers=headers)
    assert refused.status_code == 403
    assert "system/Schedule.u" in refused.get_json()["issue"][0]["details"]["text"]


def test_no_client_writes_what_the_rota_says(send: Send, client: FlaskClient, token: str) -> None:
    auth = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    with transaction():
        rota_records.publish([ASHA])
    slot = client.get(f"/fhir/Slot/{shift_of(ASHA, MONDAY).id}", headers=auth)
    changed = slot.get_json() | {"status": "busy"}
    refused = client.put(
        f"/fhir/Slot/{changed['id']}", json=changed, headers=auth | {"If-Match": 'W/"1"'}
    )
    assert refused.status_code == 403
