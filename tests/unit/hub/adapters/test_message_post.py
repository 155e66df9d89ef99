"""One POST, one verdict, against real servers."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hub.adapters.message_post import Answer, HTTPMessagePost, Verdict, verdict_of
from hub.adapters.proxy_token import fixed
from tests.unit.hub.adapters.test_gateways import http_gateway

HEADERS = {"X-Request-Id": "0d9f0d0e-6a3f-4c3d-9a86-0a3f1bb40f01", "Content-Type": "text/plain"}


def outcome(code: str, expression: str = "Bundle.id") -> bytes:
    issue = {
        "severity": "error",
        "code": code,
        "diagnostics": "Ann Example",
        "expression": [expression],
    }
    return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()


@contextmanager
def posted(status: int, body: bytes = b"") -> Iterator[tuple[Answer, list[dict[str, object]]]]:
    with http_gateway(status, body) as (url, came):
        yield HTTPMessagePost(url, fixed("secret")).post(url, HEADERS, b"{}"), came


def test_a_message_that_is_taken_carries_its_ids_and_the_token() -> None:
    with posted(200) as (answer, came):
        assert answer == Answer(Verdict.TAKEN, 200)
    (sent,) = came
    headers = sent["headers"]
    assert isinstance(headers, dict)
    assert headers["X-Request-Id"] == HEADERS["X-Request-Id"]
    assert headers["Authorization"] == "Bearer secret"


def test_only_the_proxy_gets_its_token() -> None:
    with http_gateway(200, b"") as (url, came):
        HTTPMessagePost("https://proxy.example/$process-message", fixed("secret")).post(
            url, HEADERS, b"{}"
        )
    (sent,) = came
    assert isinstance(sent["headers"], dict)
    assert "Authorization" not in sent["headers"]


def test_a_server_that_dies_with_the_message_in_hand_gets_it_again() -> None:
    with posted(0) as (answer, _came):
        assert answer.verdict is Verdict.AGAIN
        assert answer.http_status is None


def test_nobody_listening_is_tried_again() -> None:
    answer = HTTPMessagePost().post("http://127.0.0.1:9/none", HEADERS, b"{}")
    assert (answer.verdict, answer.http_status) == (Verdict.AGAIN, None)


def test_a_repeat_that_had_arrived_is_taken() -> None:
    with posted(409, outcome("duplicate")) as (answer, _came):
        assert answer.verdict is Verdict.TAKEN


@pytest.mark.parametrize("status", [400, 404, 405, 406, 409, 413, 415, 422])
def test_a_message_that_is_refused_is_not_sent_again(status: int) -> None:
    assert verdict_of(status, outcome("invariant")).verdict is Verdict.REFUSED


@pytest.mark.parametrize("status", [301, 401, 403, 408, 429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(status: int) -> None:
    assert verdict_of(status, b"<html>").verdict is Verdict.AGAIN


def test_of_a_refusal_codes_and_places_are_kept_and_no_words_about_people() -> None:
    told = verdict_of(400, outcome("invariant", "ServiceRequest.status"))
    assert told.error == "400 invariant at ServiceRequest.status"
