"""Searches of the whole system and of compartments over HTTP."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fhir.registry import SUPPORTED_TYPES
from fhir.registry.search_parameters import compartments
from fhir.validation import validate
from hub.auth import issue_token
from hub.auth.accounts import register_client
from hub.transaction import transaction

RECORDS: tuple[dict[str, Any], ...] = (
    {"resourceType": "Patient", "id": "ada", "name": [{"family": "Abara"}]},
    {"resourceType": "Patient", "id": "bo", "name": [{"family": "Berg"}]},
    {"resourceType": "Practitioner", "id": "ada", "name": [{"family": "Abara"}]},
    {
        "resourceType": "Condition",
        "id": "hers",
        "subject": {"reference": "Patient/ada"},
        "asserter": {"reference": "Practitioner/ada"},
    },
    {
        "resourceType": "Condition",
        "id": "his",
        "subject": {"reference": "Patient/bo"},
        "asserter": {"reference": "Patient/ada"},
    },
    {
        "resourceType": "Encounter",
        "id": "visit",
        "status": "finished",
        "class": {"code": "HH"},
        "subject": {"reference": "Patient/bo"},
    },
    {
        "resourceType": "Observation",
        "id": "seen",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": "Patient/bo"},
        "encounter": {"reference": "Encounter/visit"},
        "device": {"reference": "Device/cuff"},
    },
    {
        "resourceType": "RelatedPerson",
        "id": "son",
        "patient": {"reference": "Patient/bo"},
        "name": [{"family": "Berg"}],
    },
    {"resourceType": "Device", "id": "cuff"},
)


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


@pytest.fixture
def stored(client: FlaskClient, headers: dict[str, str]) -> None:
    for resource in RECORDS:
        path = f"/fhir/{resource['resourceType']}/{resource['id']}"
        assert client.put(path, data=json.dumps(resource), headers=headers).status_code == 201


def references(bundle: dict[str, Any], mode: str = "match") -> list[str]:
    assert validate(bundle) == []
    return [
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in bundle.get("entry", [])
        if entry["search"]["mode"] == mode
    ]


def walk(client: FlaskClient, headers: dict[str, str], url: str) -> tuple[list[str], set[int]]:
    """Follow a search to its end: what it showed, and the totals it told."""
    seen: list[str] = []
    totals = set()
    while url:
        page = client.get(url, headers=headers).get_json()
        seen += references(page)
        totals.add(page["total"])
        links = {link["relation"]: urlsplit(link["url"]) for link in page["link"]}
        url = f"{links['next'].path}?{links['next'].query}" if "next" in links else ""
    return seen, totals


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("_type=Patient,Practitioner", ["Patient/ada", "Practitioner/ada", "Patient/bo"]),
        ("_type=Patient,Practitioner&name=abara", ["Patient/ada", "Practitioner/ada"]),
        ("_type=Patient,RelatedPerson&name=berg&_sort=-_id", ["RelatedPerson/son", "Patient/bo"]),
        ("_id=ada", ["Patient/ada", "Practitioner/ada"]),
        ("_type=Condition,Observation&patient=bo", ["Condition/his", "Observation/seen"]),
        ("_filter=_id eq cuff or _id eq visit", ["Device/cuff", "Encounter/visit"]),
        ("_has:Observation:device:status=final&_type=Device", ["Device/cuff"]),
    ],
)
def test_a_search_of_several_types_is_one_list(
    client: FlaskClient, headers: dict[str, str], stored: None, asked: str, found: list[str]
) -> None:
    page = client.get(f"/fhir?{asked}", headers=headers).get_json()

    assert references(page) == found
    assert page["total"] == len(found)
    form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    posted = client.post("/fhir/_search", data=asked, headers=form).get_json()
    assert references(posted) == found


@pytest.mark.parametrize("sort", ["", "&_sort=-_lastUpdated", "&_sort=_id", "&_sort=-_id"])
def test_pages_over_types_show_every_record_once(
    client: FlaskClient, headers: dict[str, str], stored: None, sort: str
) -> None:
    url = f"/fhir?_type=Patient,Practitioner,Condition,Observation,Encounter&_count=2{sort}"
    seen, totals = walk(client, headers, url)

    everything = {f"{each['resourceType']}/{each['id']}" for each in RECORDS}
    assert sorted(seen) == sorted(everything - {"RelatedPerson/son", "Device/cuff"})
    assert totals == {7}


def test_a_page_names_itself_and_brings_includes(
    client: FlaskClient, headers: dict[str, str], stored: None
) -> None:
    url = "/fhir?_type=Condition,Observation&_include=Condition:asserter&_count=1&_sort=_id"
    first = client.get(url, headers=headers).get_json()
    links = {link["relation"]: link["url"] for link in first["link"]}

    assert references(first, "include") == ["Practitioner/ada"]
    assert links["self"].endswith(url)
    following = client.get(f"/fhir?{urlsplit(links['next']).query}", headers=headers).get_json()
    assert {link["relation"]: link["url"] for link in following["link"]}["self"] == links["next"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("_type=Patient,Spaceship", "Spaceship"),
        ("_type=", "_type"),
        ("name=berg", "every type"),
        ("_type=Patient,Condition&name=berg", "name"),
        ("_type=Patient&_type=Condition", "more than once"),
        ("_type=Patient&_sort=_score", "not scored"),
        ("_type=Patient&_elements=shoeSize", "shoeSize"),
        ("_type=Patient&_cursor=AAAA", "_cursor"),
        ("_type=Patient&_include=Condition:subject", "_include"),
        ("_type=Patient&shoe-size=44", "shoe-size"),
    ],
)
def test_what_is_not_common_to_the_types_is_refused(
    client: FlaskClient, headers: dict[str, str], asked: str, said: str
) -> None:
    answer = client.get(f"/fhir?{asked}", headers=headers)

    assert answer.status_code == 400
    assert said in answer.get_json()["issue"][0]["details"]["text"]


def test_lenient_handling_leaves_out_what_one_type_does_not_know(
    client: FlaskClient, headers: dict[str, str], stored: None
) -> None:
    lenient = {**headers, "Prefer": "handling=lenient"}
    page = client.get("/fhir?_type=Patient,Condition&name=berg&_id=ada", headers=lenient).get_json()

    assert references(page) == ["Patient/ada"]
    assert page["link"][0]["url"].endswith("/fhir?_type=Patient,Condition&_id=ada")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("Patient/ada/Condition", ["Condition/hers", "Condition/his"]),
        ("Patient/ada/*", ["Condition/hers", "Condition/his", "Patient/ada"]),
        ("Patient/ada/*?_type=Condition&_count=10", ["Condition/hers", "Condition/his"]),
        ("Patient/bo/Condition?asserter=Practitioner/ada", []),
        ("Patient/nobody/Condition", []),
        ("Practitioner/ada/*", ["Condition/hers", "Practitioner/ada"]),
        ("Encounter/visit/*", ["Encounter/visit", "Observation/seen"]),
        ("Encounter/visit/Observation?code=8867-4", ["Observation/seen"]),
        ("RelatedPerson/son/*", ["RelatedPerson/son"]),
        ("Device/cuff/*", ["Device/cuff", "Observation/seen"]),
    ],
)
def test_a_compartment_holds_what_its_definition_says(
    client: FlaskClient, headers: dict[str, str], stored: None, path: str, found: list[str]
) -> None:
    page = client.get(f"/fhir/{path}", headers=headers).get_json()

    assert sorted(references(page)) == found
    assert page["total"] == len(found)
    head, _, query = path.partition("?")
    form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    posted = client.post(f"/fhir/{head.removesuffix('/*')}/_search", data=query, headers=form)
    assert sorted(references(posted.get_json())) == found


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Patient/ada/Organization", 404),
        ("Organization/x/Patient", 404),
        ("Organization/x/*", 404),
        ("Patient/ada/*?_type=Organization", 400),
        ("Patient/ada/Condition?shoe-size=44", 400),
    ],
)
def test_what_is_in_no_compartment_is_not_found_there(
    client: FlaskClient, headers: dict[str, str], path: str, status: int
) -> None:
    assert client.get(f"/fhir/{path}", headers=headers).status_code == status


def test_a_cursor_belongs_to_its_compartment(
    client: FlaskClient, headers: dict[str, str], stored: None
) -> None:
    page = client.get("/fhir/Patient/ada/Condition?_count=1", headers=headers).get_json()
    query = urlsplit(page["link"][1]["url"]).query

    assert client.get(f"/fhir/Patient/ada/Condition?{query}", headers=headers).status_code == 200
    assert client.get(f"/fhir/Patient/bo/Condition?{query}", headers=headers).status_code == 400
    assert client.get(f"/fhir/Condition?{query}", headers=headers).status_code == 400


def test_scopes_choose_the_types(client: FlaskClient, app: Flask, stored: None) -> None:
    with transaction():
        register_client("few", name="Few", scopes=["system/Condition.rs", "system/Device.r"])
    few = {"Authorization": f"Bearer {issue_token('few', 'system/Condition.rs', 60)}"}

    everything = client.get("/fhir?_lastUpdated=ge2000", headers=few).get_json()
    assert references(everything) == ["Condition/hers", "Condition/his"]
    compartment = client.get("/fhir/Patient/ada/*", headers=few).get_json()
    assert references(compartment) == ["Condition/hers", "Condition/his"]
    assert client.get("/fhir?_type=Condition,Patient", headers=few).status_code == 403
    assert client.get("/fhir/Device/cuff/Observation", headers=few).status_code == 403


def test_a_batch_searches_types_and_compartments(
    client: FlaskClient, headers: dict[str, str], stored: None
) -> None:
    urls = ("?_type=Patient&_id=bo", "Patient/ada/Condition", "Patient/ada/*?_type=Patient")
    batch = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [
            {"request": {"method": "GET", "url": url}} for url in (*urls, "Patient/ada/List")
        ],
    }
    answer = client.post("/fhir", data=json.dumps(batch), headers=headers).get_json()

    assert [references(entry["resource"]) for entry in answer["entry"]] == [
        ["Patient/bo"],
        ["Condition/hers", "Condition/his"],
        ["Patient/ada"],
        [],
    ]


def test_an_own_address_in_full_means_the_same(
    client: FlaskClient, headers: dict[str, str], stored: None, app: Flask
) -> None:
    base = f"{app.config['CAREHUB'].base_url}/fhir"
    for url in (
        f"/fhir/Condition?subject={base}/Patient/ada",
        f"/fhir?_type=Condition&_filter=subject re {base}/Patient/ada",
        f"/fhir/Condition?subject:Patient._has:Condition:subject:asserter={base}/Practitioner/ada",
    ):
        assert references(client.get(url, headers=headers).get_json()) == ["Condition/hers"]


def test_a_form_that_is_not_utf_8_is_refused(client: FlaskClient, headers: dict[str, str]) -> None:
    form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}

    assert client.post("/fhir/_search", data=b"_id=\xff", headers=form).status_code == 400


def test_the_statement_promises_these_searches(client: FlaskClient) -> None:
    rest = client.get("/fhir/metadata").get_json()["rest"][0]

    assert {"code": "search-system"} in rest["interaction"]
    assert len(rest["compartment"]) == len(compartments()) == 5
    common = {each["name"] for each in rest["searchParam"]}
    assert {"_id", "_lastUpdated", "_tag", "_type", "_filter", "_has", "_list"} <= common
    assert "name" not in common
    assert "_query" not in common
    described = {each["type"]: each for each in rest["resource"]}
    assert set(described) == set(SUPPORTED_TYPES)
    assert "_type" not in {each["name"] for each in described["Patient"]["searchParam"]}
    assert "Condition:*" in described["Condition"]["searchInclude"]
