"""A simulated hub's clock moves only when the hub is idle; a normal hub has no such clock."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hub import clock, records
from hub.app import create_app
from hub.auth import issue_token
from hub.auth.accounts import register_client
from hub.db import db
from hub.domain.actor import hub_actor
from hub.samples import SOUTHEND
from hub.services import definitions
from hub.transaction import transaction

START = datetime(2026, 12, 27, 6, tzinfo=UTC)


@pytest.fixture
def simulated(app: Flask, tmp_path: Path) -> Iterator[FlaskClient]:
    clock.set_simulated(tmp_path, START)
    configuration = dataclasses.replace(app.config["CAREHUB"], simulated=True, home=tmp_path)
    application = create_app(configuration)
    application.testing = True
    with application.app_context():
        yield application.test_client()
        db.session.remove()
        db.engine.dispose()
    clock.use_real()


@pytest.fixture
def headers(simulated: FlaskClient) -> dict[str, str]:
    with transaction():
        register_client("simulator", name="Simulator", scopes=["system/*.cruds"])
    return {"Authorization": f"Bearer {issue_token('simulator', 'system/*.cruds', 600)}"}


def test_the_clock_moves_forward(simulated: FlaskClient, headers: dict[str, str]) -> None:
    later = START + timedelta(minutes=5)

    moved = simulated.post("/simulation/clock", json={"now": later.isoformat()}, headers=headers)

    assert moved.status_code == 200
    assert clock.now() == later
    assert simulated.get("/simulation/idle", headers=headers).json == {
        "now": later.isoformat(),
        "idle": True,
        "next_due": None,
    }


def test_time_stands_still_while_the_hub_is_at_work(
    simulated: FlaskClient, headers: dict[str, str]
) -> None:
    with transaction():
        records.outbox.emit("TaskAssigned", subject="Task/1")

    moved = simulated.post(
        "/simulation/clock",
        json={"now": (START + timedelta(minutes=5)).isoformat()},
        headers=headers,
    )

    assert moved.status_code == 409
    assert clock.now() == START
    answer = simulated.get("/simulation/idle", headers=headers)
    assert answer.get_json()["idle"] is False


@pytest.mark.parametrize("said", ["2026-12-27T05:00:00+00:00", "2026-12-27T07:00:00", "soon"])
def test_a_wrong_time_is_refused(
    simulated: FlaskClient, headers: dict[str, str], said: str
) -> None:
    moved = simulated.post("/simulation/clock", json={"now": said}, headers=headers)

    assert moved.status_code in {400, 409}
    assert clock.now() == START


def test_it_needs_a_token(simulated: FlaskClient) -> None:
    assert simulated.get("/simulation/idle").status_code == 401


def test_a_normal_hub_has_no_simulated_clock(client: FlaskClient, token: str) -> None:
    with transaction():
        definitions.load(hub_actor("set-up"), SOUTHEND)

    moved = client.post(
        "/simulation/clock",
        json={"now": "2030-01-01T00:00:00Z"},
        headers={"Authorization": f"Bearer {token}"},
    )

    assert moved.status_code == 404
