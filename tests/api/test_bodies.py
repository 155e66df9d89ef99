"""Bodies that are packed, broken or made to hurt: a clear refusal, never a failure of the hub."""

import gzip
import json
import random
import resource
import sys
import time
import zlib
from typing import Any

import pytest
from flask.testing import FlaskClient

from hub.api.limits import LARGEST_BODY
from tests.shared_data import data

PATIENT = '{"resourceType":"Patient","name":[{"family":"Price"}],"multipleBirthInteger":2}'
MB = 1024 * 1024


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


def send(
    client: FlaskClient, headers: dict[str, str], body: bytes, coding: str | None = None
) -> tuple[int, Any]:
    packed = headers if coding is None else {**headers, "Content-Encoding": coding}
    answer = client.post("/fhir/Patient", data=body, headers=packed)
    outcome = answer.get_json()
    if answer.status_code >= 400:
        assert outcome["resourceType"] == "OperationOutcome"
        assert answer.headers["X-Request-Id"]
    return answer.status_code, outcome


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", " gzip "])
def test_a_packed_body_is_unpacked(
    client: FlaskClient, headers: dict[str, str], coding: str
) -> None:
    status, stored = send(client, headers, gzip.compress(PATIENT.encode()), coding)
    assert (status, stored["name"]) == (201, [{"family": "Price"}])


def test_every_way_in_takes_packed_bodies(client: FlaskClient, headers: dict[str, str]) -> None:
    packed = {**headers, "Content-Encoding": "gzip"}
    entry = {"request": {"method": "POST", "url": "Patient"}, "resource": json.loads(PATIENT)}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    ways = {
        "/fhir": json.dumps(bundle),
        "/fhir/Patient/$validate": PATIENT,
    }
    for address, body in ways.items():
        answer = client.post(address, data=gzip.compress(body.encode()), headers=packed)
        assert answer.status_code == 200, answer.text
    form = {**packed, "Content-Type": "application/x-www-form-urlencoded"}
    found = client.post("/fhir/Patient/_search", data=gzip.compress(b"family=Price"), headers=form)
    assert found.get_json()["total"] == 1


# Without its time: the workers of a test run must name the tests alike.
PACKED = gzip.compress(PATIENT.encode(), mtime=0)


@pytest.mark.parametrize(
    ("body", "coding", "status"),
    [
        (PATIENT.encode(), "identity", 201),
        (PATIENT.encode(), "gzip", 400),
        (PACKED[:-9], "gzip", 400),
        (PACKED + b"more", "gzip", 400),
        (PACKED * 2, "gzip", 400),
        (zlib.compress(PATIENT.encode()), "gzip", 400),
        (b"", "gzip", 400),
        (gzip.compress(b"", mtime=0), "gzip", 400),
        (PACKED, None, 400),
        (zlib.compress(PATIENT.encode()), "deflate", 415),
        (PATIENT.encode(), "br", 415),
        (gzip.compress(PACKED, mtime=0), "gzip, gzip", 415),
    ],
)
def test_what_cannot_be_unpacked_is_refused(
    client: FlaskClient, headers: dict[str, str], body: bytes, coding: str | None, status: int
) -> None:
    assert send(client, headers, body, coding)[0] == status


def test_another_coding_is_told_which_one_is_taken(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    packed = {**headers, "Content-Encoding": "br"}
    answer = client.post("/fhir/Patient", data=PATIENT, headers=packed)
    assert (answer.status_code, answer.headers["Accept-Encoding"]) == (415, "gzip")


def test_a_bomb_is_413_and_costs_no_more_than_a_letter(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(b" " * MB) for _ in range(300)]
    bomb = b"".join(parts) + packer.flush()
    assert len(bomb) < 3 * MB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()

    status, outcome = send(client, headers, bomb, "gzip")

    assert status == 413
    assert outcome["issue"][0]["code"] == "too-long"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < 4 * LARGEST_BODY
    assert time.process_time() - began < 5


def test_a_body_over_the_limit_is_413(client: FlaskClient, headers: dict[str, str]) -> None:
    status, outcome = send(client, headers, b" " * (LARGEST_BODY + 1))
    assert (status, outcome["issue"][0]["code"]) == (413, "too-long")


def test_a_million_faults_are_told_in_an_answer_that_can_be_read(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    body = json.dumps({"resourceType": "Patient", "name": [{"x" * 500: 1}] * 20_000})
    answer = client.post("/fhir/Patient", data=body, headers=headers)
    assert answer.status_code == 400
    assert len(answer.get_json()["issue"]) == 1_001
    assert len(answer.data) < MB


HOSTILE = (
    *(b"{", b"}", b"[", b"]", b'"', b"\\", b":", b",", b"\x00", b"\xff", b"\xef\xbb\xbf"),
    *(b"\\u0000", b"\\ud800", b"1e999999", b"-", b"NaN", b"null", b"true", b'""', b"{}", b"[]"),
    *(b"9" * 400, b"[" * 70, b'{"a":' * 70, b"\xc3\x28", b"\xf0\x9f\x99\x82", b"0001-01-01"),
    *(b"<script>", b"#", b"urn:uuid:", b"Patient/", b"9999-12-31T23:59:60+14:00", b"_", b"\t"),
)


def mutated(body: bytes, chance: random.Random) -> bytes:
    """Change one to four places of a body: a bit, a byte, a part, or something hostile put in."""
    text = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(text))
        match chance.randrange(6):
            case 0:
                text[place] ^= 1 << chance.randrange(8)
            case 1:
                text[place] = chance.randrange(256)
            case 2:
                del text[place : place + chance.randint(1, 30)]
            case 3:
                text[place:place] = text[place : place + chance.randint(1, 60)]
            case 4:
                text[place:place] = chance.choice(HOSTILE)
            case _:
                hostile = chance.choice(HOSTILE)
                text[place : place + len(hostile)] = hostile
        if not text:
            text += b"{"
    return bytes(text)


def short_bodies(most: int) -> list[tuple[str, bytes]]:
    """Return (type, text) of the shortest example of each type, from several sources."""
    found: dict[tuple[str, str], bytes] = {}
    for folder in ("r4-examples", "ukcore-examples", "bars/ig"):
        for path in sorted(data(folder).glob("*.json")):
            body = path.read_bytes()
            kind = json.loads(body)["resourceType"]
            before = found.get((folder, kind))
            if len(body) < most and (before is None or len(body) < len(before)):
                found[folder, kind] = body
    return [(kind, body) for (_, kind), body in found.items()]


def test_whatever_bytes_come_the_hub_does_not_fail(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    chance = random.Random(20261125)
    bodies = short_bodies(6_000)
    assert len(bodies) > 80
    statuses: dict[int, int] = {}
    for number in range(3_000):
        kind, body = bodies[number % len(bodies)]
        wrong = mutated(body, chance)
        address = "" if kind == "Bundle" else f"/{kind}"
        if number % 3 == 0:
            address = f"/{kind}/$validate"
        answer = client.post(f"/fhir{address}", data=wrong, headers=headers)
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        assert answer.status_code < 500, (kind, wrong, answer.text)
        assert '"status":"500' not in answer.text
        if answer.status_code >= 400:
            assert answer.get_json()["resourceType"] == "OperationOutcome"
    # Some changes do no harm; most are refused, and as what they are.
    assert statuses[400] > 1_000
    assert statuses[201] > 50
