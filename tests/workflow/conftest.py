"""A real worker and a real relay beside the test, on a clock that the test moves."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from hub import clock, records
from hub.db import db
from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition
from hub.models.decision import RoutingDecision
from hub.records import Record
from hub.services import tasks
from hub.settings import ROOT, Settings
from hub.transaction import transaction
from tests.factories.patient import patient as person
from tests.factories.task import visit
from tests.sample_hub import load_hub

SUNDAY = datetime(2026, 12, 27, 13, 0, tzinfo=UTC)
SET_UP = hub_actor("set-up")
SPOR = hub_actor("spor")

COMMANDS = {
    "worker": ("-m", "celery", "-A", "workflows.app", "worker", "--loglevel=WARNING"),
    "relay": ("-m", "workflows.relay"),
    "beat": ("-m", "celery", "-A", "workflows.app", "beat", "--pidfile=", "--loglevel=WARNING"),
}


class Processes:
    """Starts, kills and stops the processes of a hub; they outlive a single test, not its file."""

    def __init__(self, settings: Settings, log_folder: Path, **changes: str) -> None:
        self._environment = (
            os.environ
            | {
                "CAREHUB_HOME": str(settings.home),
                "CAREHUB_SECRET": settings.secret_key,
                "CAREHUB_SIMULATED": "1",
                "DATABASE_URL": settings.database_url,
                "REDIS_URL": settings.redis_url,
            }
            | changes
        )
        self._log_folder = log_folder
        self._schedule = f"--schedule={log_folder / 'beat'}"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._of_tests: list[subprocess.Popen[str]] = []

    def start(self, *names: str) -> None:
        for name in names:
            found = self._running.get(name)
            if found is None or found.poll() is not None:
                more = [self._schedule] if name == "beat" else []
                with (self._log_folder / f"{name}.log").open("ab") as log:
                    self._running[name] = subprocess.Popen(
                        [sys.executable, *COMMANDS[name], *more],
                        cwd=ROOT,
                        env=self._environment,
                        stdout=log,
                        stderr=log,
                    )

    def python(self, *arguments: str, stdin: bool = False) -> subprocess.Popen[str]:
        """Start a process of the test's own in this environment; what it prints is kept."""
        made = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE if stdin else None,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._of_tests.append(made)
        return made

    def kill(self, *names: str) -> None:
        """End a process as the kernel does when memory is short."""
        for name in names:
            if (process := self._running.pop(name, None)) is not None:
                process.kill()
                process.wait()

    def stop(self) -> None:
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        for process in self._running.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()
        for each in self._of_tests:
            each.kill()
            each.wait()
            for pipe in filter(None, (each.stdin, each.stdout)):
                with suppress(OSError):
                    pipe.close()
        self._of_tests.clear()

    def log(self, name: str) -> str:
        path = self._log_folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""


# A module's, not the session's: they work on the same database, and would act on what the tests
# of other files write.
@pytest.fixture(scope="module")
def _processes(
    hub_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Processes]:
    clock.set_simulated(hub_settings.home, SUNDAY)
    made = Processes(hub_settings, tmp_path_factory.mktemp("processes"))
    yield made
    made.stop()


@pytest.fixture
def processes(app: Flask, _processes: Processes, hub_settings: Settings) -> Processes:
    """The processes, and the clock of the test set to a Sunday between bank holidays."""
    clock.set_simulated(hub_settings.home, SUNDAY)
    clock.use_simulated(hub_settings.home)
    return _processes


class Crashing:
    """A hub in one process that does something and may be killed in the middle of it.

    See ``tests.workflow.crashing``.
    """

    def __init__(self, server: subprocess.Popen[str], folder: Path) -> None:
        self._server = server
        self.letters = folder / "letters"
        """What came to the gateway: one idempotency key a line."""

    def do(
        self,
        deed: str,
        about: dict[str, Any],
        sweeps: Iterable[str],
        *,
        die_at: int = 0,
        later: bool = False,
        twice: int | None = None,
        here: bool = False,
    ) -> int | None:
        """Return how many steps it took; None when it was killed before step ``die_at``.

        ``later``: what a dead process had in hand is free again. ``twice``: every message is
        delivered twice, in an order drawn from this seed. ``here``: no process of its own, so that
        the next ones need not read and compile everything anew.
        """
        # The other process must find what the test has written, and wait for none of its locks.
        db.session.remove()
        request = {
            "deed": deed,
            "about": about,
            "sweeps": list(sweeps),
            "die_at": die_at,
            "later": later,
            "twice": twice,
            "here": here,
            "letters": str(self.letters),
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        answer = json.loads(self._server.stdout.readline())
        assert "failed" not in answer, answer
        if "killed" in answer:
            assert answer["killed"] == signal.SIGKILL
            return None
        return int(answer["done"])


@pytest.fixture
def crashing(processes: Processes, tmp_path: Path) -> Iterator[Crashing]:
    processes.stop()
    server = processes.python("-m", "tests.workflow.crashing", stdin=True)
    yield Crashing(server, tmp_path)
    server.kill()
    server.wait()


@pytest.fixture
def advance(processes: Processes, hub_settings: Settings) -> Callable[[timedelta], None]:
    def move(amount: timedelta) -> None:
        clock.set_simulated(hub_settings.home, clock.now() + amount)

    return move


@pytest.fixture
def definition(processes: Processes) -> HubDefinition:
    with transaction():
        return load_hub()


@pytest.fixture
def patient(definition: HubDefinition) -> str:
    with transaction():
        practice = f"Organization/{definition.gp_hub}"
        return person(nhs_number="9990000018", practice=practice, birthDate="1941-05-04").reference


@pytest.fixture
def accepted_referral(patient: str) -> Callable[..., Record]:
    """Open a visit that waits in its team's pool for routing, as accepting a referral does."""

    def make(*, minutes: int = 5) -> Record:
        with transaction():
            task = visit(patient, minutes=minutes)
            tasks.ask_for_routing(SPOR, task.id)
        return task

    return make


def eventually(
    condition: Callable[[], Any], *, within: float = 150, processes: Processes | None = None
) -> Any:
    """Return the first true answer of ``condition``; fail with the logs when it never comes."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        # Nothing that an earlier look has read may answer for the database of now.
        db.session.rollback()
        if found := condition():
            return found
        time.sleep(0.1)
    logs = "".join(processes.log(name)[-3000:] for name in COMMANDS) if processes else ""
    pytest.fail(f"did not happen within {within} seconds\n{logs}")


def owner_of(task: Record) -> str:
    owner: str = records.read(SPOR, "Task", task.id)["owner"]["reference"]
    return owner


def is_with_a_person(task: Record) -> bool:
    return owner_of(task).startswith("Practitioner/")


def decisions_of(task: Record) -> list[RoutingDecision]:
    found = db.session.execute(select(RoutingDecision).where(RoutingDecision.task_id == task.id))
    return list(found.scalars())
