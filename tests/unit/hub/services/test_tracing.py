"""The tracing queue: a person decides who a referral is about, once, on the record."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from hub import records
from hub.domain.actor import Actor, hub_actor
from hub.domain.errors import RuleError, StateError
from hub.records import Record
from hub.services import identification, referrals, task_content, tracing
from hub.services.identification import identity_of
from hub.services.referrals import Channel, Demographics, ReceiveReferral, Referrer
from hub.transaction import transaction
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.conftest import Person

HUB = hub_actor("test")
Staff = Callable[[str], Actor]


@pytest.fixture
def traced(staff: Staff) -> Record:
    """The tracing Task of a referral about somebody who is not on record."""
    with transaction():
        receipt = referrals.receive(
            staff("sam-spor"),
            ReceiveReferral(
                person=Demographics(family="Testt", given=("Ada",), postcode="SS0 1AA"),
                reason="Wound",
                referrer=Referrer(display="Dr Rae Referrer"),
                channel=Channel.PHONE,
            ),
        )
    found = records.search(HUB, "Task", [("focus", receipt.service_request.reference)]).records
    (task,) = [each for each in found if task_content.code(each.resource) == "tracing"]
    return task


def patient_of(task: Record) -> Record:
    return records.read(HUB, *task["for"]["reference"].split("/"))


def test_a_new_person_gets_the_number_that_was_traced(traced: Record, staff: Staff) -> None:
    with transaction():
        done = tracing.confirm(
            staff("sam-spor"), traced.id, version=traced.version, number="999 000 0026"
        )
    assert done["status"] == "completed"
    patient = patient_of(traced)
    known = identity_of(patient)
    assert (known.nhs_number, known.nhs_number_verified) == ("9990000026", True)
    assert identification.UNTRACED not in {t["code"] for t in patient["meta"].get("tag", ())}


def test_a_number_that_fails_its_check_digit_is_never_confirmed(
    traced: Record, staff: Staff
) -> None:
    with pytest.raises(RuleError), transaction():
        tracing.confirm(staff("sam-spor"), traced.id, version=traced.version, number="9990000027")
    assert identification.UNTRACED in {t["code"] for t in patient_of(traced)["meta"]["tag"]}


def test_a_known_person_and_the_untraced_record_point_at_each_other(
    traced: Record, staff: Staff, person: Callable[..., Person]
) -> None:
    known = person().reference
    with transaction():
        tracing.link(staff("sam-spor"), traced.id, version=traced.version, patient=known)
    untraced = patient_of(traced)
    assert untraced["link"] == [{"other": {"reference": known}, "type": "refer"}]
    assert records.read(HUB, *known.split("/"))["link"] == [
        {"other": {"reference": untraced.reference}, "type": "seealso"}
    ]


def test_it_is_decided_once(traced: Record, staff: Staff, person: Callable[..., Person]) -> None:
    with transaction():
        done = tracing.confirm(staff("sam-spor"), traced.id, version=traced.version)
    with pytest.raises(StateError), transaction():
        tracing.link(staff("sam-spor"), traced.id, version=done.version, patient=person().reference)
    assert "link" not in patient_of(traced).resource


@pytest.mark.parametrize(
    ("hour", "priority", "owner"),
    [
        (23, "urgent", "CareTeam/out-of-hours-desk"),
        (23, "routine", "CareTeam/spor"),
        (10, "urgent", "CareTeam/spor"),
    ],
)
def test_at_night_what_is_urgent_is_traced_by_those_who_are_there(
    clockwork: Clockwork, staff: Staff, hour: int, priority: str, owner: str
) -> None:
    clockwork.set(datetime(2026, 12, 27, hour, 0, tzinfo=UTC))
    with transaction():
        receipt = referrals.receive(
            staff("sam-spor"),
            ReceiveReferral(
                person=Demographics(family="Testt", given=("Ada",), postcode="SS0 1AA"),
                reason="Wound",
                referrer=Referrer(display="Dr Rae Referrer"),
                channel=Channel.PHONE,
                priority=priority,
            ),
        )
    found = records.search(HUB, "Task", [("focus", receipt.service_request.reference)]).records
    (task,) = [each for each in found if task_content.code(each.resource) == "tracing"]
    assert task_content.owner(task.resource) == owner
    if owner.endswith("desk"):
        with transaction():
            done = tracing.confirm(staff("omar-nights"), task.id, version=task.version)
        assert done["status"] == "completed"
