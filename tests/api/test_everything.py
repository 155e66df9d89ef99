"""$everything over HTTP: a person's or an encounter's records, and what they refer to."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fhir.validation import validate
from hub.auth import issue_person_token, issue_token
from hub.records.spool import Spool
from hub.transaction import transaction
from tests.factories.account import account
from tests.factories.sharing_agreement import sharing_agreement

Put = Callable[..., None]
ADA = {"reference": "Patient/ada"}
BEN = {"reference": "Patient/ben"}


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


@pytest.fixture
def put(client: FlaskClient, headers: dict[str, str]) -> Put:
    def keep(kind: str, record_id: str, **elements: Any) -> None:
        body = {"resourceType": kind, "id": record_id, **elements}
        address = f"/fhir/{kind}/{record_id}"
        response = client.put(address, data=json.dumps(body), headers=headers)
        assert response.status_code in {200, 201}, response.text

    return keep


@pytest.fixture
def ada(put: Put) -> None:
    put("Organization", "gp", name="Practice")
    put("Practitioner", "kim", name=[{"family": "Kim"}])
    put("Patient", "ada", generalPractitioner=[{"reference": "Organization/gp"}])
    put("Patient", "ben")
    put("Encounter", "visit", **ENCOUNTER, subject=ADA)
    observation(put, "weight", subject=ADA, performer=[{"reference": "Practitioner/kim"}])
    put("Flag", "steps", status="active", code={"text": "Steps"}, subject=ADA)
    put("Flag", "dog", status="active", code={"text": "Dog"}, subject=BEN)


ENCOUNTER = {
    "status": "finished",
    "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
    "period": {"start": "2026-03-01T10:00:00Z", "end": "2026-03-01T11:00:00Z"},
}


def observation(put: Put, record_id: str, **elements: Any) -> None:
    put("Observation", record_id, status="final", code={"text": "Weight"}, **elements)


def follow(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def parts(bundle: dict[str, Any], mode: str = "match") -> list[str]:
    return [
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in bundle.get("entry", ())
        if entry["search"]["mode"] == mode
    ]


@pytest.mark.usefixtures("ada")
def test_a_person_comes_with_their_records_and_what_these_refer_to(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    response = client.get("/fhir/Patient/ada/$everything", headers=headers)

    found = response.get_json()
    assert response.status_code == 200
    assert validate(found) == []
    assert parts(found) == ["Patient/ada", "Encounter/visit", "Flag/steps", "Observation/weight"]
    assert sorted(parts(found, "include")) == ["Organization/gp", "Practitioner/kim"]
    assert found["total"] == 4
    read = client.get("/fhir/Observation/weight", headers=headers)
    assert read.text in response.text


@pytest.mark.usefixtures("ada")
def test_records_are_found_by_every_parameter_of_the_compartment_not_the_subject_only(
    client: FlaskClient, headers: dict[str, str], put: Put
) -> None:
    put("Communication", "said", status="completed", subject=BEN, sender=ADA)
    put("Group", "choir", type="person", actual=True, member=[{"entity": BEN}, {"entity": ADA}])
    put("Patient", "ada-2", link=[{"other": ADA, "type": "refer"}])
    put(
        "Appointment",
        "together",
        status="proposed",
        participant=[{"actor": each, "status": "accepted"} for each in (BEN, ADA)],
    )

    found = client.get("/fhir/Patient/ada/$everything", headers=headers).get_json()
    assert {"Communication/said", "Group/choir", "Patient/ada-2", "Appointment/together"} <= set(
        parts(found)
    )
    assert "Patient/ben" not in parts(found, "include")

    put("Communication", "said", status="completed", subject=BEN, sender=BEN)
    found = client.get("/fhir/Patient/ada/$everything", headers=headers).get_json()
    assert "Communication/said" not in parts(found)


@pytest.mark.usefixtures("ada")
def test_what_is_in_somebody_elses_compartment_is_not_brought_along(
    client: FlaskClient, headers: dict[str, str], put: Put
) -> None:
    put("Condition", "bens", subject=BEN)
    put(
        "CarePlan",
        "plan",
        status="active",
        intent="plan",
        subject=ADA,
        addresses=[{"reference": "Condition/bens"}],
        supportingInfo=[{"reference": "https://elsewhere.example.org/Practitioner/kim"}],
    )
    put("Binary", "letter", contentType="text/plain", data="SGVsbG8=")
    put(
        "DocumentReference",
        "post",
        status="current",
        subject=ADA,
        content=[{"attachment": {"url": "Binary/letter"}}],
    )

    found = client.get("/fhir/Patient/ada/$everything", headers=headers).get_json()

    assert parts(found, "include") == ["Binary/letter", "Organization/gp", "Practitioner/kim"]


@pytest.mark.usefixtures("ada")
def test_types_since_and_dates_narrow_what_comes(
    client: FlaskClient, headers: dict[str, str], put: Put
) -> None:
    def asked(query: str) -> dict[str, Any]:
        response = client.get(f"/fhir/Patient/ada/$everything?{query}", headers=headers)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.get_json()
        return found

    assert parts(asked("_type=Flag,Encounter")) == ["Encounter/visit", "Flag/steps"]
    practitioners = asked("_type=Observation&_type=Practitioner")
    assert parts(practitioners) == ["Observation/weight"]
    assert parts(practitioners, "include") == ["Practitioner/kim"]

    observation(put, "old", subject=ADA, effectiveDateTime="2020-05-05")
    last = client.get("/fhir/Observation/old", headers=headers).get_json()["meta"]["lastUpdated"]
    assert parts(asked(f"_since={last}")) == ["Observation/old"]

    # Without a date a record belongs to every range; the Patient does too.
    undated = ["Patient/ada", "Flag/steps", "Observation/weight"]
    assert parts(asked("start=2026-01-01")) == [undated[0], "Encounter/visit", *undated[1:]]
    assert parts(asked("start=2026-03-02")) == undated
    assert parts(asked("start=2020-05-05&end=2020-05-05")) == [
        *undated[:2],
        "Observation/old",
        undated[2],
    ]
    assert parts(asked("end=2020-05-04")) == undated


@pytest.mark.usefixtures("ada")
def test_pages_show_every_record_once_while_others_write(
    client: FlaskClient, headers: dict[str, str], put: Put
) -> None:
    for number in range(5):
        observation(put, f"o{number}", subject=ADA)
    before = parts(client.get("/fhir/Patient/ada/$everything", headers=headers).get_json())
    url = "/fhir/Patient/ada/$everything?_count=3"
    seen: list[str] = []
    while url:
        page = client.get(url, headers=headers).get_json()
        assert len(parts(page)) <= 3
        assert validate(page) == []
        seen += parts(page)
        put("Flag", f"written-{len(seen)}", status="active", code={"text": "x"}, subject=ADA)
        observation(put, f"a{len(seen)}", subject=ADA)
        links = {link["relation"]: link["url"] for link in page["link"]}
        assert "_count=3" in links["self"]
        url = follow(links["next"]) if "next" in links else ""
    assert len(seen) == len(set(seen))
    assert set(before) <= set(seen)


@pytest.mark.usefixtures("ada")
def test_a_post_with_parameters_asks_the_same(client: FlaskClient, headers: dict[str, str]) -> None:
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "_type", "valueCode": "Flag"},
            {"name": "_count", "valueInteger": 5},
        ],
    }
    found = client.post(
        "/fhir/Patient/ada/$everything", data=json.dumps(body), headers=headers
    ).get_json()
    assert parts(found) == ["Flag/steps"]


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("_type=Flag,Fluid", "_type"),
        ("_count=0", "_count"),
        ("_count=some", "_count"),
        ("start=soon", "start"),
        ("_since=2026-05-01", "_since"),
        ("_cursor=abc", "_cursor"),
        ("colour=red", "colour"),
    ],
)
def test_a_parameter_that_cannot_be_read_is_named(
    client: FlaskClient, headers: dict[str, str], query: str, named: str
) -> None:
    response = client.get(f"/fhir/Patient/ada/$everything?{query}", headers=headers)
    assert response.status_code == 400
    assert response.get_json()["issue"][0]["expression"] == [named]


@pytest.mark.usefixtures("ada")
def test_an_encounter_has_no_range_of_care_and_no_type_level(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    refused = client.get("/fhir/Encounter/visit/$everything?start=2026", headers=headers)
    assert refused.status_code == 400
    assert client.get("/fhir/Encounter/$everything", headers=headers).status_code == 404


@pytest.mark.usefixtures("ada")
def test_an_encounter_comes_with_what_was_made_in_it_and_its_person(
    client: FlaskClient, headers: dict[str, str], put: Put
) -> None:
    observation(put, "inside", subject=ADA, encounter={"reference": "Encounter/visit"})
    observation(put, "bens", subject=BEN, encounter={"reference": "Encounter/visit"})

    found = client.get("/fhir/Encounter/visit/$everything", headers=headers).get_json()

    assert validate(found) == []
    assert parts(found) == ["Encounter/visit", "Observation/inside"]
    assert parts(found, "include") == ["Patient/ada"]


def test_nobody_there_is_404_and_somebody_deleted_is_410(
    client: FlaskClient, headers: dict[str, str], put: Put
) -> None:
    put("Patient", "gone")
    assert client.delete("/fhir/Patient/gone", headers=headers).status_code == 204
    for query in ("", "?_count=3"):
        absent = client.get(f"/fhir/Patient/nobody/$everything{query}", headers=headers)
        assert absent.status_code == 404
        deleted = client.get(f"/fhir/Patient/gone/$everything{query}", headers=headers)
        assert deleted.status_code == 410
    assert client.get("/fhir/Encounter/nobody/$everything", headers=headers).status_code == 404


@pytest.mark.usefixtures("ada")
def test_a_system_gets_the_types_that_its_scopes_cover(client: FlaskClient) -> None:
    narrow = issue_token("test-system", "system/Patient.r system/Flag.r system/Organization.r")
    auth = {"Authorization": f"Bearer {narrow}"}
    for query in ("", "?_count=50"):
        found = client.get(f"/fhir/Patient/ada/$everything{query}", headers=auth).get_json()
        assert parts(found) == ["Patient/ada", "Flag/steps"]
        assert parts(found, "include") == ["Organization/gp"]
    flags = {"Authorization": f"Bearer {issue_token('test-system', 'system/Flag.r')}"}
    assert client.get("/fhir/Patient/ada/$everything", headers=flags).status_code == 403
    # Everybody's records begin with a list of people: that is a search.
    assert client.get("/fhir/Patient/$everything", headers=auth).status_code == 403


@pytest.mark.usefixtures("ada")
def test_a_person_gets_the_records_of_those_they_have_a_relationship_with(
    client: FlaskClient, put: Put
) -> None:
    put("Communication", "said", status="completed", subject=BEN, sender=ADA)
    with transaction():
        sharing_agreement("Organization/gp")
        account("sam", organization="Organization/gp")
    auth = {"Authorization": f"Bearer {issue_person_token('sam')}"}

    for query in ("", "?_count=50"):
        found = client.get(f"/fhir/Patient/ada/$everything{query}", headers=auth)
        assert found.status_code == 200, found.text
        assert parts(found.get_json()) == [
            "Patient/ada",
            "Encounter/visit",
            "Flag/steps",
            "Observation/weight",
        ]
        hidden = client.get(f"/fhir/Patient/ben/$everything{query}", headers=auth)
        assert hidden.status_code == 404
    everybody = client.get("/fhir/Patient/$everything", headers=auth).get_json()
    assert {each for each in parts(everybody) if each.startswith("Patient/")} == {"Patient/ada"}


@pytest.mark.usefixtures("ada")
def test_everybodys_records_come_in_pages_person_after_person(
    client: FlaskClient, headers: dict[str, str], put: Put
) -> None:
    put("Patient", "cleo")
    url = "/fhir/Patient/$everything?_count=2"
    pages: list[list[str]] = []
    while url:
        page = client.get(url, headers=headers).get_json()
        pages.append(parts(page))
        links = {link["relation"]: link["url"] for link in page["link"]}
        url = follow(links["next"]) if "next" in links else ""
    assert pages == [
        ["Patient/ada", "Encounter/visit"],
        ["Flag/steps", "Observation/weight"],
        ["Patient/ben", "Flag/dog"],
        ["Patient/cleo"],
    ]


@pytest.mark.usefixtures("ada")
def test_the_header_of_a_subscription_that_comes_along_stays_secret(
    client: FlaskClient, headers: dict[str, str], put: Put
) -> None:
    put(
        "Subscription",
        "told",
        status="requested",
        reason="x",
        criteria="Flag?status=active",
        channel={
            "type": "rest-hook",
            "endpoint": "https://example.org/hook",
            "header": ["X-Key: open-sesame"],
        },
    )
    put(
        "Task",
        "work",
        **{"for": ADA},
        status="requested",
        intent="order",
        focus={"reference": "Subscription/told"},
    )
    response = client.get("/fhir/Patient/ada/$everything", headers=headers)
    assert "Subscription/told" in parts(response.get_json(), "include")
    assert "open-sesame" not in response.text


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("query", ["", "?_count=2"])
def test_it_is_audited_as_a_look_at_the_person(
    app: Flask, client: FlaskClient, headers: dict[str, str], tmp_path: Path, query: str
) -> None:
    kept, app.extensions["carehub_spool"] = app.extensions["carehub_spool"], Spool(tmp_path)
    client.get(f"/fhir/Patient/ada/$everything{query}", headers=headers)
    app.extensions["carehub_spool"] = kept
    (line,) = "".join(each.read_text() for each in tmp_path.iterdir()).splitlines()
    assert json.loads(line)[1:5] == ["client/test-system", "everything", "Patient/ada", 1]
