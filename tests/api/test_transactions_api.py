"""Transactions: patches, references in circles, conditions, and who writes what."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.exchange import (
    FHIR_JSON,
    PERSON,
    TASK,
    XHTML,
    Hub,
    ask,
    json_patch,
    patient,
    replaced,
    statuses,
    task,
)


@pytest.fixture
def hub(client: FlaskClient, token: str) -> Hub:
    return Hub(client, {"Authorization": f"Bearer {token}", "Content-Type": FHIR_JSON})


def test_patches_stand_in_a_transaction_as_binary_and_as_parameters(hub: Hub) -> None:
    hub.put(patient(id="p", identifier=[{"system": "s", "value": "1"}]))
    hub.put(task(id="t"))
    status, answer = hub.post(
        "transaction",
        ask("GET", "Patient/p"),
        ask("PATCH", "Patient/p", json_patch({"op": "add", "path": "/active", "value": True})),
        ask("PATCH", "Task/t", replaced("Task.status", valueCode="accepted"), ifMatch='W/"1"'),
    )
    assert status == 200, answer
    assert statuses(answer) == ["200", "200", "200"]
    assert answer["entry"][0]["resource"]["active"] is True
    assert answer["entry"][1]["response"]["etag"] == 'W/"2"'
    assert answer["entry"][1]["response"]["location"].endswith("/fhir/Patient/p/_history/2")
    assert hub.get("Task/t")["status"] == "accepted"
    off = json_patch({"op": "replace", "path": "/active", "value": False})
    status, answer = hub.post("transaction", ask("PATCH", "Patient?identifier=s|1", off))
    assert (status, hub.get("Patient/p")["active"]) == (200, False)
    status, answer = hub.post("batch", ask("PATCH", "Patient?identifier=s|1", off))
    assert statuses(answer) == ["200"]
    status, answer = hub.post("transaction", ask("PATCH", "Patient?identifier=s|2", off))
    assert (status, answer["issue"][0]["expression"]) == (404, ["Bundle.entry[0]"])


def test_a_patch_may_refer_to_what_its_transaction_creates(hub: Hub) -> None:
    hub.put(task(id="t"))
    hub.put(task(id="u"))
    hub.put(task(id="v"))
    at = {"ifMatch": 'W/"1"'}
    status, answer = hub.post(
        "transaction",
        ask(
            "PATCH",
            "Task/t",
            json_patch({"op": "add", "path": "/for", "value": {"reference": PERSON}}),
            **at,
        ),
        ask(
            "PATCH",
            "Task/u",
            json_patch(
                {"op": "add", "path": "/for", "value": {"display": "x"}},
                {"op": "add", "path": "/for/reference", "value": PERSON},
            ),
            **at,
        ),
        ask(
            "PATCH",
            "Task/v",
            {
                "resourceType": "Parameters",
                "parameter": [
                    {
                        "name": "operation",
                        "part": [
                            {"name": "type", "valueCode": "add"},
                            {"name": "path", "valueString": "Task"},
                            {"name": "name", "valueString": "for"},
                            {"name": "value", "valueReference": {"reference": PERSON}},
                        ],
                    }
                ],
            },
            **at,
        ),
        ask("POST", "Patient", patient(), PERSON),
    )
    assert status == 200, answer
    person = answer["entry"][3]["fullUrl"].rpartition("/fhir/")[2]
    assert [hub.get(f"Task/{i}")["for"]["reference"] for i in "tuv"] == [person] * 3


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        (patient(), "Binary"),
        ({"resourceType": "Binary", "contentType": "text/plain", "data": "W10="}, "Binary"),
        (
            {
                "resourceType": "Binary",
                "contentType": "application/json-patch+json",
                "data": "////",
            },
            "base64",
        ),
        (json_patch({"op": "steal", "path": "/a"}), "op must be one of"),
    ],
)
def test_what_is_no_patch_is_named(hub: Hub, resource: dict[str, Any], said: str) -> None:
    hub.put(patient(id="p"))
    for kind in ("transaction", "batch"):
        _, answer = hub.post(kind, ask("PATCH", "Patient/p", resource))
        if kind == "batch":
            answer = answer["entry"][0]["response"]["outcome"]
        (issue,) = answer["issue"]
        assert issue["expression"] == ["Bundle.entry[0]"]
        assert said in issue["details"]["text"]


def test_entries_refer_to_one_another_in_circles_with_versions_and_fragments(hub: Hub) -> None:
    hub.put(patient(id="old"))
    document = "urn:uuid:0b2c4c5e-2f2f-4d6a-9a0e-0d5c0f7f0001"
    status, answer = hub.post(
        "transaction",
        ask(
            "POST",
            "Task",
            task(
                focus={"reference": document},
                partOf=[{"reference": TASK}],
                basedOn=[
                    {"reference": "https://elsewhere.example.org/fhir/Patient/old/_history/7"}
                ],
                extension=[
                    {
                        "url": "https://example.org/x",
                        "extension": [{"url": "y", "valueReference": {"reference": document}}],
                    }
                ],
                input=[{"type": {"text": "link"}, "valueUri": f"{document}#page"}],
                identifier=[{"system": "urn:ietf:rfc:3986", "value": document}],
                text={
                    "status": "generated",
                    "div": f'<div xmlns="{XHTML}"><a href="{document}">d</a></div>',
                },
            ),
            TASK,
        ),
        ask(
            "POST",
            "DocumentReference",
            {
                "resourceType": "DocumentReference",
                "status": "current",
                "content": [{"attachment": {"url": f"{TASK}/_history/3"}}],
                "context": {"related": [{"reference": f"{TASK}/_history/3"}]},
            },
            document,
        ),
        ask(
            "PUT",
            "Patient/old",
            patient(id="old", active=True),
            "https://elsewhere.example.org/fhir/Patient/old",
        ),
    )
    assert status == 200, answer
    made = [entry["fullUrl"].rpartition("/fhir/")[2] for entry in answer["entry"]]
    first, second = hub.get(made[0]), hub.get(made[1])
    assert first["focus"] == {"reference": made[1]}
    assert first["partOf"] == [{"reference": made[0]}]
    assert first["basedOn"] == [{"reference": "Patient/old/_history/2"}]
    inner = first["extension"][0]["extension"][0]
    assert inner["valueReference"] == {"reference": made[1]}
    assert first["input"][0]["valueUri"] == f"{made[1]}#page"
    assert first["identifier"][0]["value"] == document
    assert document in first["text"]["div"]
    assert second["context"]["related"] == [{"reference": f"{made[0]}/_history/1"}]
    assert second["content"][0]["attachment"]["url"] == f"{made[0]}/_history/1"


def test_conditional_references_are_resolved_wherever_they_stand(hub: Hub) -> None:
    hub.put(patient(id="p", identifier=[{"system": "s", "value": "1"}]))
    hub.put(task(id="t"))
    condition = {"reference": "Patient?identifier=s|1"}
    extension = {"url": "https://example.org/x", "valueReference": condition}
    status, answer = hub.post(
        "transaction",
        ask("POST", "Task", task(extension=[extension], **{"for": condition})),
        ask(
            "PATCH",
            "Task/t",
            json_patch({"op": "add", "path": "/for", "value": condition}),
            ifMatch='W/"1"',
        ),
    )
    assert status == 200, answer
    made = hub.get(answer["entry"][0]["fullUrl"].rpartition("/fhir/")[2])
    resolved = {"reference": "Patient/p"}
    assert (made["for"], made["extension"][0]["valueReference"]) == (resolved, resolved)
    assert hub.get("Task/t")["for"] == resolved
    hub.put(patient(id="q", identifier=[{"system": "s", "value": "1"}]))
    status, answer = hub.post("transaction", ask("POST", "Task", task(**{"for": condition})))
    assert (status, answer["issue"][0]["code"]) == (412, "multiple-matches")


def test_conditional_entries_write_what_matches_and_create_what_does_not(hub: Hub) -> None:
    one, two = ([{"system": "s", "value": value}] for value in "12")
    hub.put(patient(id="p", identifier=one))
    status, answer = hub.post(
        "transaction",
        ask("PUT", "Patient?identifier=s|1", patient(identifier=one, active=True)),
        ask("PUT", "Patient?identifier=s|2", patient(identifier=two), PERSON),
        ask("POST", "Task", task(**{"for": {"reference": PERSON}})),
        ask("DELETE", "Task?identifier=none"),
    )
    assert status == 200, answer
    assert statuses(answer) == ["200", "201", "201", "204"]
    assert hub.get("Patient/p")["active"] is True
    made = answer["entry"][1]["fullUrl"].rpartition("/fhir/")[2]
    assert hub.get("Task?subject=" + made)["total"] == 1
    status, answer = hub.post("transaction", ask("DELETE", "Patient?identifier=s|2"))
    assert (status, statuses(answer)) == (200, ["204"])
    assert hub.get(made)["issue"][0]["code"] == "deleted"
