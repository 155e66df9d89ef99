"""Every message of the guide, posted to a fresh hub, is answered by the receiver rules."""

import json
import re
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
from tests.shared_data import ROOT, data

FRESH: dict[str, tuple[int, str, str] | None] = {
    # In a fresh hub: (HTTP status, BaRS code, issue code); None is accepted.
    "REFREQ02": None,
    "REFREQ03": None,
    "REFREQ07": None,
    "VALRESP01": None,
    "REFREQ05": (400, "REC_BAD_REQUEST", "invariant"),
    "REFREQ8A": (400, "REC_BAD_REQUEST", "invariant"),
    "REFREQ8C": (400, "REC_BAD_REQUEST", "invariant"),
    "REFREQ9A": (400, "REC_BAD_REQUEST", "invariant"),
    "SERVREQ02": (400, "REC_BAD_REQUEST", "invariant"),
    # Nothing is on file yet that they could answer or cancel.
    "REFRESP01": (404, "REC_NOT_FOUND", "not-found"),
    "VALRESP02": (404, "REC_NOT_FOUND", "not-found"),
    "VALRESP04": (404, "REC_NOT_FOUND", "not-found"),
    "SERVREQ01": (404, "REC_NOT_FOUND", "not-found"),
}


@pytest.fixture(autouse=True)
def sample_hub(app: Flask) -> Flask:
    with transaction():
        definitions.load(hub_actor("set-up"), SOUTHEND)
    return app


def example(name: str) -> bytes:
    (path,) = data("bars/ig").glob(f"{name} - *.json")
    return path.read_bytes()


@pytest.mark.parametrize("name", sorted(FRESH))
def test_examples_in_a_fresh_hub(client: FlaskClient, token: str, name: str) -> None:
    expected = FRESH[name]
    response = bars.post(client, token, example(name))
    if expected is not None:
        assert bars.issue(response) == expected
        return
    assert response.status_code == 200, response.get_data(as_text=True)
    answer = json.loads(response.get_data())
    header, request = (entry["resource"] for entry in answer["entry"])
    assert header["response"] == {"identifier": json.loads(example(name))["id"], "code": "ok"}
    # The referral is there, active, with a triage Task that the SPOR team owns.
    stored = records.read(hub_actor("test"), "ServiceRequest", request["id"])
    assert (stored.managed, stored["status"]) == (True, "active")
    (triage,) = [
        task
        for task in records.search(hub_actor("test"), "Task", [("focus", stored.reference)]).records
        if task["code"]["coding"][0]["code"] == "triage"
    ]
    assert triage["owner"]["reference"].startswith("CareTeam/")
    assert triage["restriction"]["period"]["end"] > triage["authoredOn"]


def test_a_whole_conversation_of_the_guide(client: FlaskClient, token: str) -> None:
    """Once the requests are on file, what answers and cancels them is accepted."""
    assert bars.post(client, token, example("REFREQ02")).status_code == 200
    assert bars.post(client, token, example("VALRESP01")).status_code == 200
    assert bars.post(client, token, example("REFRESP01")).status_code == 200
    assert bars.post(client, token, example("SERVREQ01")).status_code == 200
    # These two exist to be refused: their statuses fit no row of the receiver's table.
    for name in ("VALRESP02", "VALRESP04"):
        refused = bars.issue(bars.post(client, token, example(name)))
        assert refused == (400, "REC_BAD_REQUEST", "invariant")


def faulty() -> list[dict[str, Any]]:
    try:
        index = data("invalid/bars-negative.json")
    except pytest.skip.Exception:
        return []
    cases: list[dict[str, Any]] = json.loads(index.read_bytes())
    return cases


@pytest.mark.parametrize("case", faulty(), ids=lambda case: str(case["file"]))
def test_faulty_messages(client: FlaskClient, token: str, case: dict[str, Any]) -> None:
    folder = data("invalid/bars-negative")
    headers: dict[str, str | None] = dict(case["headers"])
    if case["file"] == "dup-request-id.json":
        headers = {"X-Request-Id": str(uuid.uuid4())}
        first = bars.post(
            client, token, (folder / "ok-referral-new.json").read_bytes(), headers=headers
        )
        assert first.status_code == 200
    elif "original request" in case["why"] or case["file"].startswith("response-"):
        for original in ("ok-referral-new.json", "ok-validation-new.json"):
            assert bars.post(client, token, (folder / original).read_bytes()).status_code == 200
    elif case["file"] == "booking-slot-busy.json":
        # Somebody else has booked it: the diary of the receiver decides.
        other = json.loads((folder / case["file"]).read_bytes())
        other["id"] = str(uuid.uuid4())
        assert bars.post(client, token, other).status_code == 200
    response = bars.post(client, token, (folder / case["file"]).read_bytes(), headers=headers)
    if case["http"] == 200:
        assert response.status_code == 200, response.get_data(as_text=True)
    else:
        assert bars.issue(response) == (case["http"], case["bars_code"], case["issue_code"])
    for name in ("X-Request-Id", "X-Correlation-Id"):
        if headers.get(name, "sent") is not None:
            assert name in response.headers


def test_all_faulty_messages_in_one_hub_in_their_order(client: FlaskClient, token: str) -> None:
    """The same answers come when everything has been sent before, one after the other."""
    folder = data("invalid/bars-negative")
    known = str(uuid.uuid4())
    for case in faulty():
        headers: dict[str, str | None] = dict(case["headers"])
        if case["file"] in ("ok-referral-new.json", "dup-request-id.json"):
            headers = {"X-Request-Id": known}
        response = bars.post(client, token, (folder / case["file"]).read_bytes(), headers=headers)
        assert response.status_code == case["http"], case["file"]


API_EXAMPLES: dict[str, tuple[int, str, str] | None] = {
    # Of the API's specification, in a fresh hub.
    "POST-body.json": None,
    "request/ValidationRequest (POST) .json": None,
    "request/ValidationResponse (POST) .json": (404, "REC_NOT_FOUND", "not-found"),
    # What a receiver answers is no request: it names no version of the standard.
    "response/Booking (HTTP Response) .json": (400, "REC_BAD_REQUEST", "invariant"),
}
API = "bars/api-1.4.0/process_message"


@pytest.mark.parametrize("name", sorted(API_EXAMPLES))
def test_examples_of_the_api_in_a_fresh_hub(client: FlaskClient, token: str, name: str) -> None:
    response = bars.post(client, token, data(f"{API}/{name}").read_bytes())
    expected = API_EXAMPLES[name]
    if expected is None:
        assert response.status_code == 200, response.get_data(as_text=True)
    else:
        assert bars.issue(response) == expected


def test_no_message_of_the_standard_is_left_out() -> None:
    folder = data("bars")
    known = {f"{API.removeprefix('bars/')}/{name}" for name in API_EXAMPLES}
    for path in sorted(folder.rglob("*.json")):
        found = json.loads(path.read_bytes())
        if found.get("resourceType") == "Bundle" and found.get("type") == "message":
            name = str(path.relative_to(folder))
            assert name in known or path.name.partition(" - ")[0] in FRESH, name


def test_the_conformance_tables_say_what_the_hub_answers() -> None:
    """Each row of docs/messaging.md: the name, then the status with the issue code."""
    table = (ROOT / "docs" / "messaging.md").read_text("utf-8")
    rows = [line for line in table.splitlines() if line.startswith("| ")]

    def said(name: str) -> str:
        (row,) = [each for each in rows if name in re.split(r"[ ,]+", each.split("|")[1])]
        return row

    for name, expected in FRESH.items():
        row = said(name)
        # Some are told with what comes before them: "404, after REFREQ02 200".
        answer = "| 200 |" if expected is None else f"| {expected[0]}"
        assert answer in row, row
    for case in faulty():
        code = f" `{case['issue_code']}`" if case["issue_code"] else ""
        assert f"| {case['http']}{code} |" in said(case["file"].removesuffix(".json")), case
