"""What the hub answers is what a receiver of the standard understands: its own receiver too."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fhir import jsontext
from fhir.messaging import (
    SUPPORTED_VERSIONS,
    Message,
    Response,
    ResponseKind,
    Sender,
    Workflow,
    decide,
    outgoing,
    parse_message,
    parse_transport,
    response_bundle,
)
from fhir.messaging.response import has_safeguarding_flag
from fhir.messaging.transport import Transport
from fhir.systems import ODS_ORGANIZATION
from fhir.validation import validate
from tests.api.bars import referral, resource_of
from tests.shared_data import data

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
HUB = Sender(
    name="South East Essex hub",
    endpoint="https://hub.example.org/fhir/$process-message",
    organisation={
        "resourceType": "Organization",
        "identifier": [{"system": ODS_ORGANIZATION, "value": "RXS99"}],
        "name": "Estuary Community Trust",
    },
    phone="01702 490000",
    service="District nursing",
)
OF_VALIDATION = {
    ResponseKind.INTERIM: Workflow.VALIDATION_INTERIM,
    ResponseKind.FINAL: Workflow.VALIDATION_FINAL,
    ResponseKind.REJECTED: Workflow.VALIDATION_REJECTED,
}


def read(bundle: dict[str, Any]) -> Message:
    return parse_message(jsontext.dumpb(bundle), versions=SUPPORTED_VERSIONS)


def said(kind: ResponseKind, status: str | None = None) -> Response:
    return Response(
        id="6f0a4ff4-0f1f-4d6e-9d0c-5a8b3ef0a001",
        kind=kind,
        at=NOW,
        words="Accepted by District nursing.",
        since=NOW - timedelta(minutes=20),
        case="https://hub.example.org/fhir/ServiceRequest/1",
        status=status,
    )


def answered(original: dict[str, Any], kind: ResponseKind, status: str | None = None) -> Message:
    return read(response_bundle(read(original), said(kind, status), HUB))


def asked_of(message: Message, original: dict[str, Any]) -> Workflow:
    return decide(
        message, on_file=lambda bundle: bundle == original["id"], slot_free=lambda _slot: True
    )


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


@pytest.mark.parametrize("kind", OF_VALIDATION)
def test_an_answer_to_a_validation_request_is_the_workflow_of_the_receivers_table(
    kind: ResponseKind,
) -> None:
    original = referral(category="validation")

    assert asked_of(answered(original, kind), original) is OF_VALIDATION[kind]


def test_a_safeguarding_no_show_is_one_to_a_receiver() -> None:
    original = referral(flags=(("SG", "Adult safeguarding concern"),))

    message = answered(original, ResponseKind.NO_SHOW)

    assert asked_of(message, original) is Workflow.NO_SHOW
    assert has_safeguarding_flag(message)


@pytest.mark.parametrize("kind", ResponseKind)
def test_every_answer_is_valid_and_everything_in_it_resolves(kind: ResponseKind) -> None:
    category = "validation" if kind in OF_VALIDATION else "referral"
    original = referral(category=category, flags=(("SG", "Adult safeguarding concern"),))
    resource_of(original, "Patient")["generalPractitioner"] = [{"reference": "urn:uuid:elsewhere"}]

    message = answered(original, kind, "completed")

    assert [i for i in validate(message.bundle) if i.severity in {"error", "fatal"}] == []
    known = {entry.full_url for entry in message.entries}
    assert set(references(message.bundle)) <= known


def test_it_goes_back_where_the_request_came_from_and_names_it() -> None:
    original = referral(category="validation")

    header = answered(original, ResponseKind.INTERIM).header

    assert header["destination"][0]["endpoint"] == (
        "https://fhir.nhs.uk/Id/dos-service-id|2000000001"
    )
    assert header["response"] == {"identifier": original["id"], "code": "ok"}
    assert header["source"]["endpoint"] == "https://fhir.nhs.uk/Id/dos-service-id|2000099002"
    assert header["definition"].endswith("servicerequest-response-validation-interim")


def test_the_same_answer_has_the_same_bytes_and_the_words_reach_a_person() -> None:
    original = read(referral(category="validation"))
    one = response_bundle(original, said(ResponseKind.FINAL), HUB)

    assert one == response_bundle(original, said(ResponseKind.FINAL), HUB)
    (plan,) = read(one).of_type("CarePlan")
    assert plan.resource["activity"][0]["outcomeCodeableConcept"] == [
        {"text": "Accepted by District nursing."}
    ]


def test_what_the_answer_does_not_need_stays_behind() -> None:
    original = referral(category="validation", flags=(("SS", "Scene unsafe"),))

    types = {entry.type for entry in answered(original, ResponseKind.INTERIM).entries}

    assert types == {
        "MessageHeader",
        "ServiceRequest",
        "Encounter",
        "Patient",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "HealthcareService",
    }


@pytest.mark.parametrize("name", ["VALRESP01", "REFREQ02"])
def test_the_guides_own_requests_can_be_answered(name: str) -> None:
    (path,) = data("bars/ig").glob(f"{name}*.json")
    original = json.loads(path.read_bytes())
    kind = ResponseKind.FINAL if name == "VALRESP01" else ResponseKind.SHORT

    message = answered(original, kind, "active")

    found = [i for i in validate(message.bundle) if i.severity in {"error", "fatal"}]
    assert found == []
    if name == "VALRESP01":
        assert asked_of(message, original) is Workflow.VALIDATION_FINAL


def test_the_headers_that_are_sent_can_be_read() -> None:
    sent = Transport(
        request_id="0d9f0d0e-6a3f-4c3d-9a86-0a3f1bb40f01",
        correlation_id="0d9f0d0e-6a3f-4c3d-9a86-0a3f1bb40f02",
        use_context="a4t1|validation|servicerequest-response|new",
        version="1.4.0",
    )
    headers = outgoing(
        sent,
        target="https://fhir.nhs.uk/Id/dos-service-id|2000000001",
        organisation=HUB.organisation,
    )

    read_back = parse_transport(headers, versions=SUPPORTED_VERSIONS)

    assert (read_back.request_id, read_back.correlation_id, read_back.version) == (
        sent.request_id,
        sent.correlation_id,
        "1.4.0",
    )
    assert read_back.decoded["NHSD-Target-Identifier"]["value"] == "2000000001"
    assert read_back.decoded["NHSD-End-User-Organisation"]["name"] == "Estuary Community Trust"
    assert re.fullmatch(r"[a-z0-9]+\|[a-z]+\|[a-z-]+\|new", read_back.use_context or "")
