"""Headers of a message: ids required and echoed, base64 decoded, version negotiated."""

import base64
import json

import pytest

from fhir.messaging import SUPPORTED_VERSIONS, MessageRefusedError, echoed, parse_transport

REQUEST = "c1ab3fba-6bae-4ba4-b257-5a87c44d4a91"
CORRELATION = "9562466f-c982-4bd5-bb0e-255e9f5e6689"
IDS = {"X-Request-Id": REQUEST, "X-Correlation-Id": CORRELATION}


def encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def refused(headers: dict[str, str]) -> MessageRefusedError:
    with pytest.raises(MessageRefusedError) as caught:
        parse_transport(headers, versions=SUPPORTED_VERSIONS)
    return caught.value


def test_ids_are_read_whatever_the_case_of_the_header_name() -> None:
    transport = parse_transport(
        {"x-request-id": REQUEST.upper(), "X-CORRELATION-ID": CORRELATION},
        versions=SUPPORTED_VERSIONS,
    )
    assert (transport.request_id, transport.correlation_id) == (REQUEST, CORRELATION)


@pytest.mark.parametrize("missing", sorted(IDS))
def test_an_absent_id_is_required(missing: str) -> None:
    error = refused({name: value for name, value in IDS.items() if name != missing})
    assert (error.status, error.code, error.issue) == (400, "REC_BAD_REQUEST", "required")
    assert missing in error.text


@pytest.mark.parametrize("name", sorted(IDS))
@pytest.mark.parametrize("value", ["12345", "zzzz3fba-6bae-4ba4-b257-5a87c44d4a91", REQUEST[:-1]])
def test_an_id_that_is_no_guid_is_invalid(name: str, value: str) -> None:
    error = refused({**IDS, name: value})
    assert (error.status, error.code, error.issue) == (400, "REC_BAD_REQUEST", "invalid")


def test_ids_are_echoed_even_when_they_are_wrong() -> None:
    assert echoed({"x-request-id": "12345"}) == {"X-Request-Id": "12345"}
    assert echoed(IDS) == IDS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NHSD-Target-Identifier", {"value": "200", "system": "tests"}),
        ("NHSD-End-User-Organisation", {"resourceType": "Organization", "name": "Surgery"}),
        ("NHSD-Requesting-Practitioner", {"resourceType": "PractitionerRole"}),
        ("NHSD-Requesting-Software", {"resourceType": "Device"}),
    ],
)
def test_encoded_headers_are_decoded(name: str, value: object) -> None:
    transport = parse_transport({**IDS, name: encoded(value)}, versions=SUPPORTED_VERSIONS)
    assert transport.decoded[name] == value


@pytest.mark.parametrize(
    ("name", "value", "issue"),
    [
        ("NHSD-Target-Identifier", "not base64!", "structure"),
        ("NHSD-Target-Identifier", encoded([1]), "structure"),
        ("NHSD-Target-Identifier", encoded({"value": "200"}), "value"),
        ("NHSD-End-User-Organisation", encoded({"resourceType": "Patient"}), "value"),
        ("NHSD-Requesting-Software", base64.b64encode(b"\xff{").decode(), "structure"),
    ],
)
def test_a_faulty_encoded_header_is_named(name: str, value: str, issue: str) -> None:
    error = refused({**IDS, name: value})
    assert (error.status, error.code, error.issue) == (400, "REC_BAD_REQUEST", issue)
    assert name in error.text


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        ("application/fhir+json; version=1.4.0", "1.4.0"),
        ('text/html, application/fhir+json;version="1.2.7"', "1.2.7"),
        ("*/*", None),
        ("application/fhir+json", None),
        ("application/fhir+xml; version=1.4.0", "1.4.0"),
    ],
)
def test_the_version_of_the_exchange_is_negotiated(accept: str, version: str | None) -> None:
    transport = parse_transport({**IDS, "Accept": accept}, versions=SUPPORTED_VERSIONS)
    assert transport.version == version


@pytest.mark.parametrize("accept", ["application/fhir+json; version=9.0.0", "text/turtle"])
def test_what_cannot_be_answered_is_not_acceptable(accept: str) -> None:
    error = refused({**IDS, "Accept": accept})
    assert (error.status, error.code, error.issue) == (406, "REC_NOT_ACCEPTABLE", "processing")


@pytest.mark.parametrize(
    ("content_type", "xml"),
    [
        (None, False),
        ("application/fhir+json; charset=utf-8", False),
        ("application/fhir+json; fhirVersion=4.0", False),
        ("Application/FHIR+XML; charset=UTF-8", True),
        ('text/xml;fhirVersion="4.0.1"', True),
    ],
)
def test_the_content_type_says_whether_a_message_is_xml(
    content_type: str | None, xml: bool
) -> None:
    sent = IDS if content_type is None else {**IDS, "Content-Type": content_type}
    assert parse_transport(sent, versions=SUPPORTED_VERSIONS).xml is xml


@pytest.mark.parametrize(
    "content_type", ["text/turtle", "application/fhir+xml; fhirVersion=3.0", "application/hl7-v2"]
)
def test_other_formats_and_other_versions_of_fhir_are_not_read(content_type: str) -> None:
    assert refused({**IDS, "Content-Type": content_type}).status == 415
