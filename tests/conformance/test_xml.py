"""Every example goes from JSON to XML and back, and from XML to JSON and back, unchanged."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir.jsontext import loads
from fhir.registry import elements, resource_types
from fhir.xml import from_xml, to_xml
from tests.conformance.test_round_trip import examples as posted
from tests.conformance.test_round_trip import without_ours
from tests.shared_data import data


def numbers_as_written(text: str | bytes) -> Any:
    """Parse JSON; a number is compared by its digits, an object by its members."""
    return json.loads(text, parse_float=lambda n: ("number", n), parse_int=lambda n: ("number", n))


def shuffled(value: Any) -> Any:
    """Return the same JSON value with the members of its objects in another order."""
    if isinstance(value, dict):
        names = list(value)
        random.Random(0).shuffle(names)
        return {name: shuffled(value[name]) for name in names}
    if isinstance(value, list):
        return [shuffled(each) for each in value]
    return value


TWO_VALUES = "Extension-UKCore-ConditionEpisode-Example.json"
"""XML has one place for the value of an extension; this published example has two."""


def examples(folder: str, pattern: str = "*.json") -> Iterator[Path]:
    return (path for path in sorted(data(folder).rglob(pattern)) if path.name != TWO_VALUES)


@pytest.mark.parametrize(
    ("folder", "at_least"),
    [("r4-examples", 353), ("ukcore-examples", 98), ("ukcore-profiles", 379)],
)
def test_examples_are_the_same_after_both_ways(folder: str, at_least: int) -> None:
    seen = 0
    for path in examples(folder):
        text = path.read_bytes()
        document = to_xml(text)
        returned = from_xml(document)
        assert numbers_as_written(returned) == numbers_as_written(text), path.name
        assert to_xml(returned) == document, path.name
        assert from_xml(to_xml(text, pretty=True)) == returned, path.name
        seen += 1
    assert seen >= at_least


def test_the_order_of_members_does_not_matter() -> None:
    for path in examples("r4-examples", "*[a-f].json"):
        value = json.loads(path.read_bytes(), parse_float=str)
        text = json.dumps(value, ensure_ascii=False)
        if json.loads(text) != json.loads(path.read_bytes()):
            continue  # a decimal, which json.dumps cannot write as it was
        assert to_xml(json.dumps(shuffled(value), ensure_ascii=False)) == to_xml(text), path.name


def test_every_type_of_r4_can_be_sent_as_xml_whether_the_hub_stores_it_or_not() -> None:
    for kind in sorted(resource_types()):
        resource: dict[str, Any] = {"resourceType": kind, "id": "x", "language": "en"}
        if "extension" in elements(kind):
            resource["extension"] = [{"url": "http://example.org/e", "valueString": "v"}]
        assert json.loads(from_xml(to_xml(json.dumps(resource)))) == resource


def test_a_message_of_the_guide_is_the_same_after_both_ways() -> None:
    seen = 0
    for path in sorted(data("bars/ig").glob("*.json")):
        text = path.read_bytes()
        if "resourceType" not in json.loads(text):
            continue
        assert numbers_as_written(from_xml(to_xml(text))) == numbers_as_written(text), path.name
        seen += 1
    assert seen > 20


def test_examples_sent_as_xml_are_stored_and_read_as_if_they_had_been_json(
    client: FlaskClient, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+xml"}
    seen = 0
    for path, resource in posted("r4-examples", "ukcore-examples"):
        kind = resource["resourceType"]
        document = to_xml(path.read_bytes())
        created = client.post(f"/fhir/{kind}", data=document, headers=headers)
        assert created.status_code == 201, (path.name, created.text[:300])
        url = f"/fhir/{kind}/{loads(from_xml(created.data))['id']}"
        for accept in ("application/fhir+json", "application/fhir+xml"):
            read = client.get(url, headers={**headers, "Accept": accept})
            text = from_xml(read.data) if accept.endswith("xml") else read.text
            assert without_ours(loads(text)) == without_ours(loads(path.read_bytes())), path.name
        seen += 1
    assert seen > 250
