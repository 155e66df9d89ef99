"""Another system in tests of sending: a receiver of the standard with a bad connection."""

import json
import random
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sqlalchemy import update

from hub.db import db
from hub.models.outgoing_message import OutgoingMessage
from hub.services import deliveries
from hub.transaction import transaction
from tests.workflow.conftest import Processes


class System:
    """A receiver of the standard with a bad connection: it keeps what it reads, once an id."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self.book: list[tuple[str, str, str]] = []
        """(Bundle.id, or that of the request answered; ServiceRequest.status, X-Request-Id), in the
        order they came."""
        self.came = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = owner.take(self.headers["X-Request-Id"], json.loads(body))
                if answer is None:
                    self.close_connection = True
                    return
                status, said = answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/$process-message"

    def take(self, request_id: str, bundle: dict[str, Any]) -> tuple[int, bytes] | None:
        with self._lock:
            self.came += 1
            what = self._chance.choice(("keep", "keep", "refuse", "die", "keep and die", "fail"))
            if what == "die":
                return None
            if what == "refuse":
                return 503, b""
            if any(known == request_id for _, _, known in self.book):
                issue = {"severity": "error", "code": "duplicate"}
                outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
                return 409, json.dumps(outcome).encode()
            parts = [entry["resource"] for entry in bundle["entry"]]
            (request,) = [each for each in parts if each["resourceType"] == "ServiceRequest"]
            about = parts[0].get("response", {}).get("identifier") or bundle["id"]
            if request["status"] == "revoked" and about not in self.states():
                return 404, b"{}"
            self.book.append((about, request["status"], request_id))
            return {"keep": (200, b"{}"), "keep and die": None, "fail": (500, b"")}[what]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def states(self) -> dict[str, list[str]]:
        """Return what it holds: the states of each referral, in the order they came."""
        found: dict[str, list[str]] = {}
        for about, state, _ in self.book:
            found.setdefault(about, []).append(state)
        return found


def kill_worker(processes: Processes) -> None:
    """Kill the worker, let the lease of what it had in hand run out, and start it again."""
    processes.kill("worker")
    with transaction():
        db.session.execute(
            update(OutgoingMessage)
            .where(OutgoingMessage.leased_until.is_not(None))
            .values(leased_until=deliveries.real_now() - timedelta(seconds=1))
        )
    processes.start("worker")
