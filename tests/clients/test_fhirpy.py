"""fhirpy, blocking and asynchronous, against a running hub."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import fhirpy
import pytest
from fhirpy.base.exceptions import (
    AuthorizationError,
    MultipleResourcesFound,
    OperationOutcome,
    ResourceNotFound,
)

from tests.clients.conftest import Server

SYSTEM = "https://example.org/id"


def person(number: int) -> dict[str, Any]:
    return {
        "identifier": [{"system": SYSTEM, "value": str(number)}],
        "name": [{"family": "Fhirpy", "given": [f"Given{number:02}"]}],
        "birthDate": "1941-05-04",
    }


@pytest.fixture
def client(server: Server) -> fhirpy.SyncFHIRClient:
    return fhirpy.SyncFHIRClient(server.url, authorization=server.bearer)


def test_a_record_is_created_read_changed_and_deleted(client: fhirpy.SyncFHIRClient) -> None:
    made = client.resource("Patient", **person(1))
    made.save()
    assert made.id
    assert made.meta.versionId == "1"

    found = client.reference("Patient", made.id).to_resource()
    assert found.get_by_path(["name", 0, "family"]) == "Fhirpy"
    found["gender"] = "female"
    found.save()
    assert found.meta.versionId == "2"

    versions = client.execute(f"Patient/{made.id}/_history", method="get")
    assert [each.resource.meta.versionId for each in versions.entry] == ["2", "1"]

    found.delete()
    with pytest.raises(ResourceNotFound):
        client.reference("Patient", made.id).to_resource()


def test_an_update_names_the_version_it_was_made_from(
    client: fhirpy.SyncFHIRClient, server: Server
) -> None:
    subject = client.resource("Patient", **person(2))
    subject.save()
    plan = client.resource(
        "CarePlan", status="active", intent="plan", subject=subject.to_reference()
    )
    plan.save()
    with pytest.raises(OperationOutcome, match="If-Match"):
        plan.save()
    first = fhirpy.SyncFHIRClient(
        server.url, authorization=server.bearer, extra_headers={"If-Match": 'W/"1"'}
    )
    changed = first.resource("CarePlan", **{**plan.serialize(), "title": "Hers"})
    changed.save()
    assert changed.meta.versionId == "2"
    late = first.resource("CarePlan", **{**plan.serialize(), "title": "His"})
    # fhirpy has one name for every 412.
    with pytest.raises(MultipleResourcesFound, match="is at version 2, not 1"):
        late.save()


def test_a_search_comes_whole_over_many_pages(client: fhirpy.SyncFHIRClient) -> None:
    for number in range(7):
        client.resource("Patient", **person(number)).save()
    people = client.resources("Patient").search(family="Fhirpy").sort("given").limit(2)
    assert [each.name[0].given[0] for each in people] == [f"Given{n:02}" for n in range(7)]
    assert people.fetch_raw().total == 7
    assert people.search(identifier=f"{SYSTEM}|3").get().name[0].given == ["Given03"]
    assert people.search(birthdate__ge="1941-05-05").first() is None
    with pytest.raises(MultipleResourcesFound):
        people.get()


def test_includes_and_conditional_writes_work(
    client: fhirpy.SyncFHIRClient, server: Server
) -> None:
    subject = client.resource("Patient", **person(8))
    subject.save()
    condition = {"If-None-Exist": f"identifier={SYSTEM}|8"}
    again = fhirpy.SyncFHIRClient(
        server.url, authorization=server.bearer, extra_headers=condition
    ).resource("Patient", **person(8))
    again.save()
    assert again.id == subject.id
    people = client.resources("Patient").search(identifier=f"{SYSTEM}|8")
    updated, created = people.update(client.resource("Patient", **person(8), gender="male"))
    assert (updated.id, updated.gender, created) == (subject.id, "male", False)
    client.resource(
        "Flag", status="active", code={"text": "dog"}, subject=subject.to_reference()
    ).save()
    found = (
        client.resources("Flag").search(patient=subject.id).include("Flag", "subject").fetch_raw()
    )
    assert [each.resource.resource_type for each in found.entry] == ["Flag", "Patient"]


def test_what_is_not_known_is_refused_and_lenient_searches_go_on(
    client: fhirpy.SyncFHIRClient, server: Server
) -> None:
    client.resource("Patient", **person(9)).save()
    # fhirpy counts with a parameter of another server's.
    with pytest.raises(OperationOutcome, match="_totalMethod"):
        client.resources("Patient").count()
    lenient = fhirpy.SyncFHIRClient(
        server.url, authorization=server.bearer, extra_headers={"Prefer": "handling=lenient"}
    )
    assert lenient.resources("Patient").count() == 1


def test_a_transaction_and_an_operation(client: fhirpy.SyncFHIRClient) -> None:
    subject = "urn:uuid:b1e0c6b2-6f3a-4a52-9b1d-0c6f0a4b6a01"
    flag = {
        "resourceType": "Flag",
        "status": "active",
        "code": {"text": "key safe"},
        "subject": {"reference": subject},
    }
    entries = [
        {
            "fullUrl": subject,
            "resource": {"resourceType": "Patient", **person(10)},
            "request": {"method": "POST", "url": "Patient"},
        },
        {"resource": flag, "request": {"method": "POST", "url": "Flag"}},
    ]
    done = client.execute(
        "", data={"resourceType": "Bundle", "type": "transaction", "entry": entries}
    )
    places = [each.response.location for each in done.entry]
    assert [place.split("/fhir/")[1].split("/")[0] for place in places] == ["Patient", "Flag"]
    about = places[0].split("/fhir/")[1].split("/_history")[0]
    everything = client.execute(f"{about}/$everything", method="get")
    assert [each.resource.resourceType for each in everything.entry] == ["Patient", "Flag"]
    with pytest.raises(ResourceNotFound, match="there is no operation"):
        client.resource("Patient", id="x").execute("$no-such-thing")
    # A part of the resource: what fhirpy calls a patch is not one of R4's.
    with pytest.raises(OperationOutcome, match="FHIRPath Patch"):
        client.patch(about, gender="male")


def test_refusals_are_outcomes(client: fhirpy.SyncFHIRClient, server: Server) -> None:
    with pytest.raises(OperationOutcome) as refused:
        client.resource("Patient", **person(11), gender="f").save()
    [issue] = refused.value.resource["issue"]
    assert (issue["code"], issue["expression"]) == ("code-invalid", ["Patient.gender"])
    stranger = fhirpy.SyncFHIRClient(server.url, authorization="Bearer nobody")
    with pytest.raises(AuthorizationError, match="OperationOutcome"):
        stranger.resources("Patient").fetch()


def test_the_asynchronous_client_does_the_same_at_once(server: Server) -> None:
    async def work() -> tuple[list[str], int]:
        client = fhirpy.AsyncFHIRClient(server.url, authorization=server.bearer)
        made = [client.resource("Patient", **person(number)) for number in range(20, 26)]
        await asyncio.gather(*(each.save() for each in made))
        people = client.resources("Patient").search(family="Fhirpy").sort("given").limit(4)
        names = [each.name[0].given[0] async for each in people]
        made[0]["active"] = True
        await made[0].save()
        await made[1].delete()
        with pytest.raises(ResourceNotFound):
            await client.reference("Patient", made[1].id).to_resource()
        return names, len(await people.fetch_all())

    # In a thread of its own: after a browser's test in this process a loop still turns here.
    with ThreadPoolExecutor(1) as apart:
        names, left = apart.submit(asyncio.run, work()).result()
    assert names == [f"Given{number:02}" for number in range(20, 26)]
    assert left == 5
