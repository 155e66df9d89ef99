"""Gateways against real servers: the key travels, and what is uncertain is said to be."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from hub import settings
from hub.adapters import gateways
from hub.adapters.gateways import HTTPSMSGateway, NullGateway, SMTPGateway

KEY = "clock/0/0/Practitioner/asha-nurse/sms"


@contextmanager
def http_gateway(status: int, body: bytes = b"") -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that keeps the JSON that it is sent."""
    with http_server(status, body, read=json.loads) as server:
        yield server


@contextmanager
def http_server(
    status: int, body: bytes = b"", *, read: Callable[[bytes], Any] = bytes
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server that keeps what it is POSTed and answers the same each time; 0: it hangs up."""
    came: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            came.append({"headers": dict(self.headers), "body": read(self.rfile.read(length))})
            if not status:
                self.close_connection = True  # dies with the message in hand
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/sms", came
    server.shutdown()
    server.server_close()


@contextmanager
def mail_server(data_answer: bytes = b"250 taken\r\n") -> Iterator[tuple[str, list[str]]]:
    """The least that SMTP asks of a server (RFC 5321)."""
    came: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline().decode().strip():
                verb = line.split()[0].upper()
                if verb == "DATA":
                    self.wfile.write(b"354 go on\r\n")
                    text = ""
                    while (part := self.rfile.readline().decode()) != ".\r\n":
                        text += part
                    came.append(text)
                    self.wfile.write(data_answer)
                    if not data_answer:
                        return
                elif verb == "QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                else:
                    self.wfile.write(b"250 yes\r\n")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"smtp://127.0.0.1:{server.server_address[1]}", came
    server.shutdown()
    server.server_close()


def test_a_text_message_carries_its_key_and_brings_back_the_gateways_own() -> None:
    with http_gateway(201, b'{"id": "gateway-7"}') as (url, came):
        outcome = HTTPSMSGateway(url, "secret").send("07700 900120", "Carehub: x", key=KEY)

    assert (outcome.taken, outcome.provider_id, outcome.uncertain) == (True, "gateway-7", False)
    (message,) = came
    assert message["body"] == {"to": "07700 900120", "text": "Carehub: x", "reference": KEY}
    assert message["headers"]["Idempotency-Key"] == KEY
    assert message["headers"]["Authorization"] == "Bearer secret"


@pytest.mark.parametrize(
    ("status", "uncertain"), [(400, False), (429, False), (503, True), (0, True)]
)
def test_a_text_message_that_was_not_clearly_refused_may_have_arrived(
    status: int, *, uncertain: bool
) -> None:
    with http_gateway(status) as (url, _):
        outcome = HTTPSMSGateway(url, "").send("07700 900120", "x", key=KEY)

    assert (outcome.taken, outcome.uncertain) == (False, uncertain)
    assert outcome.error


def test_an_e_mail_has_the_same_message_id_at_every_attempt() -> None:
    with mail_server() as (url, came):
        gateway = SMTPGateway(url, "hub@example.org")
        for _ in range(2):
            outcome = gateway.send("asha@example.org", "Carehub: x", key=KEY)
            assert outcome.taken

    names = [line for text in came for line in text.splitlines() if line.startswith("Message-ID: ")]
    assert len(names) == 2
    assert names[0] == names[1] == f"Message-ID: {outcome.provider_id}"
    assert f"Idempotency-Key: {KEY}" in came[0]


@pytest.mark.parametrize(("answer", "uncertain"), [(b"554 no\r\n", False), (b"", True)])
def test_an_e_mail_that_was_not_clearly_refused_may_have_arrived(
    answer: bytes, *, uncertain: bool
) -> None:
    with mail_server(answer) as (url, _):
        outcome = SMTPGateway(url, "hub@example.org").send("a@example.org", "x", key=KEY)

    assert (outcome.taken, outcome.uncertain) == (False, uncertain)


def test_nothing_that_never_left_is_uncertain() -> None:
    outcome = SMTPGateway("smtp://127.0.0.1:9", "hub@example.org").send("a@b", "x", key=KEY)

    assert (outcome.taken, outcome.uncertain) == (False, False)


def test_the_settings_choose_the_gateways() -> None:
    nothing = gateways.of(settings.load({}))
    both = gateways.of(
        settings.load(
            {"CAREHUB_SMS_URL": "https://sms.example", "CAREHUB_SMTP_URL": "smtps://mail.example"}
        )
    )

    assert {type(each) for each in nothing.values()} == {NullGateway}
    assert nothing["sms"].send("07700", "x", key=KEY).real is False
    assert [type(both[channel]) for channel in gateways.CHANNELS] == [HTTPSMSGateway, SMTPGateway]
