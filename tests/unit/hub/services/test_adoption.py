"""A foreign record is kept as it came until somebody adopts it, and then obeys the rules."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fhir.outcomes import VersionConflictError
from hub import records
from hub.auth import issue_person_token
from hub.auth.accounts import open_account
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import RuleError, StateError
from hub.models.clock import TaskClock
from hub.records.tables import OUTBOX
from hub.services import adoption, care_plans
from hub.transaction import transaction

HUB = hub_actor("test")


@pytest.fixture
def patient(app: Flask, definition: object) -> str:
    with transaction():
        return records.create(HUB, {"resourceType": "Patient", "name": [{"family": "Reed"}]}).id


@pytest.fixture
def nurse(staff: Callable[[str], Actor]) -> Actor:
    return staff("asha-nurse")


def _task(patient: str, **more: Any) -> records.Record:
    body = {
        "resourceType": "Task",
        "status": "accepted",
        "intent": "plan",
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "385763009"}]},
        "for": {"reference": f"Patient/{patient}"},
        "owner": {"reference": "Organization/far-away"},
        **more,
    }
    return records.create(HUB, body)


def _adopt(record: records.Record, **more: Any) -> records.Record:
    with transaction():
        return adoption.adopt(HUB, record.reference, version=record.version, **more)


def test_an_adopted_task_is_asked_for_anew_under_the_hubs_rules(patient: str) -> None:
    foreign = _task(patient)

    adopted = _adopt(foreign, service="district-nursing")

    assert (adopted.managed, adopted.version) == (True, 2)
    assert adopted["status"] == "requested"
    assert adopted["owner"]["reference"].startswith("CareTeam/")
    assert [coding["code"] for coding in adopted["code"]["coding"]] == ["intervention", "385763009"]
    assert records.vread(HUB, "Task", foreign.id, 1).text == foreign.text
    clock = db.session.query(TaskClock).filter_by(task_id=foreign.id).one()
    assert clock.stopped_at is None
    with pytest.raises(StateError), transaction():
        records.delete(HUB, "Task", foreign.id)


def test_an_adopted_task_waits_for_routing(patient: str) -> None:
    adopted = _adopt(_task(patient), service="district-nursing")

    waiting = db.session.execute(OUTBOX.select()).mappings().all()

    assert ("TaskAwaitsRouting", adopted.reference) in {(w["event"], w["subject"]) for w in waiting}


def test_a_task_needs_a_service_of_this_hub(patient: str) -> None:
    with pytest.raises(RuleError) as refused:
        _adopt(_task(patient), service="nowhere")

    assert refused.value.field == "service"
    assert "district-nursing" in refused.value.allowed


def test_what_is_over_is_not_adopted(patient: str) -> None:
    with pytest.raises(StateError):
        _adopt(_task(patient, status="completed"), service="district-nursing")


def test_an_adopted_plan_starts_as_a_draft_with_the_persons_team(patient: str) -> None:
    foreign = records.create(
        HUB,
        {
            "resourceType": "CarePlan",
            "status": "active",
            "intent": "plan",
            "title": "From the hospital",
            "subject": {"reference": f"Patient/{patient}"},
        },
    )

    adopted = _adopt(foreign)

    assert (adopted.managed, adopted["status"], adopted["title"]) == (
        True,
        "draft",
        "From the hospital",
    )
    assert adopted["careTeam"] == [{"reference": care_plans.team_for(patient)}]
    with pytest.raises(RuleError), transaction():
        care_plans.activate(HUB, adopted.id, version=adopted.version)


def test_nothing_is_adopted_twice_or_from_an_old_look(patient: str) -> None:
    foreign = _task(patient)
    with pytest.raises(VersionConflictError), transaction():
        adoption.adopt(HUB, foreign.reference, version=9, service="district-nursing")
    adopted = _adopt(foreign, service="district-nursing")

    with pytest.raises(StateError):
        _adopt(adopted, service="district-nursing")


def test_an_organisation_is_not_adopted(definition: object) -> None:
    with pytest.raises(RuleError), transaction():
        adoption.adopt(HUB, "Organization/east", version=1)


def test_a_person_adopts_over_the_api_and_a_system_does_not(
    client: FlaskClient, patient: str, token: str
) -> None:
    foreign = _task(patient)
    with transaction():
        open_account(
            "asha-nurse",
            password="a long enough password",
            display="Asha Patel",
            practitioner="Practitioner/asha-nurse",
            role="district-nurse",
            organization="Organization/practice",
        )
        from_practice = records.read(HUB, "Patient", patient).resource
        from_practice["generalPractitioner"] = [{"reference": "Organization/practice"}]
        records.update(HUB, from_practice, type="Patient", id=patient)
    asked = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "version", "valuePositiveInt": 1},
            {"name": "service", "valueCode": "district-nursing"},
        ],
    }

    def post(bearer: str) -> int:
        return client.post(
            f"/fhir/Task/{foreign.id}/$adopt",
            json=asked,
            headers={"Authorization": f"Bearer {bearer}"},
            content_type="application/fhir+json",
        ).status_code

    assert (post(token), post(issue_person_token("asha-nurse", 60))) == (403, 200)
    assert records.read(HUB, "Task", foreign.id).managed
