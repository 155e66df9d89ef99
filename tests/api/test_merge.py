"""$merge and $unmerge over HTTP: one person's two records become one, and two again."""

import json
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from fhir.systems import ROLE
from fhir.validation import validate
from hub import records
from hub.auth import issue_person_token, issue_token
from hub.db import db
from hub.domain.accountability import AccountableRole
from hub.domain.actor import hub_actor
from hub.models.assignment import Assignment
from hub.records import Record
from hub.records.tables import AUDIT, RELATIONSHIPS
from hub.samples import SOUTHEND
from hub.services import definitions
from hub.services.accountability_team import new_team, team_id
from hub.services.identification import with_verified
from hub.transaction import transaction
from tests.factories.account import account
from tests.factories.patient import patient
from tests.factories.sharing_agreement import sharing_agreement
from tests.factories.task import task, visit

HUB = hub_actor("test")
NUMBER = "9990000018"


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return _headers(token)


@pytest.fixture
def pair(app: Flask) -> tuple[Record, Record]:
    """Two records of one person: the first is to be replaced by the second."""
    with transaction():
        definitions.load(HUB, SOUTHEND)
    return patient(identifier=with_verified([], NUMBER)), patient()


def _headers(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


def call(
    client: FlaskClient, headers: dict[str, str], name: str, *parameters: dict[str, Any]
) -> Any:
    body = {"resourceType": "Parameters", "parameter": list(parameters)}
    return client.post(f"/fhir/Patient/${name}", data=json.dumps(body), headers=headers)


def merge(client: FlaskClient, headers: dict[str, str], *pair: Record, **more: Any) -> Any:
    source, target = pair
    listed = [
        {"name": "source-patient", "valueReference": {"reference": source.reference}},
        {"name": "target-patient", "valueReference": {"reference": target.reference}},
    ]
    if "preview" in more:
        listed.append({"name": "preview", "valueBoolean": more["preview"]})
    if "result" in more:
        listed.append({"name": "result-patient", "resource": more["result"]})
    return call(client, headers, "merge", *listed)


def unmerge(client: FlaskClient, headers: dict[str, str], source: Record) -> Any:
    reference = {"reference": source.reference}
    return call(client, headers, "unmerge", {"name": "source-patient", "valueReference": reference})


def part(answer: dict[str, Any], name: str) -> Any:
    (found,) = [each for each in answer["parameter"] if each["name"] == name]
    return found.get("resource", found)


def now(record: Record) -> Record:
    return records.read(HUB, record.type, record.id)


def flag(about: Record, **elements: Any) -> Record:
    resource = {
        "resourceType": "Flag",
        "status": "active",
        "code": {"text": "Steps"},
        "subject": {"reference": about.reference},
    }
    return records.create(HUB, resource | elements)


def test_everything_moves_and_both_records_say_what_happened(
    client: FlaskClient, headers: dict[str, str], pair: tuple[Record, Record]
) -> None:
    source, target = pair
    weight = [{"url": "https://example.org/x", "valueDecimal": Decimal("1.50")}]
    foreign = flag(source, extension=weight)
    work = visit(source.reference)
    response = merge(client, headers, *pair)

    assert response.status_code == 200, response.text
    answer = response.get_json()
    assert validate(answer) == []
    assert part(answer, "result")["id"] == target.id
    assert "2 records were moved" in part(answer, "outcome")["issue"][0]["details"]["text"]
    assert (now(source)["active"], now(source)["link"]) == (
        False,
        [{"other": {"reference": target.reference}, "type": "replaced-by"}],
    )
    assert now(target)["link"] == [{"other": {"reference": source.reference}, "type": "replaces"}]
    assert now(foreign)["subject"] == {"reference": target.reference}
    assert now(foreign).version == 2
    assert '"valueDecimal":1.50' in now(foreign).text
    assert now(work)["for"] == {"reference": target.reference}
    assert now(work).managed
    assert db.session.scalars(
        select(Assignment.patient).where(Assignment.task_id == work.id)
    ).all() == [target.reference]
    related = select(RELATIONSHIPS.c.patient_id).where(RELATIONSHIPS.c.source == work.reference)
    assert set(db.session.scalars(related)) == {target.id}
    everything = client.get(f"/fhir/Patient/{target.id}/$everything", headers=headers).get_json()
    ids = {entry["resource"]["id"] for entry in everything["entry"]}
    assert {foreign.id, work.id, source.id} <= ids
    audited = select(AUDIT.c.detail).where(AUDIT.c.action == "patients-merged")
    assert db.session.scalars(audited).one()["source"] == source.reference


def test_a_preview_says_what_would_be_and_writes_nothing(
    client: FlaskClient, headers: dict[str, str], pair: tuple[Record, Record]
) -> None:
    flag(pair[0])
    answer = merge(client, headers, *pair, preview=True).get_json()
    assert "1 records would be moved" in part(answer, "outcome")["issue"][0]["details"]["text"]
    assert part(answer, "result")["link"][0]["type"] == "replaces"
    assert "versionId" not in part(answer, "result").get("meta", {})
    assert [now(each).version for each in pair] == [1, 1]
    assert records.search(HUB, "Flag", [("patient", pair[1].reference)]).total == 0


def test_what_was_written_in_between_is_for_a_person_to_allot(
    client: FlaskClient, headers: dict[str, str], pair: tuple[Record, Record]
) -> None:
    source, target = pair
    kept, changed, own = flag(source), flag(source), flag(target)
    about_both = records.create(
        HUB,
        {
            "resourceType": "Communication",
            "status": "in-progress",
            "subject": {"reference": source.reference},
            "sender": {"reference": target.reference},
        },
    )
    merge(client, headers, *pair)
    between = flag(target)
    for each, status in ((changed, "inactive"), (about_both, "completed")):
        moved = now(each).resource
        records.update(HUB, {**moved, "status": status}, type=each.type, id=each.id, if_match=2)

    answer = unmerge(client, headers, source).get_json()

    assert validate(answer) == []
    listed = {
        each["valueReference"]["reference"]
        for each in answer["parameter"]
        if each["name"] == "between"
    }
    assert listed == {each.reference for each in (between, changed, about_both)}
    assert {each["valueReference"]["reference"] for each in part(answer, "task")["input"]} == listed
    assert part(answer, "task")["owner"] == {"reference": "CareTeam/spor"}
    assert now(kept)["subject"] == {"reference": source.reference}
    assert now(changed)["subject"] == {"reference": source.reference}
    assert now(changed)["status"] == "inactive"
    # Whose words were changed is not for a program to say.
    assert now(about_both)["subject"] == {"reference": target.reference}
    assert now(between)["subject"] == now(own)["subject"] == {"reference": target.reference}
    assert now(source).get("active") is None
    assert "link" not in now(source).resource | now(target).resource


def test_a_patient_that_was_changed_in_between_keeps_the_change(
    client: FlaskClient, headers: dict[str, str], pair: tuple[Record, Record]
) -> None:
    merge(client, headers, *pair)
    for each in pair:
        resource = now(each).resource | {"gender": "female"}
        records.update(HUB, resource, type="Patient", id=each.id)
    answer = unmerge(client, headers, pair[0]).get_json()
    assert {"Patient/" + each.id for each in pair} <= {
        each["valueReference"]["reference"]
        for each in answer["parameter"]
        if each["name"] == "between"
    }
    for each in pair:
        assert now(each)["gender"] == "female"
        assert "link" not in now(each).resource
        assert "active" not in now(each).resource


def test_identifiers_say_who_is_meant_and_go_along_as_old_ones(
    client: FlaskClient, headers: dict[str, str], pair: tuple[Record, Record]
) -> None:
    _, target = pair
    named = {
        "name": "source-patient-identifier",
        "valueIdentifier": {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": NUMBER},
    }
    whom = {"name": "target-patient", "valueReference": {"reference": target.reference}}
    assert call(client, headers, "merge", named, whom).status_code == 200
    (taken,) = now(target)["identifier"]
    assert (taken["value"], taken["use"]) == (NUMBER, "old")
    assert call(client, headers, "unmerge", named).status_code == 200
    assert "identifier" not in now(target).resource


def test_the_result_is_what_the_caller_says_under_the_targets_id(
    client: FlaskClient, headers: dict[str, str], pair: tuple[Record, Record]
) -> None:
    source, target = pair
    wrong = {"resourceType": "Patient", "id": source.id}
    refused = merge(client, headers, *pair, result=wrong)
    assert refused.status_code == 422
    assert refused.get_json()["issue"][0]["expression"] == ["result-patient"]
    said = {"resourceType": "Patient", "id": target.id, "birthDate": "1960-05-05"}
    assert merge(client, headers, *pair, result=said).status_code == 200
    assert now(target)["birthDate"] == "1960-05-05"
    assert "name" not in now(target).resource
    assert now(target)["link"][0]["type"] == "replaces"
    unmerge(client, headers, source)
    assert now(target)["name"] == target["name"]


def test_what_cannot_be_merged_is_refused(
    client: FlaskClient, headers: dict[str, str], pair: tuple[Record, Record]
) -> None:
    source, target = pair
    other = patient()
    assert merge(client, headers, source, source).status_code == 422
    absent = call(
        client,
        headers,
        "merge",
        {"name": "source-patient", "valueReference": {"reference": source.reference}},
    )
    assert absent.status_code == 400
    assert absent.get_json()["issue"][0]["expression"] == ["target-patient"]
    assert unmerge(client, headers, source).status_code == 409
    assert merge(client, headers, source, target).status_code == 200
    assert merge(client, headers, source, other).status_code == 409
    assert merge(client, headers, other, source).status_code == 409
    # Round in a circle.
    assert merge(client, headers, target, source).status_code == 409
    assert merge(client, headers, target, other).status_code == 200
    # The later merge is taken back first.
    assert unmerge(client, headers, source).status_code == 409
    assert unmerge(client, headers, target).status_code == 200
    assert unmerge(client, headers, source).status_code == 200
    gone = records.Record("Patient", "nobody", 1, source.last_updated, "")
    assert merge(client, headers, source, gone).status_code == 404


def test_who_is_accountable_is_not_lost_by_the_direction(
    client: FlaskClient, headers: dict[str, str], pair: tuple[Record, Record]
) -> None:
    source, target = pair
    holder = {
        "role": [{"coding": [{"system": ROLE, "code": AccountableRole.COORDINATOR.value}]}],
        "member": {"reference": "Practitioner/kim"},
        "period": {"start": "2026-01-01T09:00:00Z"},
    }
    team = new_team(source.id) | {"participant": [holder]}
    with transaction():
        records.create(HUB, team, id=team_id(source.id), managed=True)
    assert merge(client, headers, source, target).status_code == 409
    assert merge(client, headers, target, source).status_code == 200


def test_who_traces_people_and_managers_merge_those_whom_they_may_see(
    client: FlaskClient, token: str, pair: tuple[Record, Record]
) -> None:
    source, target = pair
    with transaction():
        sharing_agreement("Organization/rxs")
        account("nora", role="district-nurse")
        account("sam", role="spor-coordinator", practitioner="Practitioner/sam")
        task(source.reference, "Practitioner/sam")
    nora, sam = (_headers(issue_person_token(each)) for each in ("nora", "sam"))
    assert merge(client, nora, *pair).status_code == 403
    assert unmerge(client, nora, source).status_code == 403
    assert merge(client, sam, *pair).status_code == 404
    with transaction():
        task(target.reference, "Practitioner/sam")
    assert merge(client, sam, *pair).status_code == 200
    reader = _headers(issue_token("test-system", "system/*.rs"))
    assert unmerge(client, reader, source).status_code == 403
