"""Whoever asks for XML gets it from every address, errors included; JSON says the same."""

import pytest
from flask.testing import FlaskClient

from hub.auth import issue_token
from hub.auth.accounts import register_client
from hub.transaction import transaction
from tests.api.xml_twins import AS_XML, FHIR_JSON, FHIR_XML, OBSERVATION, PATIENT, value_of

REQUEST = {"X-Request-Id": "0a1b2c3d-0000-4000-8000-000000000001"}


@pytest.fixture
def auth(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", **REQUEST}


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


def test_the_statement_names_both_formats(client: FlaskClient) -> None:
    assert set(client.get("/fhir/metadata").get_json()["format"]) == {
        *(FHIR_JSON, "json", FHIR_XML, "xml"),
    }
