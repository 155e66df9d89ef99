"""Search, history and the capability statement over HTTP."""

import json
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from fhir.registry import SUPPORTED_TYPES
from fhir.validation import validate


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


@pytest.fixture
def people(client: FlaskClient, headers: dict[str, str]) -> list[str]:
    for number in range(5):
        person = {
            "resourceType": "Patient",
            "id": f"p{number}",
            "name": [{"family": "Okafor"}],
            "birthDate": f"195{number}-01-01",
        }
        response = client.put(f"/fhir/Patient/p{number}", data=json.dumps(person), headers=headers)
        assert response.status_code == 201
    return [f"p{number}" for number in range(5)]


def follow(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def test_pages_of_a_search_show_everyone_once(
    client: FlaskClient, headers: dict[str, str], people: list[str]
) -> None:
    url = "/fhir/Patient?family=okafor&_sort=birthdate&_count=2"
    seen = []
    totals = []
    while url:
        page = client.get(url, headers=headers).get_json()
        assert validate(page) == []
        seen += [entry["resource"]["id"] for entry in page["entry"]]
        totals.append(page.get("total"))
        links = {link["relation"]: link["url"] for link in page["link"]}
        assert "_sort=birthdate" in links["self"]
        url = follow(links["next"]) if "next" in links else ""
    assert seen == people
    assert totals[0] == 5


def test_post_search_takes_a_form(
    client: FlaskClient, headers: dict[str, str], people: list[str]
) -> None:
    form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    found = client.post("/fhir/Patient/_search?_count=3", data="family=okafor", headers=form)
    assert found.status_code == 200
    assert len(found.get_json()["entry"]) == 3
    wrong = client.post("/fhir/Patient/_search", data="{}", headers=headers)
    assert wrong.status_code == 415


def test_an_unknown_parameter_is_named_unless_handling_is_lenient(
    client: FlaskClient, headers: dict[str, str], people: list[str]
) -> None:
    url = "/fhir/Patient?family=okafor&shoe-size=44"
    refused = client.get(url, headers=headers)
    assert refused.status_code == 400
    assert "shoe-size" in refused.get_json()["issue"][0]["details"]["text"]
    lenient = client.get(url, headers={**headers, "Prefer": "handling=lenient"})
    assert lenient.get_json()["total"] == 5
    assert "shoe-size" not in lenient.get_json()["link"][0]["url"]


def test_include_brings_what_is_referred_to(
    client: FlaskClient, headers: dict[str, str], people: list[str]
) -> None:
    flag = {
        "resourceType": "Flag",
        "status": "active",
        "code": {"text": "Key safe"},
        "subject": {"reference": "Patient/p1"},
    }
    client.post("/fhir/Flag", data=json.dumps(flag), headers=headers)
    page = client.get("/fhir/Flag?_include=Flag:subject", headers=headers).get_json()
    modes = {e["resource"]["resourceType"]: e["search"]["mode"] for e in page["entry"]}
    assert modes == {"Flag": "match", "Patient": "include"}
    assert page["total"] == 1


@pytest.mark.parametrize(
    ("asked", "members"),
    [
        ("_elements=birthDate", {"resourceType", "id", "meta", "birthDate"}),
        ("_summary=text", {"resourceType", "id", "meta"}),
        ("_summary=true", {"resourceType", "id", "meta", "name", "birthDate"}),
        ("_summary=data", {"resourceType", "id", "meta", "name", "birthDate"}),
    ],
)
def test_a_part_of_a_resource_says_that_it_is_one(
    client: FlaskClient,
    headers: dict[str, str],
    people: list[str],
    asked: str,
    members: set[str],
) -> None:
    found = client.get(f"/fhir/Patient?_id=p1&{asked}", headers=headers).get_json()
    read = client.get(f"/fhir/Patient/p1?{asked}", headers=headers).get_json()
    for part in (found["entry"][0]["resource"], read):
        assert set(part) == members
        assert part["meta"]["tag"][-1]["code"] == "SUBSETTED"
        back = client.put("/fhir/Patient/p1", data=json.dumps(part), headers=headers)
        assert back.status_code == 422
    count = client.get("/fhir/Patient?_summary=count", headers=headers).get_json()
    assert (count["total"], count.get("entry")) == (5, None)
    wrong = client.get("/fhir/Patient/p1?_elements=shoeSize", headers=headers)
    assert wrong.status_code == 400


def test_history_of_record_type_and_hub(
    client: FlaskClient, headers: dict[str, str], people: list[str]
) -> None:
    body = json.dumps({"resourceType": "Patient", "id": "p0"})
    client.put("/fhir/Patient/p0", data=body, headers=headers)
    own = client.get("/fhir/Patient/p0/_history", headers=headers).get_json()
    assert validate(own) == []
    assert [e["resource"]["meta"]["versionId"] for e in own["entry"]] == ["2", "1"]
    for path in ("/fhir/Patient/_history", "/fhir/_history"):
        url, seen = f"{path}?_count=2", []
        while url:
            page = client.get(url, headers=headers).get_json()
            seen += [
                (e["resource"]["id"], e["resource"]["meta"]["versionId"])
                for e in page.get("entry", [])
            ]
            links = {link["relation"]: link["url"] for link in page["link"]}
            url = follow(links["next"]) if "next" in links else ""
        assert len(seen) == len(set(seen)) == 6
        assert seen[0] == ("p0", "2")
    last = own["entry"][0]["resource"]["meta"]["lastUpdated"]
    since = client.get(f"/fhir/_history?_since={last}", headers=headers).get_json()
    assert len(since["entry"]) == 1
    assert client.get("/fhir/Patient/none/_history", headers=headers).status_code == 404


def test_capability_statement_is_legal_and_matches_the_registry(client: FlaskClient) -> None:
    statement = client.get("/fhir/metadata").get_json()
    assert validate(statement) == []
    resources = {r["type"]: r for r in statement["rest"][0]["resource"]}
    assert set(resources) == set(SUPPORTED_TYPES)
    assert resources["Task"]["versioning"] == "versioned-update"
    assert resources["Patient"]["versioning"] == "versioned"
    offered = {i["code"] for i in resources["Patient"]["interaction"]}
    assert {"read", "vread", "update", "patch", "delete", "history-instance"} <= offered
    kept = {i["code"] for i in resources["AuditEvent"]["interaction"]}
    assert kept.isdisjoint({"update", "patch", "delete"})
    assert statement["patchFormat"] == [
        "application/json-patch+json",
        "application/fhir+json",
        "application/fhir+xml",
    ]
    names = {p["name"] for p in resources["Patient"]["searchParam"]}
    assert {"identifier", "family", "birthdate", "general-practitioner", "_id"} <= names
    own = {operation["name"] for operation in resources["Patient"]["operation"]}
    assert "record-death" in own


def test_every_promised_search_parameter_is_understood(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    """The statement promises no parameter that a search would call unknown."""
    statement = client.get("/fhir/metadata").get_json()
    unasked = {"_count", "_sort", "_total"}
    for resource in statement["rest"][0]["resource"]:
        names = {p["name"] for p in resource["searchParam"]} - unasked
        url = f"/fhir/{resource['type']}?no-such-parameter=1"
        refusal = client.get(url, headers=headers).get_json()["issue"][0]["details"]["text"]
        listed = {word.strip(" ,;.") for word in refusal.split()}
        assert names <= listed, names - listed


def test_scopes_bound_every_interaction(client: FlaskClient, app: object, token: str) -> None:
    from hub.auth import issue_token  # noqa: PLC0415 - needs the registered client of ``token``

    narrow = issue_token("test-system", "system/Patient.rs", 3600)
    headers = {"Authorization": f"Bearer {narrow}", "Content-Type": "application/fhir+json"}
    assert client.get("/fhir/Patient", headers=headers).status_code == 200
    assert client.get("/fhir/Task", headers=headers).status_code == 403
    body = '{"resourceType":"Patient"}'
    refused = client.post("/fhir/Patient", data=body, headers=headers)
    assert (refused.status_code, refused.get_json()["issue"][0]["code"]) == (403, "forbidden")
    entry = {
        "resource": {"resourceType": "Patient"},
        "request": {"method": "POST", "url": "Patient"},
    }
    bundle = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert client.post("/fhir", data=bundle, headers=headers).status_code == 403
