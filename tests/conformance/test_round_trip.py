"""Every official example of a type that the hub holds goes in and comes back unchanged.

Compared is the text itself: digits of numbers, order of members and arrays, extensions of
primitives. Only ``id``, ``meta.versionId`` and ``meta.lastUpdated`` are the server's.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir import jsontext
from fhir.registry import SUPPORTED_TYPES
from tests.conformance.test_validation import TRULY_INVALID
from tests.shared_data import data

OURS = ("versionId", "lastUpdated")
EXAMPLES = {"r4-examples": 212, "ukcore-examples": 84}
"""Folder -> how many examples are of a type that is held, without those that are not legal R4."""

BUNDLES = ("transaction", "batch")
REFERS_INTO_A_BUNDLE = {
    "Extension-UKCore-CareSettingType-Example.json",
    "UKCore-Composition-Discharge-Example.json",
    "UKCore-Observation-Lab-Albumin-Example.json",
}
"""Examples with a ``urn:uuid`` of an entry that is not there: a transaction says so."""


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


def examples(*folders: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    for folder in folders:
        for path in sorted(data(folder).glob("*.json")):
            resource = jsontext.parse(path.read_bytes())[0]
            if resource.get("resourceType") in SUPPORTED_TYPES and path.name not in TRULY_INVALID:
                yield path, resource


def number(lexeme: str) -> tuple[str, str]:
    """Keep a number as it is written: 1.50 is not 1.5, and 1e2 not 100."""
    return ("number", lexeme)


def exact(text: str | bytes) -> Any:
    """Parse JSON without losing anything but spaces: objects are lists of members in order."""
    return json.loads(text, parse_float=number, parse_int=number, object_pairs_hook=Members)


class Members(list[tuple[str, Any]]):
    """The members of an object, in their order."""

    def get(self, name: str) -> Any:
        return next((value for key, value in self if key == name), None)

    def without(self, *names: str) -> "Members":
        return Members((key, value) for key, value in self if key not in names)


def clients_own(resource: Members) -> tuple[Any, dict[str, Any], Members]:
    """Return type, meta and all other members in their order, without what the server sets."""
    meta = resource.get("meta") or Members()
    rest = resource.without("resourceType", "id", "meta")
    if resource.get("resourceType") == "Subscription":
        # Its header may be a secret: nobody reads it back.
        rest = Members(
            (key, value.without("header") if key == "channel" else value) for key, value in rest
        )
    return resource.get("resourceType"), dict(meta.without(*OURS)), rest


def without_ours(resource: dict[str, Any]) -> dict[str, Any]:
    """Do the same for a parsed resource, where the order of members says nothing (XML)."""
    kept = {name: value for name, value in resource.items() if name != "id"}
    kept["meta"] = {k: v for k, v in resource.get("meta", {}).items() if k not in OURS}
    if resource["resourceType"] == "Subscription":
        kept["channel"] = {k: v for k, v in kept["channel"].items() if k != "header"}
    return kept


def resources(bundle: Members) -> list[Members]:
    return [entry.get("resource") for entry in bundle.get("entry")]


def test_the_comparison_sees_every_digit_and_the_order() -> None:
    def own(text: str) -> Any:
        return clients_own(exact(text))

    base = '{"resourceType":"Basic","a":1.50,"b":[1,2],"_c":{"x":null}}'
    assert own(base) == own(base.replace('"a"', '"id":"x","meta":{"versionId":"1"},"a"'))
    for before, after in [
        ("1.50", "1.5"),
        ("1.50", "15e-1"),
        ("[1,2]", "[2,1]"),
        ('"a":1.50,"b":[1,2]', '"b":[1,2],"a":1.50'),
        (',"_c":{"x":null}', ""),
    ]:
        assert own(base) != own(base.replace(before, after)), (before, after)


def test_examples_come_back_unchanged_by_every_way(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    seen = Counter[str]()
    whole = {**headers, "Prefer": "return=representation"}
    for path, resource in examples(*EXAMPLES):
        kind = resource["resourceType"]
        text = path.read_bytes().decode("utf-8-sig")
        sent = clients_own(exact(text))

        created = client.post(f"/fhir/{kind}", data=path.read_bytes(), headers=headers)
        assert created.status_code == 201, (path.name, created.text[:300])
        url = f"/fhir/{kind}/{created.get_json()['id']}"
        asked = [{"request": {"method": "GET", "url": url.removeprefix("/fhir/")}}]
        batch = json.dumps({"resourceType": "Bundle", "type": "batch", "entry": asked})
        entry = f'{{"request":{{"method":"POST","url":"{kind}"}},"resource":{text}}}'
        answers = {
            "create": [exact(created.data)],
            "read": [exact(client.get(url, headers=headers).data)],
            "vread": [exact(client.get(f"{url}/_history/1", headers=headers).data)],
            "history": resources(exact(client.get(f"{url}/_history", headers=headers).data)),
            "search": resources(
                exact(client.get(f"/fhir/{kind}?_id={url[-36:]}", headers=headers).data)
            ),
            "batch read": resources(exact(client.post("/fhir", data=batch, headers=headers).data)),
        }
        for bundle in BUNDLES:
            if bundle == "transaction" and path.name in REFERS_INTO_A_BUNDLE:
                continue
            body = f'{{"resourceType":"Bundle","type":"{bundle}","entry":[{entry}]}}'
            stored = client.post("/fhir", data=body, headers=whole)
            assert stored.status_code == 200, (path.name, bundle, stored.text[:300])
            answers[bundle] = resources(exact(stored.data))
        for way, found in answers.items():
            assert [clients_own(each) for each in found] == [sent], (path.name, way)
        seen[path.parent.name] += 1
    assert seen == EXAMPLES
