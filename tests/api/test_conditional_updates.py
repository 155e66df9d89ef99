"""PUT [type]?[search]: what the id in the resource means, https://hl7.org/fhir/R4/http.html#cond-update."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from hub.auth import issue_token
from hub.auth.accounts import register_client
from hub.transaction import transaction

URL = "/fhir/Patient?identifier=s|v"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "identifier": [{"system": "s", "value": "v"}],
}


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


def put(client: FlaskClient, headers: dict[str, str], **more: Any) -> Any:
    return client.put(URL, data=json.dumps(PATIENT | more), headers=headers)


def test_without_an_id_the_one_that_matches_is_updated(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    made = put(client, headers)
    assert made.status_code == 201
    text = '{ "resourceType":"Patient","identifier":[{"system":"s","value":"v"}],"active":true}'
    changed = client.put(URL, data=text, headers=headers)
    assert changed.status_code == 200
    assert changed.get_json()["id"] == made.get_json()["id"]
    assert (changed.headers["ETag"], changed.get_json()["active"]) == ('W/"2"', True)


def test_an_id_must_be_that_of_the_one_that_matches(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    put(client, headers)
    refused = put(client, headers, id="another")
    assert refused.status_code == 400
    assert refused.get_json()["issue"][0]["expression"] == ["Patient.id"]


def test_where_nothing_matches_the_id_is_the_new_ones(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    made = put(client, headers, id="mine")
    assert (made.status_code, made.get_json()["id"]) == (201, "mine")
    client.put(
        "/fhir/Patient/there", data='{"resourceType":"Patient","id":"there"}', headers=headers
    )
    taken = client.put(
        "/fhir/Patient?identifier=none",
        data='{"resourceType":"Patient","id":"there"}',
        headers=headers,
    )
    assert taken.status_code == 409
    malformed = client.put(
        "/fhir/Patient?identifier=none",
        data='{"resourceType":"Patient","id":"a b"}',
        headers=headers,
    )
    assert malformed.status_code == 400


def test_a_client_that_may_not_choose_ids_leaves_it_out(client: FlaskClient) -> None:
    with transaction():
        register_client("plain", name="Plain", scopes=["system/*.cruds"], own_ids=False)
    token = issue_token("plain", "system/*.cruds", 3600)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    assert put(client, headers, id="mine").status_code == 405
    assert put(client, headers).status_code == 201
