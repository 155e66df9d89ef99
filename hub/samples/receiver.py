"""A subscribed system in small: takes rest-hooks, keeps them, drops repeats by their key.

``python -m hub.samples.receiver --port N``; loopback only. POST to any path is a notification for
the subscriber of that name, GET /received tells what came. What it got survives its restart.
"""

import argparse
import json
import signal
import threading
import uuid
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from hub import settings

LARGEST = 4_000_000
"""Bytes of a notification: far above any resource."""


class Inbox:
    """What was received: one JSON line each, on disk before the answer leaves."""

    def __init__(self, path: Path, *, refuse_first: int = 0) -> None:
        self._lock = threading.Lock()
        self._path = path
        self._messages: dict[str, dict[str, Any]] = {}
        self._repeats = 0
        self._refusals = refuse_first
        if path.exists():
            for line in path.read_text().splitlines():
                message = json.loads(line)
                if message.get("repeat"):
                    self._repeats += 1
                else:
                    self._messages[message["key"]] = message

    def take(self, message: dict[str, Any]) -> str | None:
        """Keep a message and return its acknowledgement; None while it is told to refuse."""
        with self._lock:
            if self._refusals > 0:
                self._refusals -= 1
                return None
            known = self._messages.get(message["key"])
            if known is not None:
                self._repeats += 1
                self._append({"key": message["key"], "repeat": True})
            else:
                known = message | {"acknowledgement": str(uuid.uuid4())}
                self._append(known)
                self._messages[message["key"]] = known
            acknowledgement: str = known["acknowledgement"]
            return acknowledgement

    def report(self) -> dict[str, Any]:
        with self._lock:
            messages = list(self._messages.values())
            return {"received": len(messages), "repeated": self._repeats, "messages": messages}

    def _append(self, line: dict[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(line) + "\n")


def handler_of(inbox: Inbox) -> type[BaseHTTPRequestHandler]:
    """Return the request handler that puts what comes into ``inbox``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if length > LARGEST:
                self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"")
                return
            body = self.rfile.read(length).decode()
            key = self.headers.get("Idempotency-Key")
            if key is None:
                self._answer(HTTPStatus.BAD_REQUEST, b"Idempotency-Key is missing")
                return
            acknowledgement = inbox.take(
                {
                    "subscriber": self.path.strip("/"),
                    "key": key,
                    "event": self.headers.get("X-Carehub-Event"),
                    "subject": self.headers.get("X-Carehub-Subject"),
                    "sequence": int(self.headers.get("X-Carehub-Sequence") or 0),
                    "subscription": self.headers.get("X-Carehub-Subscription"),
                    "body": json.loads(body) if body else None,
                }
            )
            if acknowledgement is None:
                self._answer(HTTPStatus.SERVICE_UNAVAILABLE, b"try again")
            else:
                self._answer(HTTPStatus.OK, b"", acknowledgement)

        def do_GET(self) -> None:
            if self.path != "/received":
                self._answer(HTTPStatus.NOT_FOUND, b"")
                return
            self._answer(HTTPStatus.OK, json.dumps(inbox.report()).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing: addresses and bodies of care do not belong in a log."""

        def _answer(self, status: HTTPStatus, body: bytes, acknowledgement: str = "") -> None:
            self.send_response(status)
            if acknowledgement:
                self.send_header("X-Acknowledgement-Id", acknowledgement)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def serve(port: int, path: Path, *, refuse_first: int = 0) -> ThreadingHTTPServer:
    """Return a server on loopback; port 0 chooses a free one (``server_address``)."""
    inbox = Inbox(path, refuse_first=refuse_first)
    server = ThreadingHTTPServer(("127.0.0.1", port), handler_of(inbox))
    server.daemon_threads = True
    return server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--refuse-first", type=int, default=0, help="answer 503 this often")
    arguments = parser.parse_args()
    home = settings.load().home
    home.mkdir(parents=True, exist_ok=True)
    server = serve(arguments.port, home / "received.jsonl", refuse_first=arguments.refuse_first)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stop.wait()
    server.shutdown()


if __name__ == "__main__":
    main()
