"""Rate limits: a client that was given points a minute is refused when they are spent."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from hub.api import rates
from hub.api.operations import ENDPOINTS
from hub.auth import issue_token
from hub.auth.accounts import register_client
from hub.transaction import transaction


@pytest.fixture(autouse=True)
def _one_minute() -> Iterator[None]:
    """Stay inside one minute: the count begins anew with the next."""
    with time_machine.travel(datetime.now(UTC).replace(second=5), tick=False):
        yield


def bearer(client_id: str, rate_limit: int | None) -> dict[str, str]:
    with transaction():
        register_client(
            client_id,
            name="A system",
            scopes=["system/*.cruds"],
            own_ids=True,
            rate_limit=rate_limit,
        )
    token = issue_token(client_id, "system/*.cruds", 3600)
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


def test_a_client_is_refused_when_its_points_are_spent(client: FlaskClient) -> None:
    headers = bearer("limited", rates.WRITE + rates.SEARCH + 2 * rates.READ)
    body = '{"resourceType":"Patient","id":"p"}'
    answers = [
        client.put("/fhir/Patient/p", data=body, headers=headers).status_code,
        client.get("/fhir/Patient?family=x", headers=headers).status_code,
        client.get("/fhir/Patient/p", headers=headers).status_code,
        client.get("/fhir/Patient/p", headers=headers).status_code,
    ]
    assert answers == [201, 200, 200, 200]
    refused = client.get("/fhir/Patient/p", headers=headers)
    assert refused.status_code == 429
    assert refused.get_json()["issue"][0]["code"] == "throttled"
    assert 1 <= int(refused.headers["Retry-After"]) <= rates.WINDOW
    assert client.get("/fhir/metadata").status_code == 200


def test_a_question_about_a_code_costs_a_read_and_an_expansion_a_search(
    client: FlaskClient,
) -> None:
    headers = bearer("asking", 3 * rates.READ + 2 * rates.SEARCH)
    system = "http://hl7.org/fhir/administrative-gender"
    value_set = "http://hl7.org/fhir/ValueSet/administrative-gender"

    def ask(path: str, **values: str) -> int:
        listed = [{"name": name, "valueString": value} for name, value in values.items()]
        body = json.dumps({"resourceType": "Parameters", "parameter": listed})
        return client.post(f"/fhir/{path}", data=body, headers=headers).status_code

    assert ask("CodeSystem/$lookup", system=system, code="male") == 200
    assert ask("CodeSystem/$subsumes", system=system, codeA="male", codeB="male") == 200
    assert ask("ValueSet/$validate-code", url=value_set, system=system, code="male") == 200
    assert ask("ValueSet/$expand", url=value_set) == 200
    assert ask("ValueSet/$expand", url=value_set) == 200
    assert ask("CodeSystem/$validate-code", url=system, code="male") == 429


def test_other_clients_and_those_without_a_limit_go_on(client: FlaskClient) -> None:
    spent = bearer("spent", 1)
    free = bearer("free", None)
    for _ in range(2):
        client.get("/fhir/Patient", headers=spent)
    assert client.get("/fhir/Patient", headers=spent).status_code == 429
    assert client.get("/fhir/Patient", headers=free).status_code == 200


def test_an_operation_that_looks_through_records_costs_as_much_as_a_search(
    client: FlaskClient,
) -> None:
    headers = bearer("asking", 2 * rates.SEARCH)
    body = '{"resourceType":"Patient","birthDate":"1960-05-04"}'
    answers = [
        client.get("/fhir/Patient/p/$everything", headers=headers).status_code,
        client.post("/fhir/Patient/$match", data=body, headers=headers).status_code,
        client.get("/fhir/Patient/p", headers=headers).status_code,
    ]
    assert answers == [404, 200, 429]


@pytest.mark.parametrize("path", ["$export", "Patient/$export", "Group/g/$export"])
def test_asking_for_an_export_costs_what_a_write_does(client: FlaskClient, path: str) -> None:
    headers = bearer("exports", rates.WRITE)
    assert client.get(f"/fhir/{path}", headers=headers).status_code in {400, 404}
    assert client.get("/fhir/Patient/p", headers=headers).status_code == 429


def points(client_id: str, client: FlaskClient) -> int:
    """Return what a client has spent in this minute."""
    store = client.application.extensions["carehub_redis"]
    [key] = store.keys(f"carehub:rate:*{client_id}:*")
    return int(store.get(key))


@pytest.mark.parametrize(
    ("method", "address", "expected"),
    [
        ("GET", "/fhir/Patient/x", rates.READ),
        ("GET", "/fhir/Patient/x/_history/1", rates.READ),
        ("GET", "/fhir/OperationDefinition/adopt", rates.READ),
        ("GET", "/fhir/Patient", rates.SEARCH),
        ("POST", "/fhir/Patient/_search", rates.SEARCH),
        ("GET", "/fhir/Patient/x/_history", rates.SEARCH),
        ("GET", "/fhir/_history", rates.SEARCH),
        ("POST", "/fhir/Patient", rates.WRITE),
        ("DELETE", "/fhir/Patient/x", rates.WRITE),
        ("POST", "/fhir/CarePlan/x/$adopt", rates.WRITE),
        ("POST", "/fhir/$process-message", rates.WRITE),
    ],
)
def test_each_request_costs_what_it_does(
    client: FlaskClient, method: str, address: str, expected: int
) -> None:
    client.open(address, method=method, headers=bearer("counted", 10_000))
    assert points("counted", client) == expected


def test_an_operation_costs_a_search_or_a_write() -> None:
    for endpoint, declared in ENDPOINTS.items():
        app = Flask("costs")
        method = declared.allowed[0]
        with app.test_request_context("/", method=method) as context:
            context.request.url_rule = Rule("/", endpoint=endpoint)
            work = declared.affects_state or declared.name.endswith("export")
            least = rates.READ if declared.light else rates.SEARCH
            assert rates.cost() == (rates.WRITE if work else least), endpoint


def entries(*requests: tuple[str, str]) -> str:
    resource = {"resourceType": "Patient"}
    return json.dumps(
        {
            "resourceType": "Bundle",
            "type": "batch",
            "entry": [
                {
                    "request": {"method": method, "url": url},
                    **({"resource": resource} if method == "POST" else {}),
                }
                for method, url in requests
            ],
        }
    )


def test_a_bundle_costs_what_its_entries_do(client: FlaskClient) -> None:
    body = entries(
        ("GET", "Patient/x"),
        ("GET", "Patient?family=x"),
        ("GET", "Patient/x/_history"),
        ("GET", "Patient/x/$everything"),
        ("POST", "Patient"),
    )
    cost = 2 * rates.READ + 3 * rates.SEARCH + rates.WRITE
    headers = bearer("bundler", cost)
    assert client.post("/fhir", data=body, headers=headers).status_code == 200
    assert points("bundler", client) == cost
    assert client.get("/fhir/Patient/x", headers=headers).status_code == 429


def test_a_bundle_is_refused_whole_before_any_entry_is_done(client: FlaskClient) -> None:
    headers = bearer("bundler", 3 * rates.WRITE)
    two = entries(("POST", "Patient"), ("POST", "Patient"))
    assert client.post("/fhir", data=two, headers=headers).status_code == 200
    refused = client.post("/fhir", data=two, headers=headers)
    assert (refused.status_code, refused.get_json()["issue"][0]["code"]) == (429, "throttled")
    free = bearer("free", None)
    assert client.get("/fhir/Patient", headers=free).get_json()["total"] == 2
    # It could wait for ever for a minute that is long enough.
    four = entries(*[("POST", "Patient")] * 4)
    refused = client.post("/fhir", data=four, headers=bearer("another", 3 * rates.WRITE))
    assert (refused.status_code, refused.get_json()["issue"][0]["code"]) == (422, "too-costly")


def test_a_message_that_costs_too_much_is_refused_in_the_words_of_its_standard(
    client: FlaskClient,
) -> None:
    refused = client.post("/fhir/$process-message", data="{}", headers=bearer("sender", 1))
    assert refused.status_code == 429
    assert "REC_" in refused.text
    assert int(refused.headers["Retry-After"]) >= 1
