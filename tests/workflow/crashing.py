"""Relay and worker as one process, which can be killed before its n-th step.

``python -m tests.workflow.crashing`` reads one request a line from standard input: what to do, and
before which step to die. Each is done in a process of its own, forked from this one, which knows
the hub (``here``: it has walked the path once itself) and holds no connection. A step is a
statement, a commit, a message to the broker or a message that leaves the hub; the n-th one is met
by SIGKILL, as the kernel gives it when memory is short, so nothing is rolled back, closed or said.
Standard output answers with one line each.
"""

import gc
import json
import os
import random
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import text

from hub.adapters.gateways import Outcome
from hub.adapters.mesh import MeshMailbox
from hub.connections import Connection
from hub.db import db
from hub.queries.idle import is_idle
from hub.transaction import transaction
from tests.workflow import deeds
from workflows import relay
from workflows.app import celery, flask_app
from workflows.schedule import SWEEPS
from workflows.sender import Sender

MOST_ROUNDS = 60


class Steps:
    """Counts what a process does that outlives it, and ends the process before step ``die_at``."""

    def __init__(self, die_at: int = 0) -> None:
        self.taken = 0
        self._die_at = die_at

    def take(self) -> None:
        self.taken += 1
        if self.taken == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(self, owner: type, name: str) -> None:
        """Count each call of a method as a step, before it happens."""
        real = getattr(owner, name)

        def counted(*args: Any, **named: Any) -> Any:
            self.take()
            return real(*args, **named)

        setattr(owner, name, counted)


class Letters:
    """A gateway that has a message once it stands in a file."""

    def __init__(self, path: Path, steps: Steps) -> None:
        self._path = path
        self._steps = steps

    def send(self, _address: str, _text: str, *, key: str) -> Outcome:
        self._steps.take()
        with self._path.open("a") as file:
            file.write(f"{key}\n")
            file.flush()
            os.fsync(file.fileno())
        self._steps.take()
        return Outcome(taken=True, provider_id="letters")


class OneProcess:
    """What relay and worker do, in the order of the messages or, ``twice``, not at all in order."""

    def __init__(self, steps: Steps, letters: Path, *, twice: int | None = None) -> None:
        self._messages: deque[tuple[str, tuple[Any, ...]]] = deque()
        self._chance = random.Random(twice) if twice is not None else None
        self._gateway = Letters(letters, steps)
        self._steps = steps

    def install(self) -> None:
        """Take the place of broker and gateways in this process."""

        def send(_sender: Sender, name: str, *args: Any) -> None:
            self._steps.take()
            self._messages.append((name, args))

        for name, method in {"send": send, "hint": send, "declare": lambda _sender: None}.items():
            setattr(Sender, name, method)
        flask_app().extensions["carehub_gateways"] = dict.fromkeys(("sms", "email"), self._gateway)

    def come_to_rest(self, sweeps: Iterable[str] = SWEEPS) -> None:
        """Relay and handle until nothing is due."""
        hub = flask_app()
        relaying = relay.Relay(hub.extensions["carehub_redis"])
        for _ in range(MOST_ROUNDS):
            relaying.announce()
            relaying.send_due()
            for name in sweeps:
                celery.tasks[name]()
            if self._chance is not None:
                self._messages.extend([*self._messages])
                self._chance.shuffle(self._messages)
            while self._messages:
                name, args = self._messages.popleft()
                celery.tasks[name](*args)
            with hub.app_context():
                if is_idle():
                    return
        raise AssertionError("the hub does not come to rest")


def let_leases_run_out() -> None:
    """Bring forward what real time brings: the relay sends again, what was in hand is free."""
    with transaction():
        db.session.execute(
            text("UPDATE outbox SET sent_at = sent_at - interval '1 day' WHERE handled_at IS NULL")
        )
        for table in ("outside_send", "delivery", "mesh_arrival", "mesh_send"):
            db.session.execute(
                text(
                    f"UPDATE {table} SET leased_until = leased_until - interval '1 day'"
                    " WHERE leased_until IS NOT NULL"
                )
            )


def watch(steps: Steps) -> None:
    """Make every statement and every commit of this process a step."""
    steps.before(psycopg.Cursor, "execute")
    steps.before(psycopg.Cursor, "executemany")
    steps.before(psycopg.Connection, "commit")
    steps.before(Connection, "fetch")
    for name in ("listed", "download", "acknowledge", "send"):
        steps.before(MeshMailbox, name)


def _do(request: dict[str, Any], steps: Steps) -> int:
    deed: Callable[..., None] = getattr(deeds, request["deed"])
    hub = OneProcess(steps, Path(request["letters"]), twice=request["twice"])
    hub.install()
    with flask_app().app_context():
        if request["later"]:
            let_leases_run_out()
        deed(**request["about"])
        hub.come_to_rest(request["sweeps"])
    return steps.taken


def _here(request: dict[str, Any]) -> dict[str, Any]:
    """Walk the path in this process, so that those who come of it have everything in memory."""
    taken = _do(request, Steps())
    hub = flask_app()
    with hub.app_context():
        db.session.remove()
        db.engine.dispose()
    hub.extensions["carehub_redis"].connection_pool.disconnect()
    gc.freeze()
    return {"done": taken}


def _in_a_child(request: dict[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            steps = Steps(request["die_at"])
            watch(steps)
            said: dict[str, Any] = {"done": _do(request, steps)}
        except BaseException as error:  # noqa: BLE001 - the parent fails the test with it
            said = {"failed": f"{type(error).__name__}: {error}"}
        os.write(writing, json.dumps(said).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        said_last = file.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return {"killed": os.WTERMSIG(status)}
    answer: dict[str, Any] = json.loads(said_last)
    return answer


def main() -> None:
    flask_app()
    # The tasks of every module: a worker imports them when it starts.
    celery.loader.import_default_modules()
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps((_here if request["here"] else _in_a_child)(request)), flush=True)


if __name__ == "__main__":
    main()
