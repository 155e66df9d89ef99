"""Whoever asks for XML gets it from every address, and may send it; JSON says the same."""

import json
import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fhir.xml import from_xml, to_xml
from hub.auth import issue_token
from hub.auth.accounts import register_client
from hub.domain.actor import hub_actor
from hub.samples import SOUTHEND
from hub.services import definitions
from hub.transaction import transaction
from tests.api.damage import damaged

FHIR_JSON = "application/fhir+json"
FHIR_XML = "application/fhir+xml"
AS_XML = f"{FHIR_XML}; charset=utf-8"
REQUEST = {"X-Request-Id": "0a1b2c3d-0000-4000-8000-000000000001"}

OBSERVATION = (
    '{"resourceType":"Observation","text":{"status":"generated",'
    '"div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">a&#160;b<br/></div>"},'
    '"status":"final","code":{"text":"Weight"},'
    '"effectiveDateTime":"2026-05-01T09:30:00.120+01:00",'
    '"valueQuantity":{"value":1.50,"unit":"kg"},'
    '"note":[{"text":"two\\nlines \\"quoted\\"","_text":{"extension":'
    '[{"url":"http://example.org/e","valueDecimal":2.0}]}}]}'
)
PATIENT = {"resourceType": "Patient", "name": [{"family": "Price"}], "birthDate": "1951-03-02"}


@pytest.fixture
def auth(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **REQUEST}


def sent(
    client: FlaskClient, auth: dict[str, str], path: str, body: str, **more: str
) -> TestResponse:
    """Post JSON as the XML that says the same."""
    headers = {
        **auth,
        "Content-Type": FHIR_XML,
        **{k.replace("_", "-"): v for k, v in more.items()},
    }
    return client.post(path, data=to_xml(body), headers=headers)


def value_of(response: TestResponse) -> Any:
    """Return an answer as a JSON value, whatever its format; the moment it was made is left out."""
    text = response.text
    if response.mimetype != FHIR_JSON:
        assert response.content_type.endswith("charset=utf-8")
        text = from_xml(response.data)
    value = json.loads(text, parse_float=str)
    if value["resourceType"] == "Bundle":
        value["meta"].pop("lastUpdated")
    return value


@pytest.fixture
def stored(client: FlaskClient, auth: dict[str, str]) -> str:
    """Return the address of an Observation with two versions."""
    headers = {**auth, "Content-Type": FHIR_JSON}
    created = client.post("/fhir/Observation", data=OBSERVATION, headers=headers).get_json()
    url = f"/fhir/Observation/{created['id']}"
    changed = OBSERVATION.replace('"Observation",', f'"Observation","id":"{created["id"]}",')
    assert client.put(url, data=changed, headers=headers).status_code == 200
    gone = client.post("/fhir/Patient", json=PATIENT, headers=headers).get_json()["id"]
    assert client.delete(f"/fhir/Patient/{gone}", headers=headers).status_code == 204
    return url


# Out. ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "{url}", 200),
        ("GET", "{url}/_history/1", 200),
        ("GET", "{url}/_history", 200),
        ("GET", "/fhir/Observation/_history", 200),
        ("GET", "/fhir/_history", 200),
        ("GET", "{url}?_summary=true", 200),
        ("GET", "{url}?_elements=status", 200),
        ("GET", "/fhir/Observation?status=final", 200),
        ("GET", "/fhir/Observation?status=final&_count=0&_total=accurate", 200),
        ("GET", "/fhir/Observation?code:nonsense=x", 400),
        ("GET", "/fhir/metadata", 200),
        ("GET", "/fhir/metadata?mode=terminology", 200),
        ("GET", "/fhir/OperationDefinition/adopt", 200),
        ("GET", "/fhir/OperationDefinition/process-message", 200),
        ("GET", "/fhir/Patient/none", 404),
        ("GET", "/fhir/nothing/at/all", 404),
        ("GET", "/fhir/Patient/1/$unknown", 404),
        ("PUT", "/fhir/metadata", 405),
        ("DELETE", "/fhir/CarePlan/x/$adopt", 405),
        ("POST", "/fhir/CarePlan/x/$adopt", 403),
    ],
)
def test_every_answer_says_the_same_in_xml(  # noqa: PLR0917 - one column a parameter
    client: FlaskClient, auth: dict[str, str], stored: str, method: str, path: str, status: int
) -> None:
    answers = {
        kind: client.open(path.format(url=stored), method=method, headers={**auth, "Accept": kind})
        for kind in (FHIR_JSON, FHIR_XML)
    }
    plain, xml = answers[FHIR_JSON], answers[FHIR_XML]
    assert (plain.status_code, xml.status_code) == (status, status), xml.text
    assert (plain.content_type, xml.content_type) == (FHIR_JSON, AS_XML)
    assert value_of(xml) == value_of(plain)
    assert xml.content_length == len(xml.data)
    for name in ("ETag", "Last-Modified", "Location", "Allow", "X-Request-Id", "Vary"):
        assert xml.headers.get(name) == plain.headers.get(name)
    assert "Accept" in xml.headers["Vary"]


@pytest.mark.parametrize(
    ("accept", "status"),
    [("application/fhir+xml", 401), ("text/xml", 401), ("text/turtle", 401)],
)
def test_who_is_turned_away_at_the_door_reads_why_in_their_format(
    client: FlaskClient, accept: str, status: int
) -> None:
    answer = client.get("/fhir/Patient", headers={"Accept": accept})
    assert answer.status_code == status
    assert value_of(answer)["issue"][0]["code"] == "login"
    assert answer.mimetype == (FHIR_JSON if accept == "text/turtle" else accept)
    assert "Bearer" in answer.headers["WWW-Authenticate"]


def test_other_refusals_follow_accept_too(
    client: FlaskClient, auth: dict[str, str], stored: str
) -> None:
    with transaction():
        register_client("poor", name="Poor", scopes=["system/*.rs"], rate_limit=1)
    poor = issue_token("poor", "system/*.rs", 3600)
    accept = {"Accept": FHIR_XML}
    spent = client.get("/fhir/Patient", headers={"Authorization": f"Bearer {poor}", **accept})
    gone = client.get("/fhir/Patient/_history", headers=auth).get_json()["entry"][0]
    changed = {**auth, **accept, "Content-Type": FHIR_JSON}
    same = client.get(stored, headers=auth).text
    for response, status, code in (
        (spent, 429, "throttled"),
        (
            client.get(f"/fhir{gone['fullUrl'].partition('/fhir')[2]}", headers={**auth, **accept}),
            410,
            "deleted",
        ),
        (
            client.put(stored, data=same, headers={**changed, "If-Match": 'W/"1"'}),
            412,
            "conflict",
        ),
        (client.post("/fhir/Observation", data="{", headers=changed), 400, "structure"),
        (
            client.post(
                "/fhir/Observation", data="x", headers={**changed, "Content-Type": "text/turtle"}
            ),
            415,
            "not-supported",
        ),
    ):
        assert response.status_code == status, response.text
        assert response.content_type == AS_XML
        assert value_of(response)["issue"][0]["code"] == code


def test_what_has_no_body_stays_without(
    client: FlaskClient, auth: dict[str, str], stored: str
) -> None:
    xml = {**auth, "Accept": FHIR_XML}
    tag = client.get(stored, headers=xml).headers["ETag"]
    known = client.get(stored, headers={**xml, "If-None-Match": tag})
    assert (known.status_code, known.data) == (304, b"")
    minimal = client.post(
        "/fhir/Observation",
        data=OBSERVATION,
        headers={**xml, "Content-Type": FHIR_JSON, "Prefer": "return=minimal"},
    )
    assert (minimal.status_code, minimal.data) == (201, b"")
    assert "Location" in minimal.headers
    deleted = client.delete(stored, headers=xml)
    assert (deleted.status_code, deleted.data) == (204, b"")


def test_head_has_the_headers_of_get(
    client: FlaskClient, auth: dict[str, str], stored: str
) -> None:
    xml = {**auth, "Accept": FHIR_XML}
    got, head = client.get(stored, headers=xml), client.head(stored, headers=xml)
    assert head.data == b""
    assert head.content_length == len(got.data) > 0
    assert head.content_type == AS_XML


def test_a_search_by_form_may_ask_for_its_format_in_the_form(
    client: FlaskClient, auth: dict[str, str], stored: str
) -> None:
    path = "/fhir/Observation/_search"
    found = client.post(path, data={"status": "final", "_format": "xml"}, headers=auth)
    assert (found.status_code, found.content_type) == (200, AS_XML)
    refused = client.post(path, data={"status": "final", "_format": "ttl"}, headers=auth)
    assert refused.status_code == 406
    # Nothing of one request is left for the next.
    assert client.post(path, data={"status": "final"}, headers=auth).content_type == FHIR_JSON


def test_the_next_page_comes_in_the_format_that_the_address_asked_for(
    client: FlaskClient, auth: dict[str, str], stored: str
) -> None:
    client.post("/fhir/Observation", data=OBSERVATION, headers={**auth, "Content-Type": FHIR_JSON})
    page = client.get("/fhir/Observation?status=final&_count=1&_format=xml", headers=auth)
    links = {link["relation"]: link["url"] for link in value_of(page)["link"]}
    assert "_format=xml" in links["self"]
    following = client.get("/fhir" + links["next"].partition("/fhir")[2], headers=auth)
    assert following.content_type == AS_XML
    assert len(value_of(following)["entry"]) == 1


def test_pretty_lays_out_both_formats_and_changes_no_value(
    client: FlaskClient, auth: dict[str, str], stored: str
) -> None:
    for kind in (FHIR_JSON, FHIR_XML):
        headers = {**auth, "Accept": kind}
        plain = client.get(stored, headers=headers)
        pretty = client.get(f"{stored}?_pretty=true", headers=headers)
        assert plain.text.count("\n") == 0
        assert pretty.text.count("\n") > 10
        assert "1.50" in pretty.text
        assert value_of(pretty) == value_of(plain)


def test_what_xml_cannot_carry_is_said_and_never_lost(
    client: FlaskClient, auth: dict[str, str]
) -> None:
    body = '{"resourceType":"Basic","code":{"text":"a\\ufffe"}}'
    xml = {**auth, "Accept": FHIR_XML, "Content-Type": FHIR_JSON}
    created = client.post("/fhir/Basic", data=body, headers=xml)
    # It is stored, so it is not refused: the answer is JSON, and says so.
    assert (created.status_code, created.content_type) == (201, FHIR_JSON)
    read = client.get(f"/fhir/Basic/{created.get_json()['id']}", headers=xml)
    assert (read.status_code, read.content_type) == (406, AS_XML)
    assert "ETag" not in read.headers
    assert FHIR_JSON in value_of(read)["issue"][0]["details"]["text"]


# In. -----------------------------------------------------------------------------------------


def test_what_came_in_as_xml_is_the_same_record_as_json(
    client: FlaskClient, auth: dict[str, str]
) -> None:
    created = sent(client, auth, "/fhir/Observation", OBSERVATION)
    assert (created.status_code, created.content_type) == (201, AS_XML)
    url = "/fhir" + created.headers["Location"].partition("/fhir")[2].partition("/_history")[0]
    read = client.get(url, headers=auth)
    assert '"value":1.50,' in read.text
    kept = json.loads(read.text, parse_float=str)
    assert kept.pop("id")
    assert kept.pop("meta").keys() == {"versionId", "lastUpdated"}
    assert kept == json.loads(OBSERVATION, parse_float=str)

    changed = to_xml(read.text.replace("kg", "g"))
    updated = client.put(
        url, data=changed, headers={**auth, "Content-Type": "text/xml", "If-Match": 'W/"1"'}
    )
    assert (updated.status_code, updated.headers["ETag"]) == (200, 'W/"2"')
    assert client.get(url, headers=auth).get_json()["valueQuantity"]["unit"] == "g"


def test_transactions_and_batches_come_and_go_in_xml(
    client: FlaskClient, auth: dict[str, str]
) -> None:
    full_url = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"
    entries = [
        {
            "fullUrl": full_url,
            "resource": PATIENT,
            "request": {"method": "POST", "url": "Patient"},
        },
        {
            "resource": {
                "resourceType": "Flag",
                "status": "active",
                "code": {"text": "f"},
                "subject": {"reference": full_url},
            },
            "request": {"method": "POST", "url": "Flag"},
        },
    ]
    for kind in ("transaction", "batch"):
        bundle = {
            "resourceType": "Bundle",
            "type": kind,
            "entry": entries[: 2 if kind == "transaction" else 1],
        }
        answer = sent(client, auth, "/fhir", json.dumps(bundle))
        assert (answer.status_code, answer.content_type) == (200, AS_XML)
        assert {e["response"]["status"][:3] for e in value_of(answer)["entry"]} == {"201"}
    (flag,) = client.get("/fhir/Flag", headers=auth).get_json()["entry"]
    assert flag["resource"]["subject"]["reference"].startswith("Patient/")


def test_operations_take_parameters_in_xml(client: FlaskClient, auth: dict[str, str]) -> None:
    with transaction():
        definitions.load(hub_actor("set-up"), SOUTHEND)
    headers = {**auth, "Content-Type": FHIR_JSON}
    person = client.post(
        "/fhir/Practitioner", json={"resourceType": "Practitioner"}, headers=headers
    )
    path = f"/fhir/Practitioner/{person.get_json()['id']}/$report-absence"
    parameters = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "start", "valueDateTime": "2026-11-20T09:00:00Z"},
            {"name": "reason", "valueCode": "sickness"},
        ],
    }
    answer = sent(client, auth, path, json.dumps(parameters))
    assert (answer.status_code, answer.content_type) == (200, AS_XML), answer.text
    assert value_of(answer)["parameter"][0]["name"] == "absence"


@pytest.mark.parametrize(
    ("body", "status", "expression"),
    [
        ("<Observation", 400, None),
        ('<!DOCTYPE x [<!ENTITY a "b">]><Observation xmlns="http://hl7.org/fhir"/>', 400, None),
        (
            '<Observation xmlns="http://hl7.org/fhir"><pet value="x"/></Observation>',
            400,
            "Observation.pet",
        ),
        (
            '<Observation xmlns="http://hl7.org/fhir"><status value="x"/></Observation>',
            400,
            "Observation.status",
        ),
        ('<Patient xmlns="http://hl7.org/fhir"/>', 400, "resourceType"),
        ('<Observation xmlns="http://hl7.org/fhir">' + '<extension url="u">' * 5000, 422, None),
        ("", 400, None),
    ],
)
def test_faulty_xml_is_refused_at_its_place(
    client: FlaskClient, auth: dict[str, str], body: str, status: int, expression: str | None
) -> None:
    answer = client.post("/fhir/Observation", data=body, headers={**auth, "Content-Type": FHIR_XML})
    assert (answer.status_code, answer.content_type) == (status, AS_XML), answer.text
    issues = value_of(answer)["issue"]
    assert issues[0]["severity"] == "error"
    assert expression is None or [expression] in [each["expression"] for each in issues]
    assert client.get("/fhir/Observation?_total=accurate", headers=auth).get_json()["total"] == 0


@pytest.mark.parametrize(
    "content_type",
    [
        "application/fhir+xml; charset=iso-8859-1",
        "application/fhir+xml; fhirVersion=3.0",
        "application/xml-patch+xml",
        "text/turtle",
    ],
)
def test_other_bodies_are_refused_and_the_answer_says_what_is_read(
    client: FlaskClient, auth: dict[str, str], content_type: str
) -> None:
    answer = client.post(
        "/fhir/Patient",
        data=to_xml(json.dumps(PATIENT)),
        headers={**auth, "Content-Type": content_type, "Accept": FHIR_JSON},
    )
    assert answer.status_code == 415
    text = answer.get_json()["issue"][0]["details"]["text"]
    assert FHIR_JSON in text
    assert FHIR_XML in text


def test_the_statement_names_both_formats(client: FlaskClient) -> None:
    assert set(client.get("/fhir/metadata").get_json()["format"]) == {
        *(FHIR_JSON, "json", FHIR_XML, "xml"),
    }


def test_damaged_xml_is_never_a_failure_of_the_hub_and_never_slow(
    client: FlaskClient, auth: dict[str, str]
) -> None:
    headers = {**auth, "Content-Type": FHIR_XML, "Accept": FHIR_XML}
    statuses = set()
    for body in damaged(to_xml(OBSERVATION), seed=20261125, count=400):
        began = time.perf_counter()
        answer = client.post("/fhir/Observation", data=body, headers=headers)
        assert time.perf_counter() - began < 5
        assert answer.status_code < 500, (body, answer.text)
        assert answer.content_type in {AS_XML, FHIR_JSON}
        value_of(answer)
        statuses.add(answer.status_code)
    assert statuses == {201, 400}
