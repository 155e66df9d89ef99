"""What the tests of the terminology operations share: an invented code system, and how to ask."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient

FRUIT = "https://example.org/CodeSystem/fruit"
FRUIT_SET = "https://example.org/ValueSet/fruit"

FRUIT_SYSTEM: dict[str, Any] = {
    "resourceType": "CodeSystem",
    "url": FRUIT,
    "version": "1.0",
    "name": "Fruit",
    "title": "Fruit of the garden",
    "status": "active",
    "caseSensitive": True,
    "content": "complete",
    "property": [
        {
            "code": "notSelectable",
            "uri": "http://hl7.org/fhir/concept-properties#notSelectable",
            "type": "boolean",
        },
        {
            "code": "inactive",
            "uri": "http://hl7.org/fhir/concept-properties#inactive",
            "type": "boolean",
        },
        {"code": "weight", "type": "decimal"},
    ],
    "concept": [
        {
            "code": "fruit",
            "display": "Fruit",
            "property": [{"code": "notSelectable", "valueBoolean": True}],
            "concept": [
                {
                    "code": "apple",
                    "display": "Apple",
                    "definition": "Grows on a tree.",
                    "designation": [{"language": "de", "value": "Apfel"}],
                    "property": [{"code": "weight", "valueDecimal": 150.5}],
                },
                {
                    "code": "berry",
                    "display": "Berry",
                    "concept": [{"code": "strawberry", "display": "Strawberry"}],
                },
                {
                    "code": "medlar",
                    "display": "Medlar",
                    "property": [{"code": "inactive", "valueBoolean": True}],
                },
            ],
        }
    ],
}
FRUIT_VALUE_SET: dict[str, Any] = {
    "resourceType": "ValueSet",
    "url": FRUIT_SET,
    "version": "1.0",
    "status": "active",
    "compose": {"include": [{"system": FRUIT}]},
}


@dataclass
class Asker:
    """Asks the API, and reads what it answers."""

    client: FlaskClient
    headers: Mapping[str, str]

    def keep(self, resource: Mapping[str, Any]) -> str:
        """Store a resource; return its id."""
        done = self.client.post(
            f"/fhir/{resource['resourceType']}", data=json.dumps(resource), headers=self.headers
        )
        assert done.status_code == 201, done.get_json()
        made: str = done.get_json()["id"]
        return made

    def get(self, path: str, **query: str) -> tuple[int, Any]:
        answered = self.client.get(
            f"/fhir/{path}",
            query_string={name.replace("_", "-"): value for name, value in query.items()},
            headers=self.headers,
        )
        return answered.status_code, answered.get_json()

    def post(self, path: str, *parameters: Mapping[str, Any]) -> tuple[int, Any]:
        body: dict[str, Any] = {"resourceType": "Parameters"}
        if parameters:
            body["parameter"] = list(parameters)
        answered = self.client.post(f"/fhir/{path}", data=json.dumps(body), headers=self.headers)
        return answered.status_code, answered.get_json()


def values(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the simple parameters of an answer: name -> value."""
    return {
        each["name"]: value
        for each in parameters["parameter"]
        for member, value in each.items()
        if member.startswith("value")
    }


def properties(parameters: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return (code, value) of the properties that $lookup answers with."""
    found = []
    for each in parameters["parameter"]:
        if each["name"] == "property":
            parts = {
                part["name"]: value
                for part in each["part"]
                for member, value in part.items()
                if member.startswith("value")
            }
            found.append((parts["code"], parts["value"]))
    return found


def codes(value_set: Mapping[str, Any]) -> list[str]:
    """Return the codes of an expansion, those below others after them."""
    found = []
    waiting = list(reversed(value_set["expansion"].get("contains", ())))
    while waiting:
        each = waiting.pop()
        found.append(each["code"])
        waiting += reversed(each.get("contains", ()))
    return found


def fault(outcome: Mapping[str, Any]) -> tuple[str, str]:
    """Return code and text of the one issue of an OperationOutcome."""
    assert outcome["resourceType"] == "OperationOutcome"
    (issue,) = outcome["issue"]
    return issue["code"], issue["details"]["text"]
