"""Seeded noise in addresses, queries and headers: an outcome every time, soon, never a failure."""

import random
import time
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from fhir.registry import SUPPORTED_TYPES
from fhir.registry.search_parameters import search_parameters
from tests.api.refusals import CANARY, assert_refused

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "QUERY")
PIECES = (
    *("Patient", "Task", "patient", "Patient ", "Nothing", "metadata", "_history", "_search"),
    *("$everything", "$process-message", "$", "$$", "$%00", "%24adopt", "x", "1", "-", ".", ".."),
    *("%2e%2e", "%2F", "%5C", "%00", "%ff", "%c0%af", "%ed%a0%80", "%", "%zz", "%25%30%30", ""),
    *("a" * 300, "é", "\u202e", "\U0001f600", "<script>", "'--", "${7*7}", "{{7*7}}", "*", "|"),
)
VALUES = (
    *("", "x", CANARY, "%00", "%ff%fe", "%ed%a0%80", "%", "a|b|c|d", "|", "||", "$", "$$$", ","),
    *(",,,", "\\", "\\,", "\\|", "Patient/", "Patient/x/y", "/", "http://", "urn:uuid:x", "#x"),
    *("ge2026-13-45", "2026-02-30", "0000", "9999-12-31T23:59:60.9Z", "ap9999", "sa0001", "2026-"),
    *("-1", "1e400", "1e-400", "NaN", "Infinity", "0x10", "--1", "1" * 400, "9" * 18, "9" * 5000),
    *("true", "TRUE", "null", "%F0%9F%98%80" * 50, "a" * 20_000, "%0d%0aSet-Cookie:x=y", "';--"),
)
MODIFIERS = (
    "",
    ":missing",
    ":exact",
    ":not",
    ":in",
    ":Patient",
    ":identifier",
    ":x",
    ":",
    "::",
    ".",
)


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


@pytest.mark.parametrize("seed", range(6))
def test_noise_in_addresses(client: FlaskClient, headers: dict[str, str], seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(60):
        pieces = chance.choices(PIECES, k=chance.randint(1, 5))
        address = "/fhir/" + quote("/".join(pieces), safe="/%$|*'{}<>")
        answer = client.open(address, method=chance.choice(METHODS), headers=headers)
        assert answer.status_code < 500, address
        if answer.request.method != "HEAD":
            assert_refused(answer)


def noise(chance: random.Random, kind: str) -> str:
    codes = [
        *search_parameters(kind),
        "_count",
        "_sort",
        "_include",
        "_revinclude",
        "_has",
        "_total",
    ]
    codes += [
        "_cursor",
        "_summary",
        "_elements",
        "_format",
        "_pretty",
        "_contained",
        "",
        "x",
        "%00",
    ]
    parts = []
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        modifier = chance.choice(MODIFIERS)
        name = chance.choice(codes) + modifier
        if chance.random() < 0.2:
            name += "." + chance.choice(codes)
        # The address of a value set is nobody's secret: one that is not held is named.
        value = chance.choice([each for each in VALUES if modifier != ":in" or each != CANARY])
        parts.append(f"{name}={value}")
    return "&".join(parts)


@pytest.mark.parametrize("seed", range(6))
def test_noise_in_queries(client: FlaskClient, headers: dict[str, str], seed: int) -> None:
    chance = random.Random(seed)
    lenient = headers | {"Prefer": "handling=lenient"}
    form = headers | {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(60):
        kind = chance.choice(SUPPORTED_TYPES)
        query = noise(chance, kind)
        begun = time.process_time()
        for answer in (
            client.get(f"/fhir/{kind}?{query}", headers=headers),
            client.get(f"/fhir/{kind}?{query}", headers=lenient),
            client.post(f"/fhir/{kind}/_search", data=query, headers=form),
            client.get(f"/fhir/{kind}/_history?{query}", headers=headers),
        ):
            assert answer.status_code < 500, query[:2000]
            assert_refused(answer)
        assert time.process_time() - begun < 5, query[:2000]


@pytest.mark.parametrize(
    "query",
    [
        "&".join(["family=a"] * 5_000),
        "family=" + ",".join(["a"] * 20_000),
        "family=" + "a" * 1_000_000,
        "general-practitioner:Practitioner." * 30 + "name=a",
        "_has:Task:patient:" * 40 + "_id=a",
        "organization." * 500 + "name=a",
        "_count=" + "9" * 4_000,
        "_count=999999999",
        "_sort=" + ",".join(["family"] * 3_000),
        "_elements=" + ",".join(["name"] * 30_000),
        "&".join(f"_include=Patient:{code}" for code in ["link"] * 90),
        "_cursor=" + "A" * 100_000,
        "identifier=" + "%7C" * 50_000,
    ],
)
def test_what_would_cost_too_much_is_refused_or_answered_soon(
    client: FlaskClient, headers: dict[str, str], query: str
) -> None:
    begun = time.process_time()
    answer = client.get(f"/fhir/Patient?{query}", headers=headers)
    assert answer.status_code in {200, 400, 413, 414, 422}, answer.text
    assert_refused(answer)
    assert time.process_time() - begun < 5


NAMES = (
    *("Accept", "Accept-Charset", "Accept-Encoding", "Authorization", "Content-Type", "Prefer"),
    *("If-Match", "If-None-Match", "If-Modified-Since", "If-None-Exist", "X-Request-Id", "Range"),
    *("X-Correlation-Id", "X-HTTP-Method-Override", "X-Forwarded-Host", "Host", "Cookie", "Origin"),
)
SAID = (
    *("", " ", "*", "*/*", ";", ",", "=", '"', 'W/"', 'W/"1"', '"1", "2"', "W/1", "a" * 9_000, "é"),
    *("application/fhir+json; fhirVersion=5.0", "application/fhir+json;charset=", "text/html;q=x"),
    *(
        "return=minimal",
        "return=nothing",
        "handling=lenient; return=minimal",
        "Bearer",
        "Basic eDp5",
    ),
    *("Bearer \x7f", "bytes=0-1", "DELETE", "example.org", "family=%00", "?family=x", "identifier"),
    *("Tue, 99 Foo 9999 99:99:99 GMT", "\u00ff\u00fe", "{}", "[]", "null", CANARY),
)


@pytest.mark.parametrize("seed", range(4))
def test_noise_in_headers(client: FlaskClient, headers: dict[str, str], seed: int) -> None:
    chance = random.Random(seed)
    body = '{"resourceType":"Patient","id":"x"}'
    for _ in range(60):
        given = [*headers.items()]
        for name in chance.sample(NAMES, 3):
            # Some twice: a request may be a chain of proxies' work.
            given += [(name, chance.choice(SAID)) for _ in range(chance.choice((1, 1, 2)))]
        chance.shuffle(given)
        method, address = chance.choice(
            (
                ("GET", "/fhir/Patient/x"),
                ("GET", "/fhir/Patient?family=x"),
                ("PUT", "/fhir/Patient/x"),
                ("POST", "/fhir/Patient"),
                ("POST", "/fhir"),
                ("DELETE", "/fhir/Patient/x"),
                ("POST", "/fhir/$process-message"),
                ("GET", "/fhir/metadata"),
            )
        )
        sent = body if method in {"PUT", "POST"} else None
        answer = client.open(address, method=method, data=sent, headers=given)
        assert answer.status_code < 500, given
        if answer.status_code != 308:
            assert_refused(answer)
