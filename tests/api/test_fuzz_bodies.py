"""Seeded noise in bodies: refused in the API's words, or stored; what was sent is not repeated."""

import json
import random
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir import registry
from fhir.registry import SUPPORTED_TYPES
from tests.api.refusals import CANARY, assert_refused
from tests.api.smallest import smallest

Json = dict[str, Any]

WRONG: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 10**30, 1e300, "", " ", CANARY, f" {CANARY}", "x" * 5_000, [], {}),
    *([None], [[]], [{}], [CANARY], {"x": CANARY}, {"value": CANARY}, [{"reference": CANARY}]),
    *({"extension": [{"url": CANARY}]}, {"coding": [{"code": f"{CANARY} "}]}, "\u0001", "\ufffe"),
)


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


def spoiled(chance: random.Random, kind: str) -> Json:
    """Return a resource of which some elements are wrong."""
    made = smallest(kind)
    members = [*registry.members(kind), "nothing", "_status", "_id", "resourceType"]
    for _ in range(chance.randint(1, 3)):
        made[chance.choice(members)] = chance.choice(WRONG)
    return made


@pytest.mark.parametrize("kind", SUPPORTED_TYPES)
def test_wrong_elements_are_named_and_their_content_is_not(
    client: FlaskClient, headers: dict[str, str], kind: str
) -> None:
    chance = random.Random(kind)
    refused = 0
    for _ in range(12):
        made = spoiled(chance, kind)
        for method, address in (("POST", f"/fhir/{kind}"), ("PUT", f"/fhir/{kind}/x")):
            answer = client.open(address, method=method, data=json.dumps(made), headers=headers)
            assert answer.status_code < 500, made
            assert_refused(answer)
            refused += answer.status_code >= 400
    assert refused > 10


@pytest.mark.parametrize("seed", range(4))
def test_noise_in_the_bytes(client: FlaskClient, headers: dict[str, str], seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(80):
        kind = chance.choice(SUPPORTED_TYPES)
        raw = bytearray(json.dumps(smallest(kind) | {"language": CANARY}).encode())
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(raw))
            match chance.randrange(4):
                case 0:
                    raw[at] = chance.randrange(256)
                case 1:
                    del raw[at : at + chance.randint(1, 9)]
                case 2:
                    raw[at:at] = chance.choice(
                        (b'"', b"{", b"]", b"\\", b"\\ud800", b"\x00", b"1e9")
                    )
                case _:
                    raw[at:at] = raw[: chance.randint(1, 40)]
            raw = raw or bytearray(b" ")
        answer = client.post(f"/fhir/{kind}", data=bytes(raw), headers=headers)
        assert answer.status_code < 500, bytes(raw)
        assert_refused(answer)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("[" * 100_000, 422),
        ('{"a":' * 100_000, 422),
        ('{"resourceType":"Patient","multipleBirthInteger":' + "9" * 200_000 + "}", 400),
        ('{"resourceType":"Patient","multipleBirthInteger":1e' + "9" * 200_000 + "}", 400),
        ('{"resourceType":"Patient","name":[{"family":"' + "a" * 2_000_000 + '"}]}', 400),
        ('{"resourceType":"Patient",' + '"id":"a",' * 50_000 + '"active":true}', 400),
        ('{"resourceType":"Patient","name":[' + "{}," * 50_000 + "{}]}", 400),
        ('{"resourceType":"Patient","language":"' + "\\u0000" * 1_000 + '"}', 400),
        (b'{"resourceType":"Patient"}'.ljust(21 * 1024 * 1024), 413),
    ],
)
def test_bodies_that_would_cost_too_much(
    client: FlaskClient, headers: dict[str, str], body: str | bytes, status: int
) -> None:
    answer = client.post("/fhir/Patient", data=body, headers=headers)
    assert answer.status_code == status, answer.text[:500]
    assert_refused(answer)


def test_a_packed_body_is_not_unpacked(client: FlaskClient, headers: dict[str, str]) -> None:
    packed = headers | {"Content-Encoding": "gzip"}
    answer = client.post("/fhir/Patient", data=b"\x1f\x8b\x08" + b"\x00" * 50, headers=packed)
    assert answer.status_code in {400, 415}
    assert_refused(answer)
