"""Entries of bundles: overlaps, conditions, reads, history, operations, what is preferred."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.exchange import FHIR_JSON, PERSON, Hub, ask, json_patch, patient, statuses


@pytest.fixture
def hub(client: FlaskClient, token: str) -> Hub:
    return Hub(client, {"Authorization": f"Bearer {token}", "Content-Type": FHIR_JSON})


@pytest.mark.parametrize(
    "entries",
    [
        [ask("DELETE", "Patient?identifier=s|1"), ask("PUT", "Patient/p", patient(id="p"))],
        [
            ask("PATCH", "Patient/p", json_patch()),
            ask("PUT", "Patient?identifier=s|1", patient()),
        ],
        [ask("PUT", "Patient?identifier=s|2", patient())] * 2,
        [ask("POST", "Patient", patient(), ifNoneExist="identifier=s|2")] * 2,
    ],
)
def test_two_entries_that_write_one_record_are_refused(
    hub: Hub, entries: list[dict[str, Any]]
) -> None:
    hub.put(patient(id="p", identifier=[{"system": "s", "value": "1"}]))
    status, answer = hub.post("transaction", *entries)
    assert status == 400
    assert answer["issue"][0]["expression"] == ["Bundle.entry[1]"]
    assert hub.written() == [("Patient/p", 'W/"1"')]


def test_two_entries_of_one_full_url_are_refused(hub: Hub) -> None:
    entry = ask("POST", "Patient", patient(), PERSON)
    status, answer = hub.post("transaction", entry, entry)
    assert status == 400
    assert "bdl-7" in answer["issue"][0]["details"]["text"]
    assert hub.written() == []


def test_reads_answer_304_where_the_entry_knows_the_version(hub: Hub) -> None:
    hub.put(patient(id="p"))
    _, answer = hub.post(
        "batch",
        ask("GET", "Patient/p", ifNoneMatch='W/"1"'),
        ask("GET", "Patient/p", ifNoneMatch='W/"2"'),
        ask("GET", "Patient/p", ifModifiedSince="2999-01-01T00:00:00Z"),
        ask("GET", "Patient/p", ifModifiedSince="2001-01-01T00:00:00Z"),
        ask("GET", "Patient/p/_history/1"),
        ask("HEAD", "Patient/p"),
    )
    assert statuses(answer) == ["304", "200", "304", "200", "200", "200"]
    shown = ["resource" in entry for entry in answer["entry"]]
    assert shown == [False, True, False, True, True, True]


def test_conditions_of_single_entries(hub: Hub) -> None:
    hub.put(patient(id="p"))
    _, answer = hub.post(
        "batch",
        ask("PUT", "Patient/p", patient(id="p"), ifNoneMatch="*"),
        ask("PUT", "Patient/q", patient(id="q"), ifNoneMatch="*"),
        ask("PUT", "Patient/r", patient(id="r"), ifNoneMatch='W/"1"'),
        ask("PUT", "Patient/p", patient(id="p"), ifMatch='W/"1", W/"2"'),
        ask("DELETE", "Patient/p", ifMatch='W/"2"'),
        ask("DELETE", "Patient?identifier=none", ifMatch='W/"2"'),
        ask("DELETE", "Patient/p", ifMatch='W/"1"'),
    )
    assert statuses(answer) == ["412", "201", "400", "400", "412", "412", "204"]


def test_history_and_operations_answer_in_a_bundle(hub: Hub) -> None:
    hub.put(patient(id="p"))
    for kind in ("batch", "transaction"):
        status, answer = hub.post(
            kind,
            ask("GET", "Patient/p/_history"),
            ask("GET", "Patient/_history?_count=1"),
            ask("GET", "_history"),
            ask("GET", "Patient/p/$meta"),
            ask("GET", "Patient?family=adeyemi"),
        )
        assert status == 200, answer
        kinds = [entry["resource"]["resourceType"] for entry in answer["entry"]]
        assert kinds == ["Bundle", "Bundle", "Bundle", "Parameters", "Bundle"]
        assert answer["entry"][0]["resource"]["type"] == "history"
    tag = {"system": "https://example.org/t", "code": "a"}
    meta = {"resourceType": "Parameters"}
    meta["parameter"] = [{"name": "meta", "valueMeta": {"tag": [tag]}}]  # type: ignore[assignment]
    _, answer = hub.post(
        "batch",
        ask("POST", "Patient/p/$meta-add", meta),
        ask("GET", "Patient/p/$nonsense"),
        ask("DELETE", "Patient/p/$meta-add"),
        ask("GET", "Patient/_history?nonsense=1"),
        ask("PUT", "Patient/p/_history/1", patient(id="p")),
        ask("GET", "Patient/none/_history"),
    )
    assert statuses(answer) == ["200", "404", "400", "400", "400", "404"]
    assert hub.get("Patient/p")["meta"]["tag"] == [tag]
    status, answer = hub.post("transaction", ask("POST", "Patient/p/$meta-add", meta))
    assert (status, answer["issue"][0]["code"]) == (400, "not-supported")


def test_a_bundle_of_xml_may_ask_for_a_history(hub: Hub) -> None:
    hub.put(patient(id="p"))
    body = (
        '<Bundle xmlns="http://hl7.org/fhir"><type value="batch"/><entry><request>'
        '<method value="GET"/><url value="Patient/p/_history"/></request></entry></Bundle>'
    )
    headers = {**hub.headers, "Content-Type": "application/fhir+xml"}
    answer = hub.client.post("/fhir", data=body, headers=headers)
    assert answer.status_code == 200, answer.text
    assert '<status value="200 OK"/>' in answer.text
    assert '<type value="history"/>' in answer.text


def test_a_history_in_a_transaction_shows_what_it_wrote(hub: Hub) -> None:
    status, answer = hub.post(
        "transaction",
        ask("GET", "Patient/_history"),
        ask("POST", "Patient", patient()),
    )
    assert status == 200
    assert len(answer["entry"][0]["resource"]["entry"]) == 1


def test_a_transaction_in_a_bundle_is_refused(hub: Hub) -> None:
    inner = {"resourceType": "Bundle", "type": "transaction"}
    for url in ("/", "Bundle"):
        status, answer = hub.post("transaction", ask("POST", url, inner))
        assert status in {400, 404}, answer
        _, answer = hub.post("batch", ask("POST", url, inner))
        assert statuses(answer)[0] in {"400", "404"}


@pytest.mark.parametrize("wanted", ["minimal", "representation", "OperationOutcome"])
def test_prefer_holds_for_every_writing_entry(hub: Hub, wanted: str) -> None:
    hub.put(patient(id="p"))
    hub.put(patient(id="q"))
    for kind in ("transaction", "batch"):
        _, answer = hub.post(
            kind,
            ask("POST", "Patient", patient()),
            ask("PUT", "Patient/p", patient(id="p")),
            ask("PATCH", "Patient/q", json_patch({"op": "add", "path": "/active", "value": True})),
            Prefer=f"return={wanted}",
        )
        for entry in answer["entry"]:
            assert ("resource" in entry) is (wanted == "representation")
            assert ("outcome" in entry["response"]) is (wanted == "OperationOutcome")
            assert {"location", "etag", "lastModified"} <= set(entry["response"])
