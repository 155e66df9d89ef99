"""A topic subscription in small: who subscribes, what changes, and a receiver that fails."""

import json
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fhir.subscriptions import TOPICS
from hub import records
from hub.db import db
from hub.domain.actor import Actor, ActorKind
from hub.records import Record
from hub.records.tables import OUTBOX
from hub.services import announcements
from hub.transaction import transaction
from tests.unit.fhir.test_subscriptions import subscription
from workflows import delivery as workflow
from workflows.handlers import handle

FLAGS = next(topic for topic, kind in TOPICS.items() if kind == "Flag")
SYSTEM = Actor(
    kind=ActorKind.SYSTEM,
    id="client/hospital",
    display="Hospital",
    scopes=frozenset({"system/*.cruds"}),
)


_FATES = (
    *("keep", "keep", "keep", "keep", "die unread", "die", "refuse"),
    *("keep and die", "keep and fail", "keep and sleep"),
)
SLEEPS = 0.6
"""Seconds: longer than the patience of a test that sets one."""


class Receiver:
    """A subscriber behind a proxy that fails: it keeps each event id once."""

    def __init__(self, seed: int | None = None) -> None:
        self._chance = random.Random(seed) if seed is not None else None
        self.down: int | None = None
        """The HTTP status of every answer; 0: the connection is closed."""
        self.well = False
        """Nothing fails for now."""
        self.came: list[dict[str, Any]] = []
        """Every notification that was read, repeats too."""
        self.book: dict[str, dict[str, Any]] = {}
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                fate = owner.fate()
                if fate == "die unread":
                    self.close_connection = True
                    return
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = owner.take(self.headers.get("Idempotency-Key"), json.loads(body), fate)
                if fate == "keep and sleep":
                    time.sleep(SLEEPS)
                if not status:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def fate(self) -> str:
        return "keep" if self._chance is None or self.well else self._chance.choice(_FATES)

    def take(self, key: str | None, bundle: dict[str, Any], what: str) -> int:
        """Return the HTTP status of the answer; 0: the connection is closed without one."""
        if self.down is not None:
            return self.down
        if what in {"die", "refuse"}:
            return 0 if what == "die" else 503
        self.came.append(bundle)
        # A repeat is known by its key and dropped; a heartbeat has none.
        if key is not None:
            self.book.setdefault(key, bundle)
        return {"keep and die": 0, "keep and fail": 500}.get(what, 200)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def told(self, kind: str) -> list[dict[str, Any]]:
        """Return what is in the book of one kind, in the order in which it came."""
        return [each for each in self.book.values() if kind_of(each) == kind]


def status_part(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = bundle["entry"][0]["resource"]["parameter"]
    return found


def kind_of(bundle: dict[str, Any]) -> str:
    return str(next(p["valueCode"] for p in status_part(bundle) if p["name"] == "type"))


def numbers_of(bundle: dict[str, Any]) -> list[int]:
    return [
        int(part["valueString"])
        for each in status_part(bundle)
        if each["name"] == "notification-event"
        for part in each["part"]
        if part["name"] == "event-number"
    ]


def focus_of(bundle: dict[str, Any]) -> list[str]:
    return [
        part["valueReference"]["reference"].rpartition("/fhir/")[2]
        for each in status_part(bundle)
        if each["name"] == "notification-event"
        for part in each["part"]
        if part["name"] == "focus"
    ]


def subscribe(url: str, content: str = "id-only", **more: Any) -> Record:
    wanted = subscription("Flag?patient=Patient/p1", topic=FLAGS, content=content, **more)
    wanted["channel"]["endpoint"] = url
    with transaction():
        made = records.create(SYSTEM, wanted)
    relay()
    return made


def relay() -> None:
    """What the relay and the handler do, in this process."""
    with transaction():
        announcements.announce_changes()
    rows = db.session.execute(OUTBOX.select().where(OUTBOX.c.handled_at.is_(None))).all()
    db.session.rollback()
    for row in rows:
        handle(row.id, workflow.consider)


def send(made: Record) -> int:
    return int(workflow.deliver.run(made.id))


def flag(text: str = "falls", patient: str = "p1") -> Record:
    with transaction():
        return records.create(
            SYSTEM,
            {
                "resourceType": "Flag",
                "status": "active",
                "code": {"text": text},
                "subject": {"reference": f"Patient/{patient}"},
            },
        )


def standing(made: Record) -> tuple[str, str | None]:
    held = records.read(SYSTEM, "Subscription", made.id)
    return str(held["status"]), held.get("error")


def ask_again(made: Record) -> None:
    held = records.read(SYSTEM, "Subscription", made.id)
    with transaction():
        records.update(
            SYSTEM,
            held.resource | {"status": "requested"},
            type="Subscription",
            id=held.id,
            if_match=held.version,
        )
    relay()
