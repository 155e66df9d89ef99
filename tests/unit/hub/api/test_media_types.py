"""What a client asks for decides the format; who asks for nothing gets what it sent."""

import pytest

from hub.api.media_types import FHIR_JSON, FHIR_XML, answer_type


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", FHIR_JSON),
        ("*/*", FHIR_JSON),
        (";;;", None),
        ("application/fhir+json", FHIR_JSON),
        ("application/json", FHIR_JSON),
        ("application/fhir+xml", FHIR_XML),
        ("Application/FHIR+XML; charset=UTF-8", FHIR_XML),
        # http.html#mime-type: a generic type is answered with itself.
        ("application/xml", "application/xml"),
        ("text/xml", "text/xml"),
        # Quality first, then what is named over a wildcard, then what stands first.
        ("application/fhir+json;q=0.5, application/fhir+xml;q=0.9", FHIR_XML),
        ("application/fhir+xml;q=0.5, application/fhir+json;q=0.9", FHIR_JSON),
        ("application/fhir+xml, */*", FHIR_XML),
        ("application/fhir+xml, application/fhir+json", FHIR_XML),
        ("application/fhir+json, application/fhir+xml", FHIR_JSON),
        ("application/xml;q=0.9, application/fhir+xml", FHIR_XML),
        ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", "application/xml"),
        ("text/html, */*;q=0.8", FHIR_JSON),
        # A wildcard is overruled by what is named, also by q=0.
        ("application/json;q=0, */*", FHIR_XML),
        ("application/json;q=0.1, */*;q=0.5", FHIR_XML),
        ("application/*, */*;q=0", FHIR_JSON),
        ("application/*;q=0, */*", None),
        # The version of FHIR.
        ("application/fhir+xml; fhirVersion=4.0", FHIR_XML),
        ('application/fhir+xml; fhirVersion="4.0.1"', FHIR_XML),
        ("application/fhir+xml; fhirVersion=3.0", None),
        ("application/fhir+xml; fhirVersion=3.0, application/fhir+json;q=0.1", FHIR_JSON),
        # What the hub does not speak.
        ("text/turtle", None),
        ("application/fhir+turtle, text/html", None),
        ("application/fhir+json;q=0", None),
        ("*/*;q=0", None),
    ],
)
def test_accept(accept: str, expected: str | None) -> None:
    assert answer_type(accept, None, sent_xml=False) == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("json", FHIR_JSON),
        ("application/json", FHIR_JSON),
        ("application/fhir json", FHIR_JSON),
        ("xml", FHIR_XML),
        ("XML", FHIR_XML),
        ("application/fhir xml", FHIR_XML),
        ("application/fhir+xml; fhirVersion=4.0", FHIR_XML),
        ("application/fhir+xml; fhirVersion=3.0", None),
        ("text/xml", "text/xml"),
        ("ttl", None),
        ("html", None),
        ("", None),
    ],
)
def test_format_stands_over_accept(wanted: str, expected: str | None) -> None:
    for accept in ("", "application/fhir+json", "application/fhir+xml", "text/turtle"):
        assert answer_type(accept, wanted, sent_xml=False) == expected


def test_who_sends_xml_and_asks_for_nothing_gets_xml() -> None:
    assert answer_type("", None, sent_xml=True) == FHIR_XML
    assert answer_type("*/*", None, sent_xml=True) == FHIR_XML
    assert answer_type("application/json", None, sent_xml=True) == FHIR_JSON


def test_a_header_too_long_to_remember_is_decided_all_the_same() -> None:
    accept = "text/x-" + "a" * 5000 + ", application/fhir+xml"
    assert answer_type(accept, None, sent_xml=False) == FHIR_XML
