"""What a client of transactions and batches sends, and how it looks at what they left."""

import base64
import json
from typing import Any

from flask.testing import FlaskClient

PERSON = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"
FHIR_JSON = "application/fhir+json"
XHTML = "http://www.w3.org/1999/xhtml"
TASK = "urn:oid:1.2.826.0.1.9999.1"


def bundle(kind: str, *entries: dict[str, Any]) -> str:
    return json.dumps({"resourceType": "Bundle", "type": kind, "entry": list(entries)})


def ask(
    method: str,
    url: str,
    resource: dict[str, Any] | None = None,
    full_url: str | None = None,
    **conditions: str,
) -> dict[str, Any]:
    entry: dict[str, Any] = {"request": {"method": method, "url": url, **conditions}}
    if resource is not None:
        entry["resource"] = resource
    if full_url is not None:
        entry["fullUrl"] = full_url
    return entry


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "name": [{"family": "Adeyemi"}], **more}


def task(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Task", "status": "requested", "intent": "order", **more}


def json_patch(*operations: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(operations).encode()
    return {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": base64.b64encode(text).decode(),
    }


def replaced(path: str, **value: Any) -> dict[str, Any]:
    parts = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": path},
        {"name": "value", **value},
    ]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}


class Hub:
    """A client that posts bundles and looks at what they left."""

    def __init__(self, client: FlaskClient, headers: dict[str, str]) -> None:
        self.client = client
        self.headers = headers

    def post(self, kind: str, *entries: dict[str, Any], **headers: str) -> tuple[int, Any]:
        body = bundle(kind, *entries)
        response = self.client.post("/fhir", data=body, headers={**self.headers, **headers})
        return response.status_code, response.get_json()

    def put(self, resource: dict[str, Any]) -> None:
        url = f"/fhir/{resource['resourceType']}/{resource['id']}"
        response = self.client.put(url, data=json.dumps(resource), headers=self.headers)
        assert response.status_code == 201, response.text

    def get(self, url: str) -> Any:
        return self.client.get(f"/fhir/{url}", headers=self.headers).get_json()

    def written(self) -> list[tuple[str, str]]:
        """Return every version of every record."""
        return [
            (entry["fullUrl"].rpartition("/fhir/")[2], entry["response"]["etag"])
            for entry in self.get("_history?_count=500").get("entry", [])
        ]


def statuses(answer: Any) -> list[str]:
    return [entry["response"]["status"][:3] for entry in answer["entry"]]
