"""$export: asked for, polled, read, cancelled; what is in it, and what is refused."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from hub.adapters import bulk_files
from hub.records import Record
from hub.services import bulk_jobs, exports
from hub.transaction import transaction
from tests.api.bulk_desk import BulkDesk, references, work

pytestmark = pytest.mark.usefixtures("soon")


def person(name: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": name, "gender": "female", **elements}


def weight(name: str, patient: str, value: str = "61.50") -> str:
    return (
        f'{{"resourceType":"Observation","id":"{name}","status":"final","code":{{"text":"weight"}},'
        f'"subject":{{"reference":"Patient/{patient}"}},'
        f'"valueQuantity":{{"value":{value},"unit":"kg"}}}}'
    )


def put_text(desk: BulkDesk, client: FlaskClient, text: str) -> None:
    resource = json.loads(text)
    path = f"/fhir/{resource['resourceType']}/{resource['id']}"
    headers = desk.headers | {"Content-Type": "application/fhir+json"}
    assert client.put(path, data=text, headers=headers).status_code in {200, 201}


def test_an_export_goes_from_202_to_a_manifest_with_files_and_is_gone_when_removed(
    desk: BulkDesk, client: FlaskClient
) -> None:
    desk.put(person("ada"))
    put_text(desk, client, weight("w1", "ada"))
    asked = desk.ask("/$export?_type=Patient,Observation")
    address = desk.address(asked)

    waiting = desk.get(address)
    assert (waiting.status_code, waiting.headers["Retry-After"]) == (202, "1")
    assert waiting.headers["X-Progress"] == "waiting for its turn"

    work()
    done = desk.get(address)
    manifest = done.get_json()
    assert done.mimetype == "application/json"
    assert done.headers["Expires"].endswith("GMT")
    assert manifest["requiresAccessToken"] is True
    assert manifest["request"].endswith("/fhir/$export?_type=Patient,Observation")
    assert [(each["type"], each["count"]) for each in manifest["output"]] == [
        ("Patient", 1),
        ("Observation", 1),
    ]
    assert (manifest["error"], manifest["deleted"]) == ([], [])
    # The text as it was stored: digits of a decimal, order of members.
    stored = client.get("/fhir/Observation/w1", headers=desk.headers).text
    assert desk.lines(manifest)[1] == stored
    assert '"value":61.50' in stored

    assert desk.delete(address).status_code == 202
    assert desk.get(address).status_code == 404
    assert desk.get(manifest["output"][0]["url"]).status_code == 404
    assert desk.delete(address).status_code == 404


def test_the_background_must_be_wanted(desk: BulkDesk) -> None:
    refused = desk.ask("/$export", prefer="return=minimal")
    assert refused.status_code == 400
    assert "respond-async" in refused.text


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("_outputFormat=text/csv", "_outputFormat"),
        ("_type=Patient,Nonsense", "Nonsense"),
        ("_since=yesterday", "_since"),
        ("_since=2026-05-01", "_since"),
        ("_elements=Patient.nonsense", "_elements"),
        ("_typeFilter=Patient", "_typeFilter"),
        ("_typeFilter=Patient?nonsense=1", "nonsense"),
        ("_typeFilter=Patient?_sort=family", "_sort"),
        ("_type=Patient&_typeFilter=Task?status=draft", "_typeFilter"),
        ("_until=2026-05-01T00:00:00Z&_typeFilter=Patient?gender=male", "_until"),
        ("includeAssociatedData=LatestProvenanceResources", "includeAssociatedData"),
        ("nonsense=1", "nonsense"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(desk: BulkDesk, query: str, named: str) -> None:
    refused = desk.ask(f"/$export?{query}")
    assert refused.status_code == 400
    assert named in refused.get_json()["issue"][0]["details"]["text"]


def test_a_lenient_client_gets_what_is_understood(desk: BulkDesk) -> None:
    desk.put(person("ada"))
    asked = desk.ask(
        "/$export?_type=Patient,Nonsense&includeAssociatedData=x&nonsense=1",
        prefer="respond-async, handling=lenient",
    )
    assert desk.exported(asked) == {"Patient/ada"}


@pytest.mark.parametrize(
    "form", ["application/fhir+ndjson", "application/fhir%2Bndjson", "application/ndjson", "ndjson"]
)
def test_every_name_of_the_format_is_known(desk: BulkDesk, form: str) -> None:
    assert desk.ask(f"/$export?_outputFormat={form}").status_code == 202


def test_the_kick_off_may_be_posted(desk: BulkDesk) -> None:
    desk.put(person("ada"))
    desk.put(person("bea", gender="male"))
    asked = desk.post(
        "/$export",
        {"name": "_type", "valueString": "Patient"},
        {"name": "_typeFilter", "valueString": "Patient?gender=female"},
    )
    assert desk.exported(asked) == {"Patient/ada"}


def test_several_filters_of_a_type_are_alternatives(desk: BulkDesk) -> None:
    for name, birth in (("ada", "1941-05-04"), ("bea", "1950-01-01"), ("cat", "1960-01-01")):
        desk.put(person(name, birthDate=birth))
    desk.put({"resourceType": "Organization", "id": "org", "name": "Org"})
    asked = desk.ask(
        "/$export?_type=Patient,Organization"
        "&_typeFilter=Patient%3Fbirthdate%3D1941-05-04%2C1950-01-01,Patient%3Fbirthdate%3Dge1955"
    )
    assert desk.exported(asked) == {
        "Patient/ada",
        "Patient/bea",
        "Patient/cat",
        "Organization/org",
    }
    only = desk.ask("/$export?_type=Patient&_typeFilter=Patient%3Fbirthdate%3D1941-05-04")
    assert desk.exported(only) == {"Patient/ada"}


def test_elements_give_a_part_that_is_marked_as_one(desk: BulkDesk) -> None:
    desk.put(person("ada", birthDate="1941-05-04"))
    desk.put({"resourceType": "Organization", "id": "org", "name": "Org", "active": True})
    manifest = desk.manifest(
        desk.ask("/$export?_type=Patient,Organization&_elements=Patient.birthDate")
    )
    ada, org = (json.loads(each) for each in desk.lines(manifest))
    assert "gender" not in ada
    assert ada["birthDate"] == "1941-05-04"
    assert ada["meta"]["tag"][-1]["code"] == "SUBSETTED"
    assert org["active"] is True


def test_since_gives_what_has_changed_and_what_was_deleted(desk: BulkDesk) -> None:
    for name in ("ada", "bea", "cat"):
        desk.put(person(name))
    first = desk.manifest(desk.ask("/$export?_type=Patient"))
    assert first["deleted"] == []
    desk.put(person("bea", birthDate="1950-01-01"))
    desk.remove("Patient/cat")

    second = desk.manifest(desk.ask(f"/$export?_type=Patient&_since={first['transactionTime']}"))

    assert references(desk.lines(second)) == {"Patient/bea"}
    (gone,) = map(json.loads, desk.lines(second, "deleted"))
    assert second["deleted"][0]["type"] == "Bundle"
    assert (gone["type"], gone["entry"]) == (
        "transaction",
        [{"request": {"method": "DELETE", "url": "Patient/cat"}}],
    )
    third = desk.manifest(desk.ask(f"/$export?_type=Patient&_since={second['transactionTime']}"))
    assert (third["output"], third["deleted"]) == ([], [])


def test_until_gives_the_versions_of_that_moment(desk: BulkDesk) -> None:
    desk.put(person("ada"))
    desk.put(person("bea"))
    desk.remove("Patient/bea")
    then = desk.manifest(desk.ask("/$export?_type=Patient"))["transactionTime"]
    desk.put(person("ada", birthDate="1941-05-04"))
    desk.put(person("bea"))
    desk.put(person("cat"))

    manifest = desk.manifest(desk.ask(f"/$export?_type=Patient&_until={then}"))

    (ada,) = map(json.loads, desk.lines(manifest))
    # The next one goes on from there.
    assert manifest["transactionTime"] == then
    assert (ada["id"], ada["meta"]["versionId"], "birthDate" in ada) == ("ada", "1", False)


def test_patient_export_gives_compartments_and_a_group_its_members(
    desk: BulkDesk, client: FlaskClient
) -> None:
    for name in ("ada", "bea", "cat"):
        desk.put(person(name))
        put_text(desk, client, weight(f"w-{name}", name))
    desk.put({"resourceType": "Organization", "id": "org", "name": "Org"})
    stranger = weight("w-x", "nobody").replace('"Patient/', '"https://other.example.org/Patient/')
    put_text(desk, client, stranger)
    members = [
        {"entity": {"reference": "Patient/ada"}},
        {"entity": {"reference": "Patient/bea"}, "inactive": True},
        {"entity": {"reference": "Practitioner/x"}},
    ]
    desk.put(
        {"resourceType": "Group", "id": "g", "type": "person", "actual": True, "member": members}
    )
    everyone = {f"{kind}{name}" for name in ("ada", "bea", "cat") for kind in ("Patient/",)}
    weights = {f"Observation/w-{name}" for name in ("ada", "bea", "cat")}

    # The Group names Patients: R4 puts it in their compartments.
    assert desk.exported(desk.ask("/Patient/$export")) - {"Group/g"} == everyone | weights
    ada = {"Patient/ada", "Observation/w-ada"}
    assert desk.exported(desk.ask("/Group/g/$export")) - {"Group/g"} == ada
    named = {"name": "patient", "valueReference": {"reference": "Patient/bea"}}
    bea = {"Patient/bea", "Observation/w-bea"}
    assert desk.exported(desk.post("/Patient/$export", named)) == bea
    assert desk.post("/Group/g/$export", named).status_code == 400
    assert desk.ask("/Group/none/$export").status_code == 404
    assert desk.ask("/Patient/$export?_type=Organization").status_code == 400


def test_more_resources_than_a_file_holds_make_several(
    desk: BulkDesk, app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "CAREHUB", replace(app.config["CAREHUB"], bulk_part=2))
    for number in range(5):
        desk.put(person(f"p{number}"))
    manifest = desk.manifest(desk.ask("/$export?_type=Patient"))
    assert [each["count"] for each in manifest["output"]] == [2, 2, 1]
    assert len(references(desk.lines(manifest))) == 5


def test_cancelling_in_the_middle_of_a_file_stops_the_worker_and_leaves_nothing(
    desk: BulkDesk,
) -> None:
    desk.put(person("ada"))
    desk.put(person("bea"))
    address = desk.address(desk.ask("/$export?_type=Patient"))
    with transaction():
        turn = bulk_jobs.take_turn()
    assert turn is not None

    def cancelled_meanwhile(record: Record, _elements: Sequence[str]) -> str:
        if record.id == "bea":
            assert desk.delete(address).status_code == 202
        return record.text

    with pytest.raises(bulk_jobs.LostError):
        exports.work(turn, cancelled_meanwhile, until=math.inf)

    assert desk.get(address).status_code == 404
    assert not bulk_files.folder(turn.job_id).exists()
    work()
    assert not bulk_files.folder(turn.job_id).exists()
