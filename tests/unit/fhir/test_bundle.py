"""Entries of transactions: what they ask, in which order, and what refers to what."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        ("_history", (None, None, "")),
        ("Patient/1/$everything", ("Patient", "1", None)),
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
        (entry("GET", "Patient/1/2"), "Bundle.entry[0].request.url"),
        (entry("GET", "Patient/1/$a/b"), "Bundle.entry[0].request.url"),
        (entry("GET", "Patient/1/Condition/2"), "Bundle.entry[0].request.url"),
        (entry("DELETE", "Patient/1/Condition"), "Bundle.entry[0].request.url"),
        (entry("PATCH", "Patient/1"), "Bundle.entry[0].resource"),
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


@pytest.mark.parametrize(
    ("condition", "value", "methods"),
    [
        ("ifMatch", 'W/"1"', {"PUT", "PATCH", "DELETE"}),
        ("ifNoneMatch", 'W/"1"', {"GET", "HEAD", "PUT"}),
        ("ifModifiedSince", "2026-01-01T00:00:00Z", {"GET", "HEAD"}),
        ("ifNoneExist", "identifier=1", {"POST"}),
    ],
)
def test_a_condition_that_would_be_ignored_is_refused(
    condition: str, value: str, methods: set[str]
) -> None:
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "POST"):
        given = entry(method, "Patient/1", resource={"resourceType": "Patient"})
        given["request"][condition] = value
        if method in methods:
            (found,) = read(given)
            held = (found.if_match, found.if_none_match, found.if_modified_since)
            assert value in {*held, found.if_none_exist}
            continue
        with pytest.raises(BadRequestError) as refusal:
            read(given)
        assert refusal.value.issues[0].expression == f"Bundle.entry[0].request.{condition}"


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_what_the_client_has_is_asked_of_one_record(method: str) -> None:
    given = entry(method, "Patient?name=a", resource={"resourceType": "Patient"})
    given["request"]["ifNoneMatch"] = "*"
    with pytest.raises(BadRequestError) as refusal:
        read(given)
    assert refusal.value.issues[0].expression == "Bundle.entry[0].request.ifNoneMatch"


def test_an_operation_is_known_by_its_name() -> None:
    (found,) = read(entry("GET", "Patient/1/$everything?_count=5"))
    assert (found.operation, found.params) == ("everything", (("_count", "5"),))


def test_versions_uris_and_lists_of_uris_are_links_too_and_canonicals_are_not() -> None:
    links = Links()
    links.add(PERSON, "Patient/new")
    links.add("urn:oid:1.2.3", "Task/new", 4)
    links.add("https://a.example.org/ValueSet/1", "ValueSet/new")
    text = json.dumps(
        {
            "resourceType": "Basic",
            "old": {"reference": f"{PERSON}/_history/9"},
            "part": {"reference": "urn:oid:1.2.3/_history/1#x"},
            "extension": [{"url": "https://e.example.org/x", "valueUri": PERSON}],
            "more": [{"valueReference": {"reference": PERSON}}, {"valueCanonical": PERSON}],
            "instantiatesUri": ["urn:oid:1.2.3", "https://other.example.org"],
            "text": {"div": f"<a href='{PERSON}'>x</a>"},
            "content": {"attachment": {"url": PERSON}},
        }
    )
    assert json.loads(links.resolve(text)) == {
        "resourceType": "Basic",
        "old": {"reference": "Patient/new/_history/1"},
        "part": {"reference": "Task/new/_history/4#x"},
        "extension": [{"url": "https://e.example.org/x", "valueUri": "Patient/new"}],
        "more": [{"valueReference": {"reference": "Patient/new"}}, {"valueCanonical": PERSON}],
        "instantiatesUri": ["Task/new", "https://other.example.org"],
        "text": {"div": f"<a href='{PERSON}'>x</a>"},
        "content": {"attachment": {"url": "Patient/new"}},
    }
    definition = '{"resourceType":"ValueSet","url":"https://a.example.org/ValueSet/1"}'
    assert links.resolve(definition) == definition


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


_NAMES = st.sampled_from(
    ["reference", "url", "value", "valueUri", "instantiatesUri", "policy", "display", "ref"]
)
_LITERALS = st.sampled_from(
    [
        PERSON,
        f"{PERSON}/_history/3",
        f"{PERSON}#part",
        "urn:oid:9.9",
        "Patient/1",
        "urn:",
        'quote " and \\ urn:',
        f'"reference":"{PERSON}"',
        f'<a "reference":"{PERSON}">',
        "urn:uuid:\u00e9",
        "",
    ]
)
_VALUES = st.recursive(
    _LITERALS | st.lists(_LITERALS, max_size=3),
    lambda inner: st.dictionaries(_NAMES, inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=12,
)


@given(
    value=st.dictionaries(_NAMES, _VALUES, max_size=4),
    ascii_only=st.booleans(),
    colon=st.sampled_from([":", " : ", ": "]),
)
def test_a_bundle_of_urns_alone_is_resolved_as_any_other(
    value: dict[str, Any], ascii_only: bool, colon: str
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, separators=(",", colon))
    quick, thorough = Links(), Links()
    for links in (quick, thorough):
        links.add(PERSON, "Patient/new", 2)
        links.add("urn:oid:1.2.3", "Task/new")
    # With an address among the full URLs every name is looked for.
    thorough.add("https://nowhere.example.org/Basic/1", "Basic/1")

    assert quick.resolve(text) == thorough.resolve(text)


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
