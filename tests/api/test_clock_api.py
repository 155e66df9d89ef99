"""``Task/[id]/$clock``: due, share and state of any moment, and a cause for every second."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fhir.validation import validate
from hub import clock
from hub.records import Record, instant
from hub.services import tasks
from hub.transaction import transaction
from tests.factories.actor import actor
from tests.factories.patient import patient
from tests.factories.task import visit
from tests.sample_hub import load_hub
from tests.unit.hub.services.clockwork import Clockwork

WEST = "CareTeam/district-nursing-west"


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


@pytest.fixture
def time(app: Flask, tmp_path: Path) -> Clockwork:
    return Clockwork(tmp_path)


@pytest.fixture
def work(time: Clockwork) -> Record:
    with transaction():
        load_hub()
        who = f"Patient/{patient().id}"
    return visit(who, owner="Practitioner/asha-nurse", clock="community-routine")


def said(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body = answer.get_json()
    assert validate(body) == []
    plain = {p["name"]: p for p in body["parameter"] if p["name"] != "span"}
    plain["span"] = [
        {part["name"]: part for part in p["part"]} for p in body["parameter"] if p["name"] == "span"
    ]
    return plain


def test_the_clock_of_any_moment_with_and_without_its_pauses(
    client: FlaskClient, headers: dict[str, str], work: Record, time: Clockwork
) -> None:
    asha = actor("asha-nurse", WEST)
    time.advance(hours=1)
    with transaction():
        review = clock.now() + timedelta(days=9)
        tasks.accept(asha, work.id, version=1)
        tasks.hold(asha, work.id, version=2, reason="in-hospital", review_at=review)
    time.advance(hours=2)
    during = instant(clock.now()).replace("+", "%2B")
    time.advance(days=2)
    with transaction():
        tasks.resume(asha, work.id, version=3)

    now = said(client.get(f"/fhir/Task/{work.id}/$clock", headers=headers))
    then = said(client.get(f"/fhir/Task/{work.id}/$clock?at={during}", headers=headers))

    assert (now["rule"]["valueCode"], now["state"]["valueCode"]) == ("community-routine", "running")
    assert now["words"]["valueString"].startswith("breaches in")
    assert now["with-pauses"]["part"] != now["without-pauses"]["part"]
    elapsed = timedelta(days=2, hours=3).total_seconds()
    assert sum(span["seconds"]["valueDecimal"] for span in now["span"]) == elapsed
    assert then["state"]["valueCode"] == "paused"
    assert [span["cause"]["valueCode"] for span in then["span"]] == ["with-owner", "paused"]
    assert then["span"][1]["detail"]["valueString"] == "in-hospital"


def test_a_task_that_is_hidden_or_had_no_clock_then_has_no_answer(
    client: FlaskClient, headers: dict[str, str], work: Record
) -> None:
    before = "2020-01-01T00:00:00Z"
    address = f"/fhir/Task/{work.id}/$clock"

    assert client.get(f"{address}?at={before}", headers=headers).status_code == 404
    assert client.get("/fhir/Task/none/$clock", headers=headers).status_code == 404
    assert client.get(f"{address}?at=soon", headers=headers).status_code == 400
    assert client.get(f"{address}?when={before}", headers=headers).status_code == 400
    assert client.get(address).status_code == 401
