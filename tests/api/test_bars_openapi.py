"""Schemathesis asks what the standard's own OpenAPI document allows, and some of what it forbids.

The document describes the whole of a national service, with parts that a receiver has not
(``Endpoint/$template``). Whatever is asked: no fault of ours, and each refusal is an
OperationOutcome. The same questions in every run; messages of our own with spoiled headers and
parts go through the same door.
"""

import json
import random
from functools import cache
from typing import Any

import pytest
import schemathesis
import yaml
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from hub.domain.actor import hub_actor
from hub.samples import SOUTHEND
from hub.services import definitions
from hub.transaction import transaction
from tests.api import bars
from tests.api.refusals import assert_refused
from tests.api.smallest import smallest
from tests.shared_data import data

DOCUMENT = "bars/booking-and-referral-1.4.0.yaml"
HEADERS = (
    "X-Request-Id", "X-Correlation-Id", "NHSD-Target-Identifier", "NHSD-End-User-Organisation",
    "NHSD-Requesting-Practitioner", "NHSD-Requesting-Software", "Accept", "Content-Type",
    "use-context",
)  # fmt: skip


def _alone(node: Any) -> Any:
    """Return the document without its examples; what it keeps in other files may be anything."""
    if isinstance(node, list):
        return [_alone(each) for each in node]
    if not isinstance(node, dict):
        return node
    if not str(node.get("$ref", "#")).startswith("#"):
        return {}
    return {key: _alone(value) for key, value in node.items() if key not in _EXAMPLES}


_EXAMPLES = frozenset({"example", "examples"})


@cache
def operations() -> dict[str, Any]:
    raw = _alone(yaml.safe_load(data(DOCUMENT).read_text("utf-8")))
    found = {}
    for each in schemathesis.openapi.from_dict(raw).get_all_operations():
        assert isinstance(each, Ok), each
        operation = each.ok()
        found[f"{operation.method.upper()} {operation.path}"] = operation
    return found


def names() -> list[str]:
    try:
        return sorted(operations())
    except pytest.skip.Exception:
        return []


def body_of(operation: Any) -> dict[str, Any]:
    """Return a body that the document's operation is for: its own types are too deep to make up."""
    if not operation.body:
        return {}
    if operation.method.lower() == "patch":
        return {"body": [{"op": "test", "path": "/resourceType", "value": "Appointment"}]}
    if "$process-message" in operation.path:
        return {"body": bars.referral()}
    kind = operation.path.strip("/").partition("/")[0]
    return {"body": smallest(kind) if kind in _KINDS else {"resourceType": kind}}


_KINDS = frozenset({"Appointment", "ServiceRequest", "DocumentReference", "HealthcareService"})


@pytest.fixture(autouse=True)
def _sample_hub(app: Flask) -> None:
    with transaction():
        definitions.load(hub_actor("set-up"), SOUTHEND)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("name", names())
def test_what_the_standard_describes_is_answered_without_a_fault(
    client: FlaskClient, token: str, name: str, mode: GenerationMode
) -> None:
    operation = operations()[name]
    asked = 0

    @settings(
        max_examples=8,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy(mode, **body_of(operation)))
    def once(case: Any) -> None:
        nonlocal asked
        sent = case.as_transport_kwargs(base_url="http://localhost/fhir")
        headers = {
            "Content-Type": "application/fhir+json",
            **{key: value for key, value in dict(sent["headers"]).items() if _sendable(value)},
            "Authorization": f"Bearer {token}",
        }
        content = sent.get("json", sent.get("data"))
        answer = client.open(
            sent["url"].removeprefix("http://localhost"),
            method=sent["method"],
            query_string=sent.get("params") or {},
            headers=headers,
            data=content if isinstance(content, str | bytes) else json.dumps(content),
        )
        asked += 1
        assert_refused(answer)
        assert answer.status_code < 500, answer.get_data(as_text=True)

    try:
        once()
    except schemathesis.errors.SchemathesisError as error:
        # A document without parameters leaves nothing to forbid.
        pytest.skip(str(error)[:200])
    assert asked or mode is GenerationMode.NEGATIVE


def _sendable(value: Any) -> bool:
    """No client can send a line break in a header."""
    return isinstance(value, str) and "\n" not in value and "\r" not in value


wrong = st.one_of(
    st.text(alphabet=st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=60),
    st.sampled_from(["e30=", "bnVsbA==", "W10=", "ew==", "=", "%00", "application/json;version=x"]),
)


@pytest.mark.parametrize("header", HEADERS)
def test_any_header_of_the_standard_may_be_wrong(
    client: FlaskClient, token: str, header: str
) -> None:
    @settings(
        max_examples=25,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(value=wrong)
    def once(value: str) -> None:
        answer = bars.post(client, token, bars.referral(), headers={header: value})
        assert_refused(answer)
        assert answer.status_code < 500, value

    once()


@pytest.mark.parametrize("seed", range(6))
def test_a_message_with_wrong_parts_is_answered_and_never_quarantined(
    client: FlaskClient, token: str, seed: int
) -> None:
    """Quarantine is for faults of ours: what is wrong with a message its sender must be told."""
    chance = random.Random(seed)
    for _ in range(12):
        message = bars.referral(nhs_number=chance.choice(["9990000018", None]))
        for _ in range(chance.randint(1, 3)):
            spoil(chance, message)
        answer = bars.post(client, token, message)
        assert_refused(answer)
        assert answer.status_code < 500, json.dumps(message)


def spoil(chance: random.Random, message: dict[str, Any]) -> None:
    """Walk to some place of the message and make it wrong, empty or absent."""
    at: Any = message
    while True:
        key = chance.choice(list(at) if isinstance(at, dict) else range(len(at)))
        below = at[key]
        if isinstance(below, dict | list) and below and chance.random() < 0.8:
            at = below
            continue
        if chance.random() < 0.4:
            del at[key]
        else:
            at[key] = chance.choice((None, True, -1, 1e300, "", " ", "x" * 3000, [], {}, [{}]))
        return
