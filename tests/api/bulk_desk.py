"""A client of the bulk operations, and a worker that works when it is told to."""

import hashlib
import json
import time
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from hub.api.bulk_content import given_away, supersede
from hub.services import bulk_jobs, exports, imports
from hub.transaction import transaction

ASYNC = {"Prefer": "respond-async"}


class BulkDesk:
    """One client, told by its token."""

    def __init__(self, client: FlaskClient, token: str) -> None:
        self._client = client
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, address: str, **headers: str) -> TestResponse:
        return self._client.get(_path(address), headers=self.headers | headers, buffered=True)

    def delete(self, address: str) -> TestResponse:
        return self._client.delete(_path(address), headers=self.headers)

    def put(self, resource: dict[str, Any], **headers: str) -> TestResponse:
        path = f"/fhir/{resource['resourceType']}/{resource['id']}"
        return self._client.put(path, json=resource, headers=self.headers | headers)

    def remove(self, reference: str) -> None:
        assert self._client.delete(f"/fhir/{reference}", headers=self.headers).status_code == 204

    def ask(self, path: str, prefer: str = "respond-async") -> TestResponse:
        return self._client.get(f"/fhir{path}", headers=self.headers | {"Prefer": prefer})

    def post(self, path: str, *parameters: dict[str, Any]) -> TestResponse:
        body = {"resourceType": "Parameters", "parameter": list(parameters)}
        return self._client.post(f"/fhir{path}", json=body, headers=self.headers | ASYNC)

    def send(self, body: bytes, **headers: str) -> TestResponse:
        given = {"Content-Type": "application/fhir+ndjson", **ASYNC, **headers}
        return self._client.post("/fhir/$import", data=body, headers=self.headers | given)

    def address(self, answer: TestResponse) -> str:
        assert answer.status_code == 202, answer.text
        return answer.headers["Content-Location"]

    def manifest(self, answer: TestResponse) -> dict[str, Any]:
        """Work until nothing is to be done, and return the manifest."""
        address = self.address(answer)
        work()
        found = self.get(address)
        assert found.status_code == 200, found.text
        return dict(found.get_json())

    def lines(self, manifest: dict[str, Any], kind: str = "output") -> list[str]:
        """Download every file of a kind, check it against the manifest, return its lines."""
        found: list[str] = []
        for each in manifest[kind]:
            answer = self.get(each["url"])
            assert answer.status_code == 200
            assert answer.mimetype == "application/fhir+ndjson"
            (said,) = each["extension"].values()
            assert hashlib.sha256(answer.data).hexdigest() == said["sha256"]
            assert len(answer.data) == said["size"]
            here = answer.text.splitlines()
            assert len(here) == each["count"]
            found += here
        return found

    def exported(self, answer: TestResponse) -> set[str]:
        """Return the references of what an export has given."""
        return references(self.lines(self.manifest(answer)))


def references(lines: list[str]) -> set[str]:
    return {f"{each['resourceType']}/{each['id']}" for each in map(json.loads, lines)}


def work(turns: int = 100) -> None:
    """Do what the worker does, until there is nothing to do."""
    for _ in range(turns):
        with transaction():
            turn = bulk_jobs.take_turn()
        if turn is None:
            return
        until = time.monotonic() + 30
        if bulk_jobs.is_export(turn):
            exports.work(turn, given_away, until)
        else:
            imports.work(turn, supersede, until)


def _path(address: str) -> str:
    return "/fhir" + address.partition("/fhir")[2]
