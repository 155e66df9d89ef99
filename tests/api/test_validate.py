"""$validate says everything at once, and what the hub would say to the write."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from fhir import r4
from hub import records
from hub.auth import issue_token
from hub.domain.actor import hub_actor
from hub.transaction import transaction
from tests.factories.patient import patient
from tests.factories.task import task
from tests.sample_hub import load_hub

UKCORE = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "active": True,
    "name": [{"family": "Price"}],
    "text": {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml">Price</div>',
    },
}
Found = list[tuple[str, str, str | None]]


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


@pytest.fixture
def reader_token(token: str) -> str:
    return issue_token("test-system", "system/*.rs", 3600)


def issues(answer: Any) -> Found:
    assert answer.status_code == 200, answer.text
    outcome = answer.get_json()
    r4.OperationOutcome.model_validate(outcome)
    return [
        (each["severity"], each["code"], each.get("expression", [None])[0])
        for each in outcome["issue"]
    ]


def ask(client: FlaskClient, headers: dict[str, str], address: str, body: Any) -> Found:
    return issues(client.post(f"/fhir/{address}", data=json.dumps(body), headers=headers))


def wrapped(resource: Any, **parts: str) -> dict[str, Any]:
    listed: list[dict[str, Any]] = [{"name": "resource", "resource": resource}]
    listed += [
        {"name": name, "valueUri" if name == "profile" else "valueCode": value}
        for name, value in parts.items()
    ]
    return {"resourceType": "Parameters", "parameter": listed}


def test_a_good_resource_has_one_word(client: FlaskClient, headers: dict[str, str]) -> None:
    for body in (PATIENT, wrapped(PATIENT)):
        assert ask(client, headers, "Patient/$validate", body) == [
            ("information", "informational", None)
        ]


def test_every_fault_is_said_at_once_errors_first(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    body = {
        **PATIENT,
        "id": "not_an_id",
        "meta": {"versionId": "", "lastUpdated": "yesterday"},
        "gender": "robot",
        "pet": "cat",
        "name": [{"family": ""}],
        "maritalStatus": {"coding": [{"system": "http://example.org/status", "code": "it's"}]},
    }
    del body["text"]
    for asked in (body, wrapped(body)):
        assert set(ask(client, headers, "Patient/$validate", asked)) == {
            ("error", "value", "Patient.id"),
            ("error", "invalid", "Patient.meta.versionId"),
            ("error", "value", "Patient.meta.lastUpdated"),
            ("error", "code-invalid", "Patient.gender"),
            ("error", "structure", "Patient.pet"),
            ("error", "invalid", "Patient.name[0].family"),
            ("warning", "invariant", "Patient"),
        }
    severities = [each[0] for each in ask(client, headers, "Patient/$validate", body)]
    assert severities == sorted(severities, key=["error", "warning", "information"].index)


def test_what_create_ignores_validate_refuses(client: FlaskClient, headers: dict[str, str]) -> None:
    body = {**PATIENT, "id": "not_an_id", "meta": {"versionId": "", "lastUpdated": "yesterday"}}
    created = client.post("/fhir/Patient", data=json.dumps(body), headers=headers)
    assert created.status_code == 201
    replaced = client.put(
        f"/fhir/Patient/{created.get_json()['id']}",
        data=json.dumps({**body, "id": created.get_json()["id"]}),
        headers=headers,
    )
    assert replaced.status_code == 400
    assert {each["expression"][0] for each in replaced.get_json()["issue"]} == {
        "Patient.meta.versionId",
        "Patient.meta.lastUpdated",
    }
    found = ask(client, headers, "Patient/$validate", body)
    assert ("error", "value", "Patient.id") in found


def test_bindings_that_advise_are_warnings(client: FlaskClient, headers: dict[str, str]) -> None:
    scope = "http://terminology.hl7.org/CodeSystem/consentscope"
    body = {
        "resourceType": "Consent",
        "text": PATIENT["text"],
        "status": "active",
        "scope": {"coding": [{"system": scope, "code": "treatment"}]},
        "category": [{"text": "Consent to share"}],
        "policyRule": {"text": "Local policy"},
    }
    said_otherwise = {**body, "scope": {"coding": [{"system": scope, "code": "parking"}]}}
    in_words = {**body, "scope": {"text": "Parking"}}

    assert ask(client, headers, "Consent/$validate", body)[0][0] == "information"
    assert ask(client, headers, "Consent/$validate", in_words)[0][0] == "information"
    assert ask(client, headers, "Consent/$validate", said_otherwise) == [
        ("warning", "code-invalid", "Consent.scope")
    ]


def test_bindings_are_asked_of_the_value_sets_that_the_hub_holds(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    snomed = "http://snomed.info/sct"
    url = f"{UKCORE.removesuffix('UKCore-')}Extension-UKCore-ReligiousAffiliation"

    def affiliated(code: str) -> dict[str, Any]:
        coded = {"coding": [{"system": snomed, "code": code}]}
        return {**PATIENT, "extension": [{"url": url, "valueCodeableConcept": coded}]}

    faults = [
        f for f in ask(client, headers, "Patient/$validate", affiliated("1")) if "code" in f[1]
    ]
    assert faults == [], "nobody here knows the codes"

    held = {
        "resourceType": "ValueSet",
        "url": "https://fhir.hl7.org.uk/ValueSet/UKCore-ReligiousAffiliation",
        "status": "active",
        "compose": {"include": [{"system": snomed, "concept": [{"code": "160549004"}]}]},
    }
    stored = client.post("/fhir/ValueSet", json=held, headers=headers)
    assert stored.status_code == 201

    assert ("warning", "code-invalid", "Patient.extension[0].value") in ask(
        client, headers, "Patient/$validate", affiliated("1")
    )
    faults = ask(client, headers, "Patient/$validate", affiliated("160549004"))
    assert not [f for f in faults if f[1] == "code-invalid"]


def test_a_profile_is_checked_where_the_resource_or_the_request_names_it(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    body = {
        **PATIENT,
        "identifier": [
            {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"},
            {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000026"},
        ],
    }
    profile = f"{UKCORE}Patient"
    asked = [
        ("Patient/$validate", {**body, "meta": {"profile": [profile]}}),
        ("Patient/$validate", wrapped(body, profile=profile)),
        (f"Patient/$validate?profile={profile}", body),
        (f"Patient/$validate?mode=profile&profile={profile}%7C2.6.1", body),
    ]
    for address, sent in asked:
        found = ask(client, headers, address, sent)
        assert ("error", "structure", "Patient.identifier") in found, address
        assert ("information", "informational", "Patient.birthDate") in found, address
    assert ("error", "structure", "Patient.identifier") not in ask(
        client, headers, "Patient/$validate", body
    )


def test_ordinary_writes_enforce_r4_and_no_profile(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    body = {
        "resourceType": "AllergyIntolerance",
        "meta": {"profile": [f"{UKCORE}AllergyIntolerance"]},
        "clinicalStatus": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
                    "code": "active",
                }
            ]
        },
        "patient": {"reference": "Patient/1"},
    }
    assert ("error", "required", "AllergyIntolerance.code") in ask(
        client, headers, "AllergyIntolerance/$validate", body
    )
    sent = client.post("/fhir/AllergyIntolerance", data=json.dumps(body), headers=headers)
    assert sent.status_code == 201


@pytest.mark.parametrize(
    ("address", "body", "status", "place"),
    [
        ("Patient/$validate", "{", 400, None),
        ("Patient/$validate", "[]", 400, None),
        ("Patient/$validate", "", 400, "resource"),
        ("Patient/$validate", '{"resourceType":"Patient","resourceType":"Patient"}', 400, None),
        ("Patient/$validate?mode=sideways", '{"resourceType":"Patient"}', 400, "mode"),
        ("Patient/$validate?mode=delete", "", 400, "mode"),
        ("Patient/$validate?mode=profile", '{"resourceType":"Patient"}', 400, "profile"),
        (
            "Patient/$validate?profile=http://example.org/p",
            '{"resourceType":"Patient"}',
            400,
            "profile",
        ),
        ("Patient/$validate?colour=red", '{"resourceType":"Patient"}', 400, "colour"),
        ("Patient/nobody/$validate", '{"resourceType":"Patient"}', 404, None),
        ("Bundle/x/$validate", '{"resourceType":"Bundle","type":"batch"}', 404, None),
        ("Spaceship/$validate", '{"resourceType":"Patient"}', 404, None),
    ],
)
def test_a_request_that_cannot_be_read_is_refused(  # noqa: PLR0917 - one for each column
    client: FlaskClient,
    headers: dict[str, str],
    address: str,
    body: str,
    status: int,
    place: str | None,
) -> None:
    answer = client.post(f"/fhir/{address}", data=body, headers=headers)
    assert answer.status_code == status, answer.text
    issue = answer.get_json()["issue"][0]
    assert issue["severity"] == "error"
    assert issue.get("expression", [None])[0] == place


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_script_is_refused_not_taken_out(
    client: FlaskClient, headers: dict[str, str], method: str
) -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml">x<script>alert(1)</script></div>'
    body = {**PATIENT, "id": "p1", "text": {"status": "generated", "div": div}}
    address = "/fhir/Patient" + ("/p1" if method == "PUT" else "")
    answer = client.open(address, method=method, data=json.dumps(body), headers=headers)
    assert answer.status_code == 400
    assert [each["expression"] for each in answer.get_json()["issue"]] == [["Patient.text.div"]]
    assert client.get("/fhir/Patient", headers=headers).get_json()["total"] == 0
    assert ("error", "invalid", "Patient.text.div") in ask(
        client, headers, "Patient/$validate", body
    )


def test_another_type_than_that_of_the_address_is_an_issue(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    found = ask(client, headers, "Observation/$validate", PATIENT)
    assert found[0] == ("error", "invalid", "resourceType")


def test_bundles_are_checked_with_what_is_in_them(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    body = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a",
                "request": {"method": "POST", "url": "Patient"},
                "resource": {
                    **PATIENT,
                    "gender": "robot",
                    "meta": {"profile": [f"{UKCORE}Patient"]},
                },
            }
        ],
    }
    found = ask(client, headers, "Bundle/$validate", body)
    assert ("error", "code-invalid", "Bundle.entry[0].resource.gender") in found
    assert ("information", "informational", "Bundle.entry[0].resource.birthDate") in found
    unheld = ask(client, headers, "Bundle/$validate?mode=create", {**body, "entry": body["entry"]})
    assert unheld[0][0] == "error"


def test_a_parameters_resource_can_itself_be_what_is_checked(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    broken = {"resourceType": "Parameters", "parameter": [{"name": "a"}]}
    for body in (broken, wrapped(broken)):
        found = ask(client, headers, "Parameters/$validate", body)
        assert found == [("error", "invariant", "Parameters.parameter[0]")]


def test_a_stored_record_is_checked_where_no_resource_is_given(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    ada = patient()
    for answer in (
        client.get(f"/fhir/Patient/{ada.id}/$validate", headers=headers),
        client.post(f"/fhir/Patient/{ada.id}/$validate", headers=headers),
    ):
        assert issues(answer) == [("warning", "invariant", "Patient")]
    profile = f"/fhir/Patient/{ada.id}/$validate?profile={UKCORE}Patient"
    assert ("information", "informational", "Patient.gender") in issues(
        client.get(profile, headers=headers)
    )


def test_a_write_is_tried_and_taken_back(client: FlaskClient, headers: dict[str, str]) -> None:
    ada = patient()
    changed = {**ada.resource, "gender": "female"}
    good = ask(client, headers, f"Patient/{ada.id}/$validate?mode=update", changed)
    other = ask(
        client, headers, f"Patient/{ada.id}/$validate?mode=update", {**changed, "id": "other"}
    )
    gone = issues(client.get(f"/fhir/Patient/{ada.id}/$validate?mode=delete", headers=headers))
    made = ask(client, headers, "Patient/$validate?mode=create", PATIENT)

    assert [each for each in good if each[0] == "error"] == []
    assert ("error", "invalid", "Patient.id") in other
    assert gone == made == [("information", "informational", None)]
    now = records.read(hub_actor("test"), "Patient", ada.id)
    assert (now.version, now.resource) == (1, ada.resource)
    found = client.get("/fhir/Patient?_total=accurate", headers=headers).get_json()
    assert found["total"] == 1


def test_the_rules_of_managed_records_answer_too(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    with transaction():
        load_hub()
    ada = patient()
    visit = task(ada.reference, "Practitioner/asha-nurse")
    address = f"Task/{visit.id}/$validate"
    accepted = {**visit.resource, "status": "accepted"}

    assert "error" not in {each[0] for each in ask(client, headers, address, accepted)}
    refused = ask(client, headers, f"{address}?mode=update", accepted)
    assert refused[0][:2] == ("error", "forbidden")
    tagged = ask(client, headers, "Task/$validate?mode=create", {**accepted, "id": "x"})
    assert ("error", "business-rule", "Task.meta.tag") in tagged


def test_a_scope_that_is_missing_for_the_write_is_an_issue(
    client: FlaskClient, headers: dict[str, str], reader_token: str
) -> None:
    reading = {**headers, "Authorization": f"Bearer {reader_token}"}
    assert ask(client, reading, "Patient/$validate", PATIENT)[0][0] == "information"
    found = ask(client, reading, "Patient/$validate?mode=create", PATIENT)
    assert found == [("error", "forbidden", None)]
