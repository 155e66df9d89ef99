"""Entries of transactions: what they ask, in which order, and what refers to what."""

import json
from typing import Any

import pytest

from fhir import bundle
from fhir.bundle import Links
from fhir.outcomes import BadRequestError, InvalidResourceError

PERSON = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"


def read(*entries: dict[str, Any], kind: str = "transaction") -> list[bundle.Entry]:
    text = json.dumps({"resourceType": "Bundle", "type": kind, "entry": list(entries)})
    return bundle.read(text)[1]


def entry(method: str, url: str, **more: Any) -> dict[str, Any]:
    resource = {"resource": {"resourceType": "Patient"}} if method in {"POST", "PUT"} else {}
    return {**resource, **more, "request": {"method": method, "url": url}}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("Patient", ("Patient", None, None)),
        ("/Patient", ("Patient", None, None)),
        ("Patient/1", ("Patient", "1", None)),
        ("Patient/1/_history/2", ("Patient", "1", "2")),
        ("Patient/1/_history", ("Patient", "1", "")),
        ("https://hub.example.org/fhir/Patient/1", ("Patient", "1", None)),
    ],
)
def test_what_an_address_means(url: str, expected: tuple[str, str | None, str | None]) -> None:
    (found,) = read(entry("GET", url))
    assert (found.type, found.id, found.version) == expected


def test_a_resource_keeps_the_text_of_its_client() -> None:
    text = (
        '{"resourceType":"Bundle","type":"batch","entry":[ {"resource" : '
        '{"resourceType":"Observation","valueQuantity":{"value":1.50}},'
        '"request":{"method":"POST","url":"Observation"}} , '
        '{"request":{"method":"GET","url":"Patient?name=a&name=b"}} ]}'
    )
    first, second = bundle.read(text)[1]
    assert first.text == '{"resourceType":"Observation","valueQuantity":{"value":1.50}}'
    assert (second.text, second.params) == (None, (("name", "a"), ("name", "b")))


def test_the_order_of_a_transaction() -> None:
    entries = read(
        entry("GET", "Patient/1"),
        entry("PUT", "Patient/2"),
        entry("POST", "Patient"),
        entry("DELETE", "Patient/3"),
        entry("POST", "Patient"),
    )
    assert [e.index for e in bundle.in_order(entries)] == [3, 2, 4, 1, 0]


@pytest.mark.parametrize(
    ("given", "expression"),
    [
        (entry("GET", "Patient/$everything"), "Bundle.entry[0].request.url"),
        (entry("GET", "Patient/1/Condition/2"), "Bundle.entry[0].request.url"),
        (entry("PATCH", "Patient/1"), "Bundle.entry[0].request.method"),
        ({"request": {"method": "PUT", "url": "Patient/1"}}, "Bundle.entry[0].resource"),
        ({"request": {"method": "FETCH", "url": "Patient/1"}}, "Bundle.entry[0].request.method"),
        ({"request": {"url": "Patient/1"}}, "Bundle.entry[0].request.method"),
        ({"resource": {"resourceType": "Patient"}}, "Bundle.entry[0].request"),
    ],
)
def test_what_is_not_possible_is_named(given: dict[str, Any], expression: str) -> None:
    with pytest.raises(BadRequestError) as refusal:
        read(given)
    assert refusal.value.issues[0].expression == expression


@pytest.mark.parametrize("value", [{"resourceType": "Patient"}, {"resourceType": "Bundle"}])
def test_only_transactions_and_batches_are_exchanged(value: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        bundle.read(json.dumps(value))


def test_a_bundle_of_bad_structure_is_refused() -> None:
    text = '{"resourceType":"Bundle","type":"batch","entry":[1]}'
    with pytest.raises(InvalidResourceError):
        bundle.read(text)[1]


def test_references_are_resolved_and_identifiers_are_not() -> None:
    links = Links()
    links.add(PERSON, "Patient/new")
    links.add("https://elsewhere.example.org/fhir/Practitioner/7", "Practitioner/8")
    links.add_condition('Organization?identifier=a"b', "Organization/9")
    text = (
        f'{{"subject":{{"reference" : "{PERSON}"}},"identifier":[{{"value":"{PERSON}"}}],'
        f'"part":{{"reference":"{PERSON}#name"}},"by":{{"reference":"Practitioner/7"}},'
        '"at":{"reference":"Organization?identifier=a\\"b"},"for":{"reference":"Patient/1"},'
        f'"note":"\\"reference\\":\\"{PERSON}\\""}}'
    )
    resolved = json.loads(links.resolve(text))
    assert resolved == {
        "subject": {"reference": "Patient/new"},
        "identifier": [{"value": PERSON}],
        "part": {"reference": "Patient/new#name"},
        "by": {"reference": "Practitioner/8"},
        "at": {"reference": "Organization/9"},
        "for": {"reference": "Patient/1"},
        "note": f'"reference":"{PERSON}"',
    }
    assert Links().resolve(text) == text


def test_what_stays_unresolved_is_known() -> None:
    text = f'{{"a":{{"reference":"{PERSON}"}},"b":{{"value":"{PERSON}"}}}}'
    assert bundle.unresolved(text) == [PERSON]
    conditions = bundle.conditional_references(
        ['{"a":{"reference":"Patient?identifier=s|v"}}', '{"a":{"reference":"Patient/1"}}']
    )
    assert conditions == {"Patient?identifier=s|v": ("Patient", [("identifier", "s|v")])}


def test_an_address_has_a_limited_number_of_parameters() -> None:
    assert bundle.parameters("a=1&b=&a=2") == [("a", "1"), ("b", ""), ("a", "2")]
    for wrong in ("a=%ff", "&".join(["a=1"] * 300)):
        with pytest.raises(BadRequestError):
            bundle.parameters(wrong)
