"""A finished text is sent as Werkzeug would send it, with less work."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import http_date as usual_date
from werkzeug.test import run_wsgi_app

from hub.written import Written, http_date

BESIDE = (("Vary", "Accept"),)


def answer(status: int = 200) -> Written:
    written = Written("é{}", status=status, content_type="application/fhir+json")
    written.beside = BESIDE
    return written


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(9999, 1, 1)),
    st.integers(-14, 14),
)
def test_an_instant_is_written_as_http_wants_it(moment: datetime, hours: int) -> None:
    instant = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    assert http_date(instant) == usual_date(instant)
    assert http_date(moment.replace(tzinfo=UTC)) == usual_date(moment.replace(tzinfo=UTC))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("status", [200, 201, 204, 304, 404])
def test_length_and_body_are_those_of_the_status_and_method(method: str, status: int) -> None:
    sent, line, headers = run_wsgi_app(answer(status), {**ENVIRON, "REQUEST_METHOD": method})
    body = b"".join(sent)
    bare = status in {204, 304}

    assert line.startswith(str(status))
    assert headers.getlist("Vary") == ["Accept"]
    assert headers.getlist("Content-Length") == ([] if bare else ["4"])
    assert body == (b"" if bare or method == "HEAD" else "é{}".encode())


def test_what_is_to_be_done_at_the_end_is_done() -> None:
    written, closed = answer(), []
    written.call_on_close(lambda: closed.append(1))
    sent, _, _ = run_wsgi_app(written, ENVIRON, buffered=True)
    assert b"".join(sent) == "é{}".encode()
    assert closed == [1]


def test_each_header_of_the_api_is_sent_once(client: FlaskClient, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    made = client.post("/fhir/Patient", json={"resourceType": "Patient"}, headers=headers)
    read = client.get(made.headers["Location"].partition("/_history")[0], headers=headers)
    for response in (made, read, client.get("/fhir/Patient", headers=headers)):
        names = [name for name, _ in response.headers]
        assert sorted(names) == sorted(set(names))
        assert {"Vary", "X-Request-Id", "X-Content-Type-Options", "Cache-Control"} <= set(names)
        assert int(response.headers["Content-Length"]) == len(response.data)


ENVIRON = {
    "REQUEST_METHOD": "GET",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "wsgi.url_scheme": "http",
    "PATH_INFO": "/",
}
