"""Referrals from the door to the answer: one owner always, one answer, each with its reason."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from fhir.outcomes import VersionConflictError
from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.domain.definition import HubDefinition
from hub.domain.errors import RuleError, StateError
from hub.queries.funnel import funnel
from hub.records import Record
from hub.records.tables import OUTBOX
from hub.services import clocks, referrals, task_content, triage_inputs
from hub.services.referrals import (
    Carer,
    Channel,
    Demographics,
    ReceiveReferral,
    ReferralReceipt,
    Referrer,
    SafetyAlert,
)
from hub.transaction import transaction
from tests.unit.hub.services.clockwork import SUNDAY, Clockwork
from tests.unit.hub.services.conftest import Person

HUB = hub_actor("test")
DR = Referrer(display="Dr Rae Referrer", organization_name="Example Surgery")

Staff = Callable[[str], Actor]
Make = Callable[..., Person]


@pytest.fixture
def clockwork(tmp_path: Path, app: Flask) -> Clockwork:
    return Clockwork(tmp_path)


@pytest.fixture
def sam(staff: Staff) -> Actor:
    return staff("sam-spor")


@pytest.fixture
def receive(clockwork: Clockwork, person: Make, sam: Actor) -> Callable[..., ReferralReceipt]:
    """Hand a referral in by the phone form of the SPOR."""

    def take(about: str | Demographics | None = None, **said: Any) -> ReferralReceipt:
        command = ReceiveReferral(
            person=about or person().reference,
            reason=said.pop("reason", "Wound on the left leg"),
            referrer=DR,
            channel=said.pop("channel", Channel.PHONE),
            **said,
        )
        with transaction():
            return referrals.receive(sam, command)

    return take


def task(task_id: str) -> Record:
    return records.read(HUB, "Task", task_id)


def request_of(receipt: ReferralReceipt) -> Record:
    return records.read(HUB, "ServiceRequest", receipt.service_request.id)


def events(subject: str | None = None) -> list[tuple[str, str]]:
    query = select(OUTBOX.c.event, OUTBOX.c.subject).order_by(OUTBOX.c.id)
    found = [tuple(row) for row in db.session.execute(query)]
    return [each for each in found if subject is None or each[1] == subject]


# In. -----------------------------------------------------------------------------------------


def test_a_referral_is_owned_by_the_spor_team_with_its_clock(
    receive: Callable[..., ReferralReceipt],
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
    receive: Callable[..., ReferralReceipt],
    hour: int,
    priority: str,
    owner: str,
) -> None:
    clockwork.set(datetime(2026, 12, 27, hour, 0, tzinfo=UTC))
    assert receive(priority=priority).task["owner"]["reference"] == owner


def test_safety_alerts_are_flags_and_the_first_thing_triage_sees(
    receive: Callable[..., ReferralReceipt],
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
    receive: Callable[..., ReferralReceipt], said: dict[str, Any], field: str
) -> None:
    with pytest.raises(RuleError) as caught:
        receive(**said)
    assert caught.value.field == field
    assert records.search(HUB, "ServiceRequest", []).records == ()


def test_people_may_refer_themselves_where_the_service_allows_it(
    receive: Callable[..., ReferralReceipt],
) -> None:
    assert receive(channel=Channel.SELF, service="palliative", source="self").task.managed


def test_a_typed_number_that_fails_its_check_digit_is_refused(
    receive: Callable[..., ReferralReceipt],
) -> None:
    with pytest.raises(RuleError) as caught:
        receive(Demographics(nhs_number="9990000019", family="Typo"))
    assert caught.value.field == "nhs_number"


def test_an_unknown_person_is_taken_in_and_traced(
    receive: Callable[..., ReferralReceipt],
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
    clockwork: Clockwork, receive: Callable[..., ReferralReceipt], person: Make
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


def test_65_and_over_are_asked_about_falls(
    receive: Callable[..., ReferralReceipt], person: Make
) -> None:
    old, young = person("9990000018", "1950-01-01"), person("9990000026", "1990-01-01")
    asked = triage_inputs.read(task(receive(old.reference).task.id).resource)
    not_asked = triage_inputs.read(task(receive(young.reference).task.id).resource)
    assert (asked.ask_about_falls, not_asked.ask_about_falls) == (True, False)


def beside(receipt: ReferralReceipt) -> list[Record]:
    """Return the tasks that were opened beside the referral's own work."""
    found = records.search(HUB, "Task", [("based-on", receipt.service_request.reference)])
    return sorted(found.records, key=lambda each: str(each["description"]))


def test_a_fall_and_a_carer_each_open_a_task_that_is_routed(
    receive: Callable[..., ReferralReceipt], person: Make
) -> None:
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
    receive: Callable[..., ReferralReceipt], person: Make, born: str, falls: bool
) -> None:
    assert beside(receive(person("9990000018", born).reference, falls=falls)) == []


# At the door. --------------------------------------------------------------------------------


def test_urgent_suspected_cancer_is_answered_at_once_and_checked_the_same_day(
    receive: Callable[..., ReferralReceipt], definition: HubDefinition
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


def test_an_excluded_specialty_is_redirected(receive: Callable[..., ReferralReceipt]) -> None:
    receipt = receive(service="maternity")
    assert task_content.code(task(receipt.task.id).resource, "businessStatus") == "redirected"
    request = request_of(receipt)
    assert request["performer"][0]["reference"] == "HealthcareService/maternity"
    assert request["status"] == "completed"


def test_inside_the_bundle_a_rule_moves_and_never_sends_back(
    receive: Callable[..., ReferralReceipt], person: Make
) -> None:
    child = person("9990000018", "2016-01-01").reference
    receipt = receive(child, service="district-nursing")
    triage = task(receipt.task.id)
    assert triage["status"] == "requested"
    inputs = triage_inputs.read(triage.resource)
    assert inputs.suggested_service is not None
    assert inputs.suggested_service.reference == "HealthcareService/children"
    assert inputs.door_rule is not None


# Answered. -----------------------------------------------------------------------------------


def test_accepting_opens_the_work_of_the_service_and_asks_for_routing(
    clockwork: Clockwork, receive: Callable[..., ReferralReceipt], sam: Actor
) -> None:
    receipt = receive(priority="urgent")
    clockwork.advance(minutes=10)
    with transaction():
        work = referrals.accept(
            sam, receipt.task.id, version=receipt.task.version, service="urgent-response"
        )
    triage = task(receipt.task.id)
    assert (triage["status"], triage["owner"]["reference"]) == (
        "completed",
        "Practitioner/sam-spor",
    )
    assert task_content.code(triage.resource, "businessStatus") == "accepted"
    assert request_of(receipt)["performer"][0]["reference"] == "HealthcareService/urgent-response"
    assert work["owner"]["reference"] == "CareTeam/rapid-response"
    assert work["focus"]["reference"] == receipt.service_request.reference
    # Two hours from the referral, not from its triage.
    assert task_content.due_at(work.resource) == SUNDAY + timedelta(hours=2)
    assert ("TaskAwaitsRouting", work.reference) in events()
    assert ("ReferralAnswered", receipt.service_request.reference) in events()


def test_nothing_is_accepted_for_a_service_of_another_age(
    receive: Callable[..., ReferralReceipt], person: Make, sam: Actor
) -> None:
    receipt = receive(person("9990000018", "2016-01-01").reference)
    with pytest.raises(RuleError) as caught, transaction():
        referrals.accept(sam, receipt.task.id, version=receipt.task.version, service="matron")
    assert caught.value.field == "service"
    assert task(receipt.task.id)["status"] == "requested"


def test_a_service_outside_the_bundle_is_redirected_to_one_inside_accepted(
    receive: Callable[..., ReferralReceipt], sam: Actor
) -> None:
    receipt = receive()
    for verb, service, more in (
        (referrals.accept, "maternity", {}),
        (referrals.redirect, "matron", {"reason": "better-served"}),
    ):
        with pytest.raises(RuleError), transaction():
            verb(sam, receipt.task.id, version=receipt.task.version, service=service, **more)
    with transaction():
        closed = referrals.redirect(
            sam,
            receipt.task.id,
            version=receipt.task.version,
            service="maternity",
            reason="better-served",
        )
    assert task_content.code(closed.resource, "businessStatus") == "redirected"
    assert task_content.code(closed.resource, "statusReason") == "better-served"


def test_declining_needs_a_coded_reason_and_advice(
    receive: Callable[..., ReferralReceipt], sam: Actor
) -> None:
    receipt = receive()
    version = receipt.task.version
    for reason, advice, field in (
        ("because", "See the GP", "reason"),
        ("out-of-area", " ", "advice"),
    ):
        with pytest.raises(RuleError) as caught, transaction():
            referrals.decline(sam, receipt.task.id, version=version, reason=reason, advice=advice)
        assert caught.value.field == field
    with transaction():
        closed = referrals.decline(
            sam, receipt.task.id, version=version, reason="out-of-area", advice="Ask Thurrock"
        )
    assert task_content.code(closed.resource, "businessStatus") == "declined"
    assert closed["note"][-1]["text"] == "Ask Thurrock"
    assert closed["note"][-1]["authorReference"]["reference"] == "Practitioner/sam-spor"
    assert request_of(receipt)["status"] == "revoked"


def test_a_question_keeps_the_referral_waiting_and_its_clock_running(
    receive: Callable[..., ReferralReceipt], sam: Actor
) -> None:
    receipt = receive(priority="urgent")
    with transaction():
        asked = referrals.ask(
            sam, receipt.task.id, version=receipt.task.version, question="Which leg?"
        )
    assert task_content.code(asked.resource, "businessStatus") == "asked"
    assert asked["owner"]["reference"] == "CareTeam/spor"
    assert clocks.running(asked.id) is not None
    with transaction():
        referrals.accept(sam, asked.id, version=asked.version, service="district-nursing")
    assert task(asked.id)["status"] == "completed"


def test_an_answer_under_an_old_version_is_refused(
    receive: Callable[..., ReferralReceipt], sam: Actor
) -> None:
    receipt = receive()
    with transaction():
        referrals.ask(sam, receipt.task.id, version=receipt.task.version, question="Which leg?")
    with pytest.raises(VersionConflictError), transaction():
        referrals.accept(
            sam, receipt.task.id, version=receipt.task.version, service="district-nursing"
        )


def test_a_referral_is_answered_once(
    receive: Callable[..., ReferralReceipt], staff: Staff, sam: Actor
) -> None:
    receipt = receive()
    with transaction():
        referrals.accept(sam, receipt.task.id, version=receipt.task.version, service="matron")
    with pytest.raises(StateError), transaction():
        referrals.decline(
            sam,
            receipt.task.id,
            version=task(receipt.task.id).version,
            reason="out-of-area",
            advice="No",
        )


def test_of_racing_answers_one_counts(
    app: Flask, receive: Callable[..., ReferralReceipt], sam: Actor
) -> None:
    receipt = receive()
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def answer() -> None:
        with app.app_context():
            start.wait()
            try:
                with transaction():
                    referrals.accept(
                        sam, receipt.task.id, version=receipt.task.version, service="matron"
                    )
                outcomes.append("accepted")
            except (VersionConflictError, StateError):
                outcomes.append("too late")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=answer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["accepted", "too late", "too late", "too late"]
    work = records.search(
        HUB, "Task", [("focus", receipt.service_request.reference), ("code", "intervention")]
    )
    assert len(work.records) == 1


def test_only_the_team_that_has_it_may_answer(
    receive: Callable[..., ReferralReceipt], staff: Staff
) -> None:
    receipt = receive()
    stranger = Actor(kind=ActorKind.PERSON, id="user/x", display="X", practitioner="Practitioner/x")
    with pytest.raises(Exception, match="is not here"), transaction():
        referrals.accept(stranger, receipt.task.id, version=receipt.task.version, service="matron")


def test_withdrawing_stops_the_work(receive: Callable[..., ReferralReceipt], sam: Actor) -> None:
    receipt = receive()
    with transaction():
        work = referrals.accept(
            sam, receipt.task.id, version=receipt.task.version, service="matron"
        )
    with transaction():
        referrals.withdraw(sam, receipt.service_request.id, reason="referrer-cancelled")
    stopped = task(work.id)
    assert stopped["status"] == "cancelled"
    assert task_content.code(stopped.resource, "statusReason") == "withdrawn"
    assert request_of(receipt)["status"] == "revoked"
    assert clocks.running(work.id) is None
    with pytest.raises(StateError), transaction():
        referrals.withdraw(sam, receipt.service_request.id, reason="referrer-cancelled")


def test_the_funnel_adds_up_from_the_records(
    receive: Callable[..., ReferralReceipt], sam: Actor, person: Make, clockwork: Clockwork
) -> None:
    about = [person(number).reference for number in ("9990000018", "9990000026")]
    receipts = [receive(about[number % 2]) for number in range(6)]
    receive(about[0], suspected_cancer=True)
    with transaction():
        for each, verb in zip(
            receipts, ["accept", "decline", "redirect", "ask", "withdraw"], strict=False
        ):
            version = each.task.version
            if verb == "accept":
                referrals.accept(sam, each.task.id, version=version, service="matron")
            elif verb == "decline":
                referrals.decline(
                    sam, each.task.id, version=version, reason="out-of-area", advice="Ask"
                )
            elif verb == "redirect":
                referrals.redirect(
                    sam, each.task.id, version=version, service="maternity", reason="better-served"
                )
            elif verb == "ask":
                referrals.ask(sam, each.task.id, version=version, question="Why?")
            else:
                referrals.withdraw(sam, each.service_request.id, reason="person-declined")
    counted = funnel(HUB, SUNDAY - timedelta(days=1), clock.now() + timedelta(seconds=1))
    assert counted.as_json() == {
        "received": 7,
        "accepted": 1,
        "redirected": 1,
        "declined": 2,
        "withdrawn": 1,
        "waiting": 2,
    }
    assert counted.adds_up
    assert (
        funnel(HUB, clock.now() + timedelta(days=1), clock.now() + timedelta(days=2)).received == 0
    )
