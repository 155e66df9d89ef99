"""Referrals come in: owned at once, their clock running, what triage must know shown first."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from hub import records
from hub.db import db
from hub.domain.errors import RuleError
from hub.models.shift import Shift
from hub.services import clocks, task_content, triage_inputs
from hub.services.referrals import Carer, Channel, Demographics, SafetyAlert
from hub.transaction import transaction
from tests.factories.absence import absence
from tests.factories.shift import shift
from tests.unit.hub.services.clockwork import SUNDAY, Clockwork
from tests.unit.hub.services.conftest import Person
from tests.unit.hub.services.spor_desk import HUB, Receive, beside, events, request_of, task

Make = Callable[..., Person]


# In. -----------------------------------------------------------------------------------------


def test_a_referral_is_owned_by_the_spor_team_with_its_clock(
    receive: Receive,
) -> None:
    receipt = receive(priority="urgent")
    triage = task(receipt.task.id)
    assert triage["owner"]["reference"] == "CareTeam/spor"
    assert task_content.due_at(triage.resource) == SUNDAY + timedelta(minutes=30)
    assert task_content.code(triage.resource, "businessStatus") == "received"
    assert (
        task_content.organization(
            triage.resource,
            "https://carehub.example/fhir/StructureDefinition/accountable-organization",
        )
        == "Organization/rxs"
    )
    request = request_of(receipt)
    assert request.managed
    assert request["requester"]["display"] == "Dr Rae Referrer, Example Surgery"
    assert (request["priority"], request["status"]) == ("urgent", "active")
    assert not receipt.tracing


@pytest.mark.parametrize(
    ("hour", "priority", "owner"),
    [
        (10, "urgent", "CareTeam/spor"),
        (23, "urgent", "CareTeam/out-of-hours-desk"),
        (23, "stat", "CareTeam/out-of-hours-desk"),
        (23, "routine", "CareTeam/spor"),
        (7, "urgent", "CareTeam/out-of-hours-desk"),
        (8, "urgent", "CareTeam/spor"),
    ],
)
def test_out_of_hours_an_urgent_referral_goes_to_the_desk_at_once(
    clockwork: Clockwork,
    receive: Receive,
    hour: int,
    priority: str,
    owner: str,
) -> None:
    clockwork.set(datetime(2026, 12, 27, hour, 0, tzinfo=UTC))
    assert receive(priority=priority).task["owner"]["reference"] == owner


@pytest.mark.parametrize(
    ("hour", "there", "owner"),
    [
        # Who is at work: (desk, on call or at work), and whether they are away.
        (10, {}, "CareTeam/spor"),
        (10, {"spor": "work", "out-of-hours-desk": "work"}, "CareTeam/spor"),
        (10, {"out-of-hours-desk": "work"}, "CareTeam/out-of-hours-desk"),
        (10, {"out-of-hours-desk": "on-call"}, "CareTeam/spor"),
        (10, {"out-of-hours-desk": "away"}, "CareTeam/spor"),
        (23, {"spor": "work"}, "CareTeam/spor"),
        (23, {"spor": "away"}, "CareTeam/out-of-hours-desk"),
    ],
)
def test_an_urgent_referral_does_not_wait_at_an_empty_desk(
    clockwork: Clockwork, receive: Receive, hour: int, there: dict[str, str], owner: str
) -> None:
    clockwork.set(datetime(2026, 12, 27, hour, 0, tzinfo=UTC))
    with transaction():
        db.session.execute(delete(Shift))
        for desk, how in there.items():
            who = f"Practitioner/of-{desk}"
            shift(who, team=f"CareTeam/{desk}", kind="on-call" if how == "on-call" else "work")
            if how == "away":
                absence(who)

    assert receive(priority="urgent").task["owner"]["reference"] == owner
    assert receive(priority="routine").task["owner"]["reference"] == "CareTeam/spor"


def test_safety_alerts_are_flags_and_the_first_thing_triage_sees(
    receive: Receive,
) -> None:
    receipt = receive(
        alerts=(SafetyAlert("RA", "Hearing loop"), SafetyAlert("SG", "Adult at risk"))
    )
    shown = triage_inputs.read(task(receipt.task.id).resource).alerts
    assert [each.words for each in shown] == [
        "Safeguarding: Adult at risk",
        "Reasonable adjustment: Hearing loop",
    ]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"reason": "  "}, "reason"),
        ({"priority": "soon"}, "priority"),
        ({"service": "no-such-service"}, "service"),
        ({"channel": Channel.SELF, "service": "matron"}, "service"),
    ],
)
def test_what_cannot_be_triaged_is_refused(
    receive: Receive, said: dict[str, Any], field: str
) -> None:
    with pytest.raises(RuleError) as caught:
        receive(**said)
    assert caught.value.field == field
    assert records.search(HUB, "ServiceRequest", []).records == ()


def test_people_may_refer_themselves_where_the_service_allows_it(
    receive: Receive,
) -> None:
    assert receive(channel=Channel.SELF, service="palliative", source="self").task.managed


def test_a_typed_number_that_fails_its_check_digit_is_refused(
    receive: Receive,
) -> None:
    with pytest.raises(RuleError) as caught:
        receive(Demographics(nhs_number="9990000019", family="Typo"))
    assert caught.value.field == "nhs_number"


def test_an_unknown_person_is_taken_in_and_traced(
    receive: Receive,
) -> None:
    receipt = receive(Demographics(nhs_number="9990000026", family="New", given=("Nora",)))
    assert receipt.tracing
    assert receipt.patient["name"] == [{"use": "official", "family": "New", "given": ["Nora"]}]
    found = records.search(HUB, "Task", [("focus", receipt.service_request.reference)]).records
    assert sorted(task_content.code(each.resource) or "" for each in found) == [
        "tracing",
        "triage",
    ]


def test_the_same_need_again_and_the_revolving_door_are_shown(
    clockwork: Clockwork, receive: Receive, person: Make
) -> None:
    about = person().reference
    first = receive(about, service="district-nursing")
    clockwork.advance(days=30)
    second = receive(about, service="district-nursing")
    clockwork.advance(days=3)
    third = receive(about, service="district-nursing")
    inputs = [triage_inputs.read(task(each.task.id).resource) for each in (first, second, third)]
    assert [each.duplicates for each in inputs[:2]] == [(), ()]
    assert [each.reference for each in inputs[2].duplicates] == [second.service_request.reference]
    assert [each.referrals_in_a_year for each in inputs] == [None, None, 3]


def test_65_and_over_are_asked_about_falls(receive: Receive, person: Make) -> None:
    old, young = person("9990000018", "1950-01-01"), person("9990000026", "1990-01-01")
    asked = triage_inputs.read(task(receive(old.reference).task.id).resource)
    not_asked = triage_inputs.read(task(receive(young.reference).task.id).resource)
    assert (asked.ask_about_falls, not_asked.ask_about_falls) == (True, False)


def test_a_fall_and_a_carer_each_open_a_task_that_is_routed(receive: Receive, person: Make) -> None:
    about = person("9990000018", "1950-01-01").reference
    receipt = receive(about, falls=True, carer=Carer("Chris Carer", "daughter"))
    falls, carer = beside(receipt)
    assert falls["owner"]["reference"] == "CareTeam/falls"
    assert carer["owner"]["reference"] == "CareTeam/social-care"
    assert "Chris Carer" in carer["description"]
    for each in (falls, carer):
        assert ("TaskAwaitsRouting", each.reference) in events()


@pytest.mark.parametrize(("born", "falls"), [("1950-01-01", False), ("1990-01-01", True)])
def test_no_falls_task_without_reason(
    receive: Receive, person: Make, born: str, falls: bool
) -> None:
    assert beside(receive(person("9990000018", born).reference, falls=falls)) == []


# At the door. --------------------------------------------------------------------------------


def test_urgent_suspected_cancer_is_answered_at_once_and_checked_the_same_day(
    receive: Receive,
) -> None:
    receipt = receive(suspected_cancer=True, priority="urgent", falls=True)
    assert receipt.answer is not None
    assert "e-RS" in receipt.answer
    triage = task(receipt.task.id)
    assert triage["status"] == "cancelled"
    assert task_content.code(triage.resource, "businessStatus") == "declined"
    assert task_content.code(triage.resource, "statusReason") == "urgent-suspected-cancer"
    assert request_of(receipt)["status"] == "revoked"
    (check,) = [
        each
        for each in records.search(
            HUB, "Task", [("focus", receipt.service_request.reference)]
        ).records
        if task_content.code(each.resource) == "suspected-cancer-check"
    ]
    assert check["owner"]["reference"] == "CareTeam/spor"
    due = task_content.due_at(check.resource)
    assert due is not None
    assert due.date() == SUNDAY.date()
    assert clocks.running(triage.id) is None
    assert beside(receipt) == []


def test_an_excluded_specialty_is_redirected(receive: Receive) -> None:
    receipt = receive(service="maternity")
    assert task_content.code(task(receipt.task.id).resource, "businessStatus") == "redirected"
    request = request_of(receipt)
    assert request["performer"][0]["reference"] == "HealthcareService/maternity"
    assert request["status"] == "completed"
    # Nobody sends it by hoping: a person does, on the record, the same day.
    found = records.search(HUB, "Task", [("focus", request.reference)]).records
    (onward,) = [each for each in found if task_content.code(each.resource) == "send-on"]
    assert onward["owner"]["reference"] == "CareTeam/spor"
    assert clocks.running(onward.id) is not None


def test_inside_the_bundle_a_rule_moves_and_never_sends_back(
    receive: Receive, person: Make
) -> None:
    child = person("9990000018", "2016-01-01").reference
    receipt = receive(child, service="district-nursing")
    triage = task(receipt.task.id)
    assert triage["status"] == "requested"
    inputs = triage_inputs.read(triage.resource)
    assert inputs.suggested_service is not None
    assert inputs.suggested_service.reference == "HealthcareService/children"
    assert inputs.door_rule is not None
