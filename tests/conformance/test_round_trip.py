"""Every official example of a type that the hub holds goes in and comes back unchanged."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir import jsontext
from fhir.registry import SUPPORTED_TYPES
from tests.conformance.test_validation import TRULY_INVALID
from tests.shared_data import data


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


def examples(*folders: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    for folder in folders:
        for path in sorted(data(folder).glob("*.json")):
            resource = jsontext.parse(path.read_bytes())[0]
            if resource.get("resourceType") in SUPPORTED_TYPES and path.name not in TRULY_INVALID:
                yield path, resource


def without_ours(resource: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the server sets (id, versionId, lastUpdated) and what it keeps to itself."""
    kept = {name: value for name, value in resource.items() if name not in {"id", "meta"}}
    if resource["resourceType"] == "Subscription":
        kept["channel"] = {n: v for n, v in kept["channel"].items() if n != "header"}
    meta = {
        name: value
        for name, value in resource.get("meta", {}).items()
        if name not in {"versionId", "lastUpdated"}
    }
    return {**kept, "meta": meta}


def test_examples_come_back_unchanged(client: FlaskClient, headers: dict[str, str]) -> None:
    seen = 0
    for path, resource in examples("r4-examples", "ukcore-examples"):
        kind = resource["resourceType"]
        response = client.post(f"/fhir/{kind}", data=path.read_bytes(), headers=headers)
        assert response.status_code == 201, (path.name, response.text[:300])
        url = f"/fhir/{kind}/{response.get_json()['id']}"
        text = client.get(url, headers=headers).text
        returned = jsontext.loads(text)
        # Decimals are compared by their digits, objects by the order of their members.
        assert jsontext.dumps(without_ours(returned)) == jsontext.dumps(without_ours(resource)), (
            path.name
        )
        seen += 1
    assert seen > 250
