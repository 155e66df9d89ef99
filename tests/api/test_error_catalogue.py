"""Every error of the catalogue, by a real request: status, code, expression, words, headers."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fhir import outcomes
from fhir.outcomes import FHIRError
from hub import settings
from hub.api.limits import LARGEST_BODY
from hub.app import create_app
from hub.auth import issue_token
from hub.auth.accounts import register_client
from hub.transaction import transaction
from tests.api.refusals import assert_refused

REQUEST_ID = "made-by-the-client-1"


@dataclass(frozen=True, slots=True)
class Case:
    """A request, and how it is refused."""

    request: tuple[str, str, Any]
    """Method, address, body."""
    status: int
    code: str
    expression: str | None = None
    words: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    token: str = "usual"
    answers: tuple[str, ...] = ()
    """Headers that the answer must have."""


SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}
TWIN = {"resourceType": "Patient", "identifier": [{"system": "s", "value": "twin"}]}

CASES: dict[str, Case] = {
    "BadRequestError": Case(
        ("GET", "/fhir/Patient/_history?_count=0", None), 400, "invalid", "_count", "above 0"
    ),
    "InvalidResourceError": Case(
        ("POST", "/fhir/Patient", {"resourceType": "Patient", "gender": "f"}),
        400,
        "code-invalid",
        "Patient.gender",
        "female",
    ),
    "UnauthorizedError": Case(
        ("GET", "/fhir/Patient/there", None),
        401,
        "login",
        words="bearer token",
        token="",
        answers=("WWW-Authenticate",),
    ),
    "ForbiddenError": Case(
        ("POST", "/fhir/Patient", {"resourceType": "Patient"}),
        403,
        "forbidden",
        words="scope",
        token="reader",
    ),
    "NotFoundError": Case(("GET", "/fhir/Patient/nobody", None), 404, "not-found"),
    "MethodNotAllowedError": Case(
        ("DELETE", "/fhir/AuditEvent/x", None),
        405,
        "not-supported",
        words="never changed",
        answers=("Allow",),
    ),
    "NotAcceptableError": Case(
        ("GET", "/fhir/Patient/there", None),
        406,
        "not-supported",
        words="application/fhir+json",
        headers={"Accept": "text/turtle"},
    ),
    "ConflictError": Case(
        (
            "PUT",
            "/fhir/Patient?identifier=s|none",
            {"resourceType": "Patient", "id": "there"},
        ),
        409,
        "conflict",
        words="is here already",
    ),
    "GoneError": Case(("GET", "/fhir/Patient/gone", None), 410, "deleted", words="was deleted"),
    "VersionConflictError": Case(
        ("PUT", "/fhir/Patient/there", {"resourceType": "Patient", "id": "there"}),
        412,
        "conflict",
        words="is at version 1, not 7",
        headers={"If-Match": 'W/"7"'},
    ),
    "PreconditionFailedError": Case(
        ("PUT", "/fhir/Patient?identifier=s|none", {"resourceType": "Patient"}),
        412,
        "conflict",
        words="no Patient matches",
        headers={"If-Match": "*"},
    ),
    "MultipleMatchesError": Case(
        ("PUT", "/fhir/Patient?identifier=s|twin", TWIN), 412, "multiple-matches", words="several"
    ),
    "TooLargeError": Case(
        ("POST", "/fhir/Patient", b" " * (LARGEST_BODY + 1)), 413, "too-long", words="20 MB"
    ),
    "UnsupportedMediaTypeError": Case(
        ("POST", "/fhir/Patient", b"<Patient/>"),
        415,
        "not-supported",
        words="application/fhir+json",
        headers={"Content-Type": "text/plain"},
    ),
    "UnprocessableError": Case(
        (
            "PUT",
            "/fhir/Patient/there",
            {"resourceType": "Patient", "id": "there", "meta": {"tag": [SUBSETTED]}},
        ),
        422,
        "business-rule",
        "meta.tag",
        "SUBSETTED",
    ),
    "TooManyRequestsError": Case(
        ("GET", "/fhir/Patient?family=x", None),
        429,
        "throttled",
        words="points a minute",
        token="limited",
        answers=("Retry-After",),
    ),
}


def catalogue(kind: type[FHIRError] = FHIRError) -> Iterator[type[FHIRError]]:
    for each in kind.__subclasses__():
        if each.__module__ == outcomes.__name__:
            yield each
            yield from catalogue(each)


def test_the_cases_are_the_catalogue() -> None:
    # UnavailableError has a test of its own below: it needs a hub without a database.
    assert {each.__name__ for each in catalogue()} == {*CASES, "UnavailableError"}


@pytest.fixture
def tokens(app: Flask, token: str) -> dict[str, str]:
    with transaction():
        register_client("reader", name="Reader", scopes=["system/Patient.rs"], own_ids=True)
        register_client(
            "limited", name="Limited", scopes=["system/*.rs"], own_ids=True, rate_limit=1
        )
    return {
        "usual": token,
        "reader": issue_token("reader", "system/Patient.rs", 3600),
        "limited": issue_token("limited", "system/*.rs", 3600),
    }


@pytest.fixture
def people(client: FlaskClient, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    for name in ("there", "gone"):
        body = json.dumps({"resourceType": "Patient", "id": name})
        client.put(f"/fhir/Patient/{name}", data=body, headers=headers)
    client.delete("/fhir/Patient/gone", headers=headers)
    for _ in range(2):
        client.post("/fhir/Patient", data=json.dumps(TWIN), headers=headers)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("people")
def test_each_error_says_what_it_must(
    client: FlaskClient, tokens: dict[str, str], name: str
) -> None:
    case = CASES[name]
    method, address, body = case.request
    headers = {"X-Request-Id": REQUEST_ID, "Content-Type": "application/fhir+json", **case.headers}
    if case.token:
        headers["Authorization"] = f"Bearer {tokens[case.token]}"
    sent = json.dumps(body) if isinstance(body, dict) else body
    answer = client.open(address, method=method, data=sent, headers=headers)

    assert answer.status_code == case.status, answer.text
    assert_refused(answer)
    assert answer.headers["X-Request-Id"] == REQUEST_ID
    issue = answer.get_json()["issue"][0]
    assert (issue["severity"], issue["code"]) == ("error", case.code)
    assert issue.get("expression") == ([case.expression] if case.expression else None)
    assert case.words in issue["details"]["text"]
    assert issue["diagnostics"] == f"request {REQUEST_ID}"
    for header in case.answers:
        assert answer.headers[header]


def test_a_hub_without_its_database_is_unavailable(tmp_path: Path) -> None:
    app = create_app(
        settings.load(
            {
                "CAREHUB_HOME": str(tmp_path),
                "CAREHUB_SECRET": secrets.token_hex(16),
                # Nobody listens on the port of tcpmux.
                "DATABASE_URL": "postgresql://carehub@127.0.0.1:1/carehub?connect_timeout=2",
                "REDIS_URL": "redis://127.0.0.1:1",
            }
        )
    )
    answer = app.test_client().get("/fhir/Patient/x", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 503
    assert_refused(answer)
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.get_json()["issue"][0]["code"] == "transient"


@pytest.mark.parametrize(
    ("method", "address", "allowed"),
    [
        ("PUT", "/fhir/AuditEvent/x", "GET, HEAD"),
        ("GET", "/fhir/CarePlan/x/$adopt", "POST"),
        ("DELETE", "/fhir/metadata", "GET, HEAD, OPTIONS"),
        ("PUT", "/fhir/Patient/_search", "OPTIONS, POST"),
        ("GET", "/fhir/$process-message", "POST"),
    ],
)
def test_405_says_what_is_possible(
    client: FlaskClient, token: str, method: str, address: str, allowed: str
) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    body = json.dumps({"resourceType": "AuditEvent"}) if method == "PUT" else None
    answer = client.open(address, method=method, data=body, headers=headers)
    assert answer.status_code == 405
    assert_refused(answer)
    assert ", ".join(sorted(answer.headers["Allow"].split(", "))) == allowed


def test_every_value_of_a_search_may_be_about_a_person_and_is_not_repeated(
    client: FlaskClient, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    for query in (
        "birthdate=Zzcanaryzz",
        "active=Zzcanaryzz|a|b",
        "_lastUpdated=geZzcanaryzz",
        "identifier:of-type=Zzcanaryzz",
        "general-practitioner:Practitioner=Organization/Zzcanaryzz",
        "active:missing=Zzcanaryzz",
        "_count=Zzcanaryzz",
        "_total=Zzcanaryzz",
        "_cursor=Zzcanaryzz",
    ):
        answer = client.get(f"/fhir/Patient?{query}", headers=headers)
        assert_refused(answer)
