"""Faults of escalation with real processes: recorded once, sent at least once, with one key."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from hub.db import db
from hub.domain import escalation
from hub.domain.escalation import BREACH, EscalationPolicy, EscalationStep, Notified
from hub.models.escalation import EscalationStep as Row
from hub.models.notice import Notice
from hub.models.outside_send import OutsideSend
from hub.records import Record
from hub.services import clocks, deliveries, escalations
from hub.settings import ROOT, Settings
from hub.transaction import transaction
from tests.factories.task import visit
from tests.workflow.conftest import Processes, eventually

pytestmark = pytest.mark.slow

ASHA = "Practitioner/asha-nurse"
POLICY = EscalationPolicy(
    "for-test",
    (
        EscalationStep("half-time", 50, (Notified.OWNER,), outside=True),
        EscalationStep("breach", BREACH, (Notified.DUTY_MANAGER,), reroute=True),
    ),
)


class Gateway:
    """The gateway process and what came to it."""

    def __init__(self, folder: Path, hold: int) -> None:
        self._folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.workflow.sms_gateway", str(folder), str(hold)], cwd=ROOT
        )
        eventually((folder / "port").exists, within=30)
        self.url = f"http://127.0.0.1:{(folder / 'port').read_text()}/sms"

    def came(self) -> list[dict[str, str]]:
        path = self._folder / "came.jsonl"
        # The last line may be half written.
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]


@pytest.fixture
def gateway(tmp_path: Path, app: Flask) -> Iterator[Gateway]:
    made = Gateway(tmp_path, hold=1)
    yield made
    made.process.kill()
    made.process.wait()


@pytest.fixture
def sending(
    processes: Processes, hub_settings: Settings, tmp_path: Path, gateway: Gateway
) -> Iterator[Processes]:
    """Worker and relay that know the gateway; nobody else works on the database."""
    processes.stop()
    made = Processes(hub_settings, tmp_path, CAREHUB_SMS_URL=gateway.url)
    yield made
    made.stop()


@pytest.fixture
def task(patient: str) -> Record:
    made = visit(patient, owner=ASHA)
    with transaction():
        running = clocks.running(made.id, locked=True)
        assert running is not None
        running.policy = {**running.policy, "escalation": escalation.freeze(POLICY)}
        clocks.reschedule(running)
    return made


def the_send() -> OutsideSend:
    db.session.expire_all()
    return db.session.scalars(select(OutsideSend)).one()


def test_a_worker_killed_between_the_sending_and_its_record(
    app: Flask,
    sending: Processes,
    gateway: Gateway,
    task: Record,
    advance: Callable[[timedelta], None],
) -> None:
    def sweep() -> None:
        app.extensions["carehub_redis"].publish("carehub:wake", "sweep")

    sending.start("worker", "relay")
    advance(timedelta(minutes=61))

    def has_arrived() -> bool:
        sweep()
        return bool(gateway.came())

    eventually(has_arrived, processes=sending)
    # The gateway has it and has not answered: nothing is written down yet.
    sending.kill("worker")
    left = the_send()
    assert (left.state, left.attempts, left.repeats) == ("waiting", 1, 0)
    with transaction():  # the lease runs out
        db.session.execute(
            update(OutsideSend).values(leased_until=deliveries.real_now() - timedelta(seconds=1))
        )
    sending.start("worker")

    def is_sent() -> bool:
        sweep()
        return the_send().state == "sent"

    eventually(is_sent, processes=sending)

    done = the_send()
    assert [message["key"] for message in gateway.came()] == [done.key, done.key]
    assert (done.attempts, done.repeats, done.provider_id) == (2, 1, "gateway-2")
    # Inside the hub everything has happened once.
    assert [row.action for row in escalations.steps_of(task.id)] == ["half-time"]
    told = select(func.count()).where(Notice.kind == "TaskEscalated", Notice.recipient == ASHA)
    assert db.session.scalar(told) == 1


_SWEEPER = """
import pathlib, sys, time
from workflows.app import flask_app
from workflows import escalation
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
with flask_app().app_context():
    (folder / f"ready-{name}").touch()
    while not (folder / "go").exists():
        time.sleep(0.001)
    print(escalation.sweep.run())
"""


def test_eight_sweepers_take_each_step_of_one_clock_once(
    sending: Processes,
    task: Record,
    tmp_path: Path,
    advance: Callable[[timedelta], None],
) -> None:
    advance(timedelta(hours=3))  # both steps are due
    names = [str(number) for number in range(8)]
    sweepers = [sending.python("-c", _SWEEPER, str(tmp_path), name) for name in names]
    eventually(lambda: all((tmp_path / f"ready-{name}").exists() for name in names))

    (tmp_path / "go").touch()

    taken = [int(each.communicate(timeout=60)[0].split()[-1]) for each in sweepers]
    db.session.rollback()
    rows = db.session.execute(select(Row.step, Row.repeat).order_by(Row.step)).all()
    # Each waited for the lock of the Task, so whoever came last found nothing more to do.
    assert sum(taken) == 2
    assert [tuple(row) for row in rows] == [(0, 0), (1, 0)]
    assert db.session.scalar(select(func.count()).select_from(OutsideSend)) == 1
