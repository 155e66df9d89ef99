"""Referrals sent on to a system that dies at random points: each arrives once, then its end."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from hub import records
from hub.db import db
from hub.domain.actor import Actor
from hub.domain.definition import HubDefinition
from hub.models.outgoing_message import OutgoingMessage
from hub.records import Record
from hub.services import messages, onward, referrals, task_content
from hub.settings import Settings
from hub.transaction import transaction
from tests.api.bars import referral, sender
from tests.factories.actor import actor
from tests.workflow.conftest import SPOR, Processes, eventually
from tests.workflow.other_system import System, kill_worker

pytestmark = pytest.mark.slow

SENDER = sender("estuary-111")


@pytest.fixture
def system() -> Iterator[System]:
    made = System(5)
    yield made
    made.close()


@pytest.fixture
def sending(
    app: Flask,
    processes: Processes,
    hub_settings: Settings,
    tmp_path: Path,
    system: System,
) -> Iterator[Processes]:
    """Worker and relay, and this process, know the way to the system."""
    processes.stop()
    before = app.config["CAREHUB"]
    app.config["CAREHUB"] = replace(before, bars_url=system.url)
    made = Processes(hub_settings, tmp_path, CAREHUB_BARS_URL=system.url)
    yield made
    made.stop()
    app.config["CAREHUB"] = before


def test_each_referral_arrives_once_and_is_then_called_back_in_order(
    app: Flask,
    sending: Processes,
    system: System,
    definition: HubDefinition,
    advance: Callable[[timedelta], None],
) -> None:
    sam = actor("sam-spor", "CareTeam/spor")
    requests = [_redirected(sam) for _ in range(4)]
    sending.start("worker", "relay")
    called_back = killed = 0

    def all_arrived() -> bool:
        nonlocal called_back, killed
        app.extensions["carehub_redis"].publish("carehub:wake", "sweep")
        if system.came >= 2 * (killed + 1) and killed < 2:
            killed += 1
            kill_worker(sending)
        tried = {row.subject for row in _rows() if row.attempts}
        if not called_back and len(tried) == len(requests):
            # Whether each has arrived is not known at this point: its end follows it.
            for request_id in requests:
                with transaction():
                    onward.call_back(sam, request_id, reason="The person is better")
            called_back = len(requests)
        if len(_rows()) == 8 and {row.state for row in _rows()} <= {"sent", "settled"}:
            return True
        advance(timedelta(seconds=31))
        return False

    eventually(all_arrived, processes=sending)

    assert killed == 2
    # What has arrived is cancelled, whether or not the hub had heard that it had.
    assert system.states()
    assert set(map(tuple, system.states().values())) == {("active", "revoked")}
    arrived = {row.bundle_id for row in _rows() if row.state == "sent"}
    assert set(system.states()) == arrived
    assert system.came > len(system.book), "nothing went wrong, so nothing was shown"
    assert [_send_on(each)["status"] for each in requests] == ["cancelled"] * 4


def _redirected(sam: Actor) -> str:
    """Take a referral in and redirect it to a service that takes messages; return its id."""
    headers = {"X-Request-Id": str(uuid.uuid4()), "X-Correlation-Id": str(uuid.uuid4())}
    with transaction():
        answer = messages.process(SENDER, headers, json.dumps(referral()).encode())
    request_id: str = answer.body["entry"][1]["resource"]["id"]
    (triage,) = [each for each in _tasks(request_id) if _kind(each) == "triage"]
    with transaction():
        referrals.redirect(
            sam,
            triage.id,
            version=triage.version,
            service="acute-assessment",
            reason="better-served",
        )
    return request_id


def _tasks(request_id: str) -> list[Record]:
    focus = ("focus", f"ServiceRequest/{request_id}")
    return list(records.search(SPOR, "Task", [focus]).records)


def _kind(task: Record) -> str | None:
    return task_content.code(task.resource)


def _send_on(request_id: str) -> Record:
    (found,) = [each for each in _tasks(request_id) if _kind(each) == "send-on"]
    return found


def _rows() -> list[OutgoingMessage]:
    db.session.expire_all()
    return list(db.session.scalars(select(OutgoingMessage)))
