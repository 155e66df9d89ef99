"""SMART's Python client (fhirclient) against a running hub."""

from typing import Any

import pytest
import requests
from fhirclient import client as smart
from fhirclient.models.bundle import Bundle
from fhirclient.models.careplan import CarePlan
from fhirclient.models.flag import Flag
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRNotFoundException, FHIRServer, FHIRUnauthorizedException

from tests.clients.conftest import Server


@pytest.fixture
def service(server: Server) -> FHIRServer:
    found = smart.FHIRClient(settings={"app_id": "test", "api_base": server.url})
    # It asks for a token by itself only where the server has an address to ask: ours has not.
    assert found.prepare()
    found.server.session.headers["Authorization"] = server.bearer
    service: FHIRServer = found.server
    return service


def person(given: str) -> Patient:
    return Patient(
        {
            "resourceType": "Patient",
            "name": [{"family": "Smart", "given": [given]}],
            "birthDate": "1941-05-04",
        }
    )


def made(service: FHIRServer, resource: Any) -> Any:
    return type(resource)(resource.create(service))


def test_the_statement_is_read_by_its_strict_models(service: FHIRServer) -> None:
    statement = service.capabilityStatement
    assert statement.fhirVersion == "4.0.1"
    kinds = {each.type for each in statement.rest[0].resource}
    assert {"Patient", "Task", "CarePlan"} <= kinds


def test_a_record_is_created_read_changed_and_deleted(service: FHIRServer) -> None:
    ada = made(service, person("Ada"))
    found = Patient.read(ada.id, service)
    assert found.birthDate.isostring == "1941-05-04"
    found.gender = "female"
    assert found.update(service)["meta"]["versionId"] == "2"
    past = Bundle.read_from(f"Patient/{ada.id}/_history", service)
    assert [each.resource.meta.versionId for each in past.entry] == ["2", "1"]
    assert Patient.read_from(f"Patient/{ada.id}/_history/1", service).gender is None
    found.delete()
    with pytest.raises(requests.HTTPError, match="410"):
        Patient.read(ada.id, service)


def test_a_search_comes_whole_over_many_pages(service: FHIRServer) -> None:
    for given in ("Ada", "Bea", "Cal", "Dot", "Eve"):
        made(service, person(given))
    search = Patient.where({"family": "Smart", "_sort": "given", "_count": "2"})
    assert [len(page.entry) for page in search.perform_iter(service)] == [2, 2, 1]
    found = [each.name[0].given[0] for each in search.perform_resources_iter(service)]
    assert found == ["Ada", "Bea", "Cal", "Dot", "Eve"]
    later = Patient.where({"birthdate": "gt1941-05-04"})
    assert list(later.perform_resources_iter(service)) == []


def test_includes_come_as_what_they_are(service: FHIRServer) -> None:
    ada = made(service, person("Ada"))
    flag = Flag(
        {
            "resourceType": "Flag",
            "status": "active",
            "code": {"text": "dog"},
            "subject": {"reference": f"Patient/{ada.id}"},
        }
    )
    made(service, flag)
    found = Flag.where({"patient": ada.id}).include("subject").perform_resources_iter(service)
    assert [each.resource_type for each in found] == ["Flag", "Patient"]


def test_a_plan_is_changed_with_its_version_only(service: FHIRServer) -> None:
    ada = made(service, person("Ada"))
    plan = made(
        service,
        CarePlan(
            {
                "resourceType": "CarePlan",
                "status": "active",
                "intent": "plan",
                "subject": {"reference": f"Patient/{ada.id}"},
            }
        ),
    )
    with pytest.raises(requests.HTTPError, match="400"):
        plan.update(service)
    service.session.headers["If-Match"] = 'W/"1"'
    assert plan.update(service)["meta"]["versionId"] == "2"
    with pytest.raises(requests.HTTPError, match="412"):
        plan.update(service)


def test_a_transaction_goes_to_the_base_with_the_slash_that_this_client_adds(
    service: FHIRServer,
) -> None:
    assert service.base_uri.endswith("/fhir/")
    entry = {
        "resource": person("Ada").as_json(),
        "request": {"method": "POST", "url": "Patient"},
    }
    bundle = Bundle({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    done = Bundle(bundle.create(service))
    assert [each.response.status for each in done.entry] == ["201 Created"]


def test_refusals_have_the_status_that_the_client_knows(service: FHIRServer) -> None:
    with pytest.raises(FHIRNotFoundException):
        Patient.read("nobody", service)
    wrong = person("Ada").as_json() | {"gender": "f"}
    with pytest.raises(requests.HTTPError) as refused:
        service.post_json("Patient", wrong)
    outcome = refused.value.response.json()
    assert outcome["issue"][0]["expression"] == ["Patient.gender"]
    service.session.headers["Authorization"] = "Bearer nobody"
    with pytest.raises(FHIRUnauthorizedException):
        Patient.read("nobody", service)
