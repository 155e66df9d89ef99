"""Responses to a system that dies at random points: each arrives, once in its book, in order."""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from hub import records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.definition import HubDefinition
from hub.models.outgoing_message import OutgoingMessage
from hub.records import Record
from hub.services import messages, referrals, tasks
from hub.settings import Settings
from hub.transaction import transaction
from tests.api.bars import referral, sender
from tests.factories.actor import actor
from tests.workflow.conftest import SPOR, Processes, eventually
from tests.workflow.other_system import System, kill_worker

pytestmark = pytest.mark.slow

SENDER = sender("hospital-system")


@pytest.fixture(params=[2])
def system(request: pytest.FixtureRequest) -> Iterator[System]:
    made = System(request.param)
    yield made
    made.close()


@pytest.fixture
def answering(
    processes: Processes,
    hub_settings: Settings,
    tmp_path: Path,
    system: System,
    definition: HubDefinition,
) -> Iterator[Processes]:
    """Worker and relay that know the way to the system; nobody else works on the database."""
    processes.stop()
    made = Processes(hub_settings, tmp_path, CAREHUB_BARS_URL=system.url)
    yield made
    made.stop()


def sent(message: dict[str, Any]) -> Record:
    """Let a validation request in; return its triage Task."""
    headers = {"X-Request-Id": str(uuid.uuid4()), "X-Correlation-Id": str(uuid.uuid4())}
    with transaction():
        answer = messages.process(SENDER, headers, json.dumps(message).encode())
    reference = f"ServiceRequest/{answer.body['entry'][1]['resource']['id']}"
    (triage,) = [
        task
        for task in records.search(SPOR, "Task", [("focus", reference)]).records
        if task["code"]["coding"][0]["code"] == "triage"
    ]
    return triage


def test_a_system_that_dies_at_random_points_has_each_answer_once_and_in_order(
    app: Flask,
    answering: Processes,
    system: System,
    definition: HubDefinition,
    advance: Callable[[timedelta], None],
) -> None:
    sam = actor("sam-spor", "CareTeam/spor")
    asha = actor("asha-nurse", "CareTeam/district-nursing-west")
    requests = [referral(category="validation") for _ in range(3)]
    triages = [sent(each) for each in requests]
    answering.start("worker", "relay")
    for triage in triages:
        with transaction():
            asked = referrals.ask(sam, triage.id, version=triage.version, question="Since when?")
        with transaction():
            work = referrals.accept(
                sam, triage.id, version=asked.version, service="district-nursing"
            )
        with transaction():
            # As if it had never been routed: who does it is not what this test is about.
            record = records.lock(SPOR, "Task", work.id)
            tasks.complete(
                asha if record["owner"]["reference"].startswith("CareTeam/") else _owner(record),
                work.id,
                version=record.version,
                outcome="done",
            )
    advance(timedelta(minutes=6))
    killed = 0

    def all_arrived() -> bool:
        nonlocal killed
        app.extensions["carehub_redis"].publish("carehub:wake", "sweep")
        if system.came >= 3 * (killed + 1) and killed < 2:
            killed += 1
            kill_worker(answering)
        found = db.session.execute(
            select(OutgoingMessage.state, func.count()).group_by(OutgoingMessage.state)
        )
        states = {state: count for state, count in found}  # noqa: C416 (rows are no pairs to mypy)
        if states == {"sent": 9}:
            return True
        # What was refused is tried again later: later is now.
        advance(timedelta(seconds=31))
        return False

    eventually(all_arrived, processes=answering)

    assert killed == 2
    assert system.states() == {each["id"]: ["active", "active", "completed"] for each in requests}
    assert len({request_id for _, _, request_id in system.book}) == 9
    assert system.came > 9, "nothing went wrong, so nothing was shown"


def _owner(record: Record) -> Actor:
    who = str(record["owner"]["reference"]).removeprefix("Practitioner/")
    return actor(who, "CareTeam/district-nursing-west")
