"""Asking who somebody is: by number, else by what else was said, and only one is an answer."""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fhir.validation import validate
from hub import settings
from hub.adapters import demographics
from hub.adapters.demographics import (
    PEOPLE,
    HTTPGet,
    PDSDemographics,
    SandboxGet,
    Verdict,
)
from hub.adapters.proxy_token import fixed
from hub.domain import nhs_number
from hub.domain.identity import Identity

IVY = Identity(
    nhs_number="9997700007",
    family="Sandbox",
    given=("Ivy",),
    birth_date=date(1938, 6, 2),
    gender="female",
    postcode="SS0 7QF",
)
UNNUMBERED = replace(IVY, nhs_number=None)


@pytest.fixture
def service() -> demographics.Demographics:
    return demographics.of(settings.load({"CAREHUB_PDS_URL": "sandbox"}))


def test_the_people_of_the_sandbox_are_valid_and_nobody_real() -> None:
    for each in json.loads(PEOPLE.read_text("utf-8")):
        assert [i for i in validate(each) if i.severity == "error"] == []
        assert each["id"].startswith("999")
        assert nhs_number.is_valid(each["id"])


@pytest.mark.parametrize(
    ("wanted", "number"),
    [
        (IVY, IVY.nhs_number),
        (Identity(nhs_number="999 770 0007"), IVY.nhs_number),
        (UNNUMBERED, IVY.nhs_number),
        (replace(UNNUMBERED, postcode="ss07qf", family="SANDBOX"), IVY.nhs_number),
        # A number that has been replaced leads to the one of today.
        (Identity(nhs_number="9997709004", birth_date=date(1951, 11, 20)), "9997701003"),
        # Moved: with the old postcode nobody is found.
        (replace(UNNUMBERED, postcode="CM1 1AA"), IVY.nhs_number),
        # A wrong number, and one of another birthday: the rest decides.
        (replace(IVY, nhs_number="9997700008"), IVY.nhs_number),
        (replace(IVY, nhs_number="9997701003"), IVY.nhs_number),
        # Restricted: not found by where she lives.
        (
            Identity(
                family="Sandbox",
                given=("Rosa",),
                birth_date=date(1944, 1, 9),
                gender="female",
                postcode="SS0 7QF",
            ),
            "9997702018",
        ),
    ],
)
def test_one_person_is_found(
    service: demographics.Demographics, wanted: Identity, number: str
) -> None:
    traced = service.trace(wanted)

    assert traced.verdict is Verdict.FOUND
    assert traced.patient is not None
    assert traced.patient["id"] == number


@pytest.mark.parametrize(
    ("wanted", "verdict"),
    [
        (replace(UNNUMBERED, family="Nobody"), Verdict.NOBODY),
        (replace(UNNUMBERED, birth_date=None), Verdict.NOT_ENOUGH),
        (replace(UNNUMBERED, family=None), Verdict.NOT_ENOUGH),
        (Identity(family="Sandbox", birth_date=date(1947, 7, 7)), Verdict.SEVERAL),
        (
            Identity(nhs_number="9997700007", birth_date=date(1999, 1, 1)),
            Verdict.NOT_ENOUGH,
        ),
    ],
)
def test_what_is_not_one_person_is_no_answer(
    service: demographics.Demographics, wanted: Identity, verdict: Verdict
) -> None:
    assert service.trace(wanted) == demographics.Traced(verdict)


def test_without_a_service_nobody_is_found() -> None:
    unconnected = demographics.of(settings.load({}))
    assert unconnected.trace(IVY).verdict is Verdict.NOT_CONNECTED


class Service:
    """The service by HTTP, over the sandbox's people; ``broken`` says how it fails."""

    def __init__(self) -> None:
        self.broken: str | None = None
        self.asked: list[Mapping[str, str]] = []
        sandbox = SandboxGet(json.loads(PEOPLE.read_text("utf-8")))
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.asked.append(dict(self.headers))
                path = urlsplit(self.path)
                query = {name: each[0] for name, each in parse_qs(path.query).items()}
                status, body = sandbox(path.path.removeprefix("/FHIR/R4"), query)
                said = json.dumps(body).encode()
                if owner.broken == "words":
                    said = b"<html>"
                elif owner.broken == "list":
                    said = b"[]"
                elif owner.broken:
                    status = int(owner.broken)
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/FHIR/R4"


@pytest.fixture
def served() -> Iterator[Service]:
    made = Service()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.mark.parametrize("wanted", [IVY, UNNUMBERED, replace(UNNUMBERED, family="Nobody")])
def test_by_http_it_answers_as_the_sandbox(
    service: demographics.Demographics, served: Service, wanted: Identity
) -> None:
    found = PDSDemographics(HTTPGet(served.url, fixed("secret"))).trace(wanted)

    assert found == service.trace(wanted)
    first = served.asked[0]
    assert first["Authorization"] == "Bearer secret"
    assert first["X-Request-ID"] != first["X-Correlation-ID"]


@pytest.mark.parametrize("broken", ["500", "429", "401", "words", "list"])
@pytest.mark.parametrize("wanted", [IVY, UNNUMBERED])
def test_what_goes_wrong_there_is_said_and_finds_nobody(
    served: Service, broken: str, wanted: Identity
) -> None:
    served.broken = broken
    asked: Any = PDSDemographics(HTTPGet(served.url))
    assert asked.trace(wanted) == demographics.Traced(Verdict.UNAVAILABLE)


def test_where_nobody_listens_it_is_unavailable(served: Service) -> None:
    served.server.shutdown()
    served.server.server_close()
    found = PDSDemographics(HTTPGet(served.url)).trace(IVY)
    assert found.verdict is Verdict.UNAVAILABLE
