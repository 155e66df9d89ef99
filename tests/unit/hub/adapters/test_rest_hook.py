"""Rest-hooks: where they must not go, and answers that must not stop the worker."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hub.adapters.rest_hook import LONGEST_ANSWER, HTTPRestHook, refusal

HUB = "https://hub.example.org"


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1/told",
        "http://[::1]/told",
        "http://[::ffff:127.0.0.1]/told",
        "http://169.254.169.254/latest/meta-data",
        "http://[::ffff:169.254.169.254]/latest/meta-data",
        "http://[::ffff:a9fe:a9fe]/latest/meta-data",
        "http://0.0.0.0/told",
        "http://[::ffff:0.0.0.0]/told",
        "ftp://192.0.2.1/told",
        "http://name:password@192.0.2.1/told",
        "http://192.0.2.1:99999/told",
    ],
)
def test_an_endpoint_that_is_no_subscriber_is_refused(endpoint: str) -> None:
    assert refusal(endpoint, hub_url=HUB) is not None


def test_an_address_of_a_subscriber_is_taken() -> None:
    assert refusal("https://192.0.2.1/told", hub_url=HUB) is None


@pytest.mark.parametrize(
    ("endpoint", "hub"),
    [
        ("https://192.0.2.1/fhir", "https://192.0.2.1"),
        ("https://192.0.2.1:443/fhir", "https://192.0.2.1"),
        ("http://192.0.2.1/fhir", "http://192.0.2.1"),
    ],
)
def test_the_hub_does_not_tell_itself_whether_its_port_is_written_or_not(
    endpoint: str, hub: str
) -> None:
    assert refusal(endpoint, hub_url=hub) == "the endpoint is this hub itself"


@pytest.fixture
def subscriber() -> Iterator[tuple[str, list[bytes]]]:
    """An endpoint whose answer is long and has characters that no table keeps."""
    received: list[bytes] = []

    class Told(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            said = b"thank\0you" + b"x" * 5000
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_said: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Told) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/", received
        server.shutdown()
        thread.join()


def test_an_answer_is_kept_as_what_a_table_can_hold(subscriber: tuple[str, list[bytes]]) -> None:
    answer = HTTPRestHook("http://127.0.0.1:8000").post(subscriber[0], {}, b"{}")

    assert answer.acknowledged
    assert answer.text.startswith("thankyou")
    assert len(answer.text) <= LONGEST_ANSWER
    assert subscriber[1] == [b"{}"]


def test_a_name_that_leads_elsewhere_by_now_is_not_followed(
    subscriber: tuple[str, list[bytes]],
) -> None:
    answer = HTTPRestHook(HUB).post(subscriber[0], {}, b"{}")

    assert answer.error == "the endpoint is a loopback address"
    assert not answer.acknowledged
    assert subscriber[1] == []


@pytest.mark.parametrize(
    "headers", [{"X-Key": "\N{SNOWMAN}"}, {"X-\N{SNOWMAN}": "1"}, {"X-Key": "a\r\nb"}]
)
def test_a_header_that_cannot_be_sent_is_a_failed_attempt(
    subscriber: tuple[str, list[bytes]], headers: dict[str, str]
) -> None:
    answer = HTTPRestHook("http://127.0.0.1:8000").post(subscriber[0], headers, b"{}")

    assert answer.http_status is None
    assert answer.error
