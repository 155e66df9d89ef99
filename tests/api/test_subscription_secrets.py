"""A Subscription's headers hold passwords: nobody gets them back, by any way of reading."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from hub import records
from hub.domain.actor import hub_actor

SECRET = "Bearer secret-of-a-subscriber"
ENDPOINT = "https://192.0.2.1/told"
Headers = dict[str, str]


@pytest.fixture
def headers(token: str) -> Headers:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


def subscription(endpoint: str = ENDPOINT, *header: str, **more: str) -> dict[str, Any]:
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "Register",
        "criteria": "Flag?status=active",
        "channel": {"type": "rest-hook", "endpoint": endpoint, "header": list(header)},
        **more,
    }


@pytest.fixture
def held(client: FlaskClient, headers: Headers) -> str:
    sent = subscription(ENDPOINT, f"Authorization: {SECRET}")
    answer = client.post("/fhir/Subscription", data=json.dumps(sent), headers=headers)
    assert answer.status_code == 201
    assert SECRET not in answer.text
    found: str = answer.get_json()["id"]
    return found


def kept(subscription_id: str) -> list[str]:
    record = records.read(hub_actor("test"), "Subscription", subscription_id)
    found: list[str] = record["channel"]["header"]
    return found


@pytest.mark.parametrize(
    "address",
    [
        "Subscription/{}",
        "Subscription/{}?_elements=channel",
        "Subscription/{}?_summary=data",
        "Subscription/{}/_history",
        "Subscription/{}/_history/1",
        "Subscription/_history",
        "_history",
        "Subscription?_id={}",
        "Subscription?_id={}&_summary=true",
    ],
)
def test_no_way_of_reading_shows_the_value(
    client: FlaskClient, headers: Headers, held: str, address: str
) -> None:
    answer = client.get(f"/fhir/{address.format(held)}", headers=headers)

    assert answer.status_code == 200
    assert f"Subscription/{held}" in answer.text or f'"id":"{held}"' in answer.text
    assert SECRET not in answer.text


def test_no_entry_of_a_bundle_shows_the_value(
    client: FlaskClient, headers: Headers, held: str
) -> None:
    entries = [{"request": {"method": "GET", "url": f"Subscription/{held}"}}]
    for kind in ("batch", "transaction"):
        bundle = {"resourceType": "Bundle", "type": kind, "entry": entries}
        answer = client.post("/fhir", data=json.dumps(bundle), headers=headers)
        assert held in answer.text
        assert SECRET not in answer.text


def test_an_update_of_what_was_read_keeps_the_value(
    client: FlaskClient, headers: Headers, held: str
) -> None:
    seen = client.get(f"/fhir/Subscription/{held}", headers=headers).get_json()
    seen["reason"] = "Register and flags"

    answer = client.put(f"/fhir/Subscription/{held}", data=json.dumps(seen), headers=headers)

    assert answer.status_code == 200
    assert SECRET not in answer.text
    assert kept(held) == [f"Authorization: {SECRET}"]


def test_nobody_has_the_value_sent_to_an_address_of_their_own(
    client: FlaskClient, headers: Headers, held: str
) -> None:
    seen = client.get(f"/fhir/Subscription/{held}", headers=headers).get_json()
    seen["channel"]["endpoint"] = "https://192.0.2.66/thief"

    answer = client.put(f"/fhir/Subscription/{held}", data=json.dumps(seen), headers=headers)

    assert answer.status_code == 422
    assert answer.get_json()["issue"][0]["expression"] == ["Subscription.channel.header[0]"]
    assert kept(held) == [f"Authorization: {SECRET}"]


def test_a_new_value_replaces_the_old_one(client: FlaskClient, headers: Headers, held: str) -> None:
    changed = subscription("https://192.0.2.7/new", "Authorization: Bearer new", id=held)

    answer = client.put(f"/fhir/Subscription/{held}", data=json.dumps(changed), headers=headers)

    assert answer.status_code == 200
    assert kept(held) == ["Authorization: Bearer new"]
