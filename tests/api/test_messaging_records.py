"""What a message leaves in the records: person, referral, alerts, the clinical story, the audit."""

import uuid
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hub import records
from hub.auth import issue_token
from hub.auth.accounts import register_client
from hub.db import db
from hub.domain.actor import hub_actor
from hub.models.client import Client
from hub.records import Record
from hub.records.tables import AUDIT
from hub.samples import SOUTHEND
from hub.services import definitions, triage_inputs
from hub.transaction import transaction
from tests.api import bars
from tests.api.bars import accepted, found, task_of
from tests.factories.patient import patient
from tests.unit.hub.services.clockwork import Clockwork

HUB = hub_actor("test")


@pytest.fixture(autouse=True)
def sample_hub(app: Flask) -> Flask:
    with transaction():
        definitions.load(hub_actor("set-up"), SOUTHEND)
    return app


@pytest.fixture(autouse=True)
def _in_hours(tmp_path: Path) -> None:
    """The single point of referral is open: at night urgent work is the desk's."""
    Clockwork(tmp_path)


def person(number: str = "9990000018", *, family: str = "Example") -> Record:
    """Put a traced person on record."""
    with transaction():
        return patient(
            identifier=[bars.verified(number)],
            name=[{"family": family, "given": ["Pat"]}],
            birthDate="1950-02-01",
        )


def trust(trusted: bool) -> None:
    with transaction():
        row = db.session.get(Client, "test-system")
        assert row is not None
        row.trusted_nhs_numbers = trusted


def test_a_known_person_is_linked_on_a_verified_number_and_the_date_of_birth(
    client: FlaskClient, token: str
) -> None:
    trust(True)
    known = person()
    reference = accepted(client, token, bars.referral())
    request = records.read(HUB, *reference.split("/"))
    assert request["subject"]["reference"] == known.reference
    assert len(found("Patient")) == 1
    assert [t["code"]["coding"][0]["code"] for t in found("Task", ("focus", reference))] == [
        "triage"
    ]


def test_the_word_of_a_system_that_is_not_trusted_links_nobody(
    client: FlaskClient, token: str
) -> None:
    trust(False)
    known = person()
    reference = accepted(client, token, bars.referral())
    assert records.read(HUB, *reference.split("/"))["subject"]["reference"] != known.reference
    suggested = triage_inputs.read(task_of(reference, "tracing").resource).suggested_people
    assert [shown.reference for shown in suggested] == [known.reference]


@pytest.mark.parametrize(
    ("number", "born"),
    [
        ("9990000018", "1950-02-02"),  # another date of birth
        ("3478526985", "1950-02-01"),  # fails modulus 11: never a key
        (None, "1950-02-01"),
    ],
)
def test_without_proof_a_person_decides(
    client: FlaskClient, token: str, number: str | None, born: str
) -> None:
    trust(True)
    known = person("9990000018" if number != "3478526985" else "3478526985")
    reference = accepted(client, token, bars.referral(nhs_number=number, born=born))
    request = records.read(HUB, *reference.split("/"))
    assert request["subject"]["reference"] != known.reference
    patient = records.read(HUB, *request["subject"]["reference"].split("/"))
    assert "untraced" in {tag["code"] for tag in patient["meta"]["tag"]}
    tracing = task_of(reference, "tracing")
    assert tracing["owner"]["reference"] == "CareTeam/spor"
    suggested = triage_inputs.read(tracing.resource).suggested_people
    assert [shown.reference for shown in suggested] == [known.reference]
    assert "agrees" in suggested[0].words


def test_an_untraced_number_is_marked_whatever_its_sender_said(
    client: FlaskClient, token: str
) -> None:
    accepted(client, token, bars.referral())
    (patient,) = found("Patient")
    (identifier,) = patient["identifier"]
    (status,) = identifier["extension"]
    assert status["valueCodeableConcept"]["coding"][0]["code"] == "03"


def test_safeguarding_and_scene_safety_are_shown_first(client: FlaskClient, token: str) -> None:
    flags = (("RA", "Needs a quiet room"), ("SS", "Dog at the door"), ("SG", "Adult at risk"))
    reference = accepted(client, token, bars.referral(flags=flags))
    alerts = triage_inputs.read(task_of(reference, "triage").resource).alerts
    assert [shown.words for shown in alerts] == [
        "Safeguarding: Adult at risk",
        "Scene safety: Dog at the door",
        "Reasonable adjustment: Needs a quiet room",
    ]
    flag = records.read(HUB, *str(alerts[0].reference).split("/"))
    request = records.read(HUB, *reference.split("/"))
    assert flag["subject"] == request["subject"]
    assert not flag.managed


def test_everything_clinical_lies_in_the_persons_compartment(
    client: FlaskClient, token: str
) -> None:
    reference = accepted(client, token, bars.referral(falls=False))
    patient = records.read(HUB, *reference.split("/"))["subject"]["reference"]
    for resource_type in ("Encounter", "CarePlan", "QuestionnaireResponse"):
        (record,) = found(resource_type)
        assert record["subject"]["reference"] == patient
        assert not record.managed
    # Staff and organisations of a message are named, not multiplied.
    request = records.read(HUB, *reference.split("/"))
    assert request["requester"]["display"] == "Dr Sam Sender"
    assert "reference" not in request["requester"]
    assert not [p for p in found("Practitioner") if p["name"][0].get("text") == "Dr Sam Sender"]


def test_a_relative_reference_of_the_sender_hits_no_record_of_ours(
    client: FlaskClient, token: str
) -> None:
    stranger = person("9990000026")
    message = bars.referral()
    bars.resource_of(message, "CarePlan")["author"] = {"reference": stranger.reference}
    accepted(client, token, message)
    (plan,) = found("CarePlan")
    assert plan["author"] == {
        "identifier": {"system": "urn:ietf:rfc:3986", "value": stranger.reference}
    }


def test_a_cancellation_withdraws_the_referral_once(client: FlaskClient, token: str) -> None:
    person()
    message = bars.referral()
    reference = accepted(client, token, message)
    cancellation = bars.changed(message)
    cancellation["id"] = str(uuid.uuid4())
    bars.resource_of(cancellation, "ServiceRequest")["status"] = "revoked"
    reason = bars.resource_of(cancellation, "MessageHeader")["reason"]
    reason["coding"][0]["code"] = "update"
    assert accepted(client, token, cancellation) == reference
    assert records.read(HUB, *reference.split("/"))["status"] == "revoked"
    triage = task_of(reference, "triage")
    assert triage["status"] == "cancelled"
    assert triage["businessStatus"]["coding"][0]["code"] == "withdrawn"
    # It is no longer current: a second cancellation conflicts.
    cancellation["id"] = str(uuid.uuid4())
    again = bars.post(client, token, cancellation)
    assert bars.issue(again) == (409, "REC_CONFLICT", "conflict")


def test_nobody_cancels_the_referral_of_another_system_or_person(
    client: FlaskClient, token: str
) -> None:
    message = bars.referral()
    accepted(client, token, message)
    cancellation = bars.changed(message)
    cancellation["id"] = str(uuid.uuid4())
    bars.resource_of(cancellation, "ServiceRequest")["status"] = "revoked"
    reason = bars.resource_of(cancellation, "MessageHeader")["reason"]
    reason["coding"][0]["code"] = "update"
    with transaction():
        register_client("other-system", name="Other", scopes=["system/ServiceRequest.cruds"])
    other = issue_token("other-system", "system/ServiceRequest.cruds", 3600)
    answer = bars.post(client, other, cancellation)
    assert bars.issue(answer) == (404, "REC_NOT_FOUND", "not-found")
    bars.resource_of(cancellation, "Patient")["identifier"] = [bars.verified("9990000026")]
    answer = bars.post(client, token, cancellation)
    assert bars.issue(answer) == (404, "REC_NOT_FOUND", "not-found")


def test_the_client_stands_in_the_audit(client: FlaskClient, token: str) -> None:
    reference = accepted(client, token, bars.referral())
    actions = db.session.execute(
        select(AUDIT.c.action).where(
            AUDIT.c.actor == "client/test-system", AUDIT.c.subject == reference
        )
    ).scalars()
    assert set(actions) == {"referral-received", "message"}
