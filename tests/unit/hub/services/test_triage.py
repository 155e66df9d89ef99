"""Triage answers a referral: once, by whoever has it, with its reason, and all add up."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from fhir.outcomes import NotFoundError, VersionConflictError
from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor, ActorKind
from hub.domain.errors import RuleError, StateError
from hub.queries.funnel import funnel
from hub.records import Record
from hub.services import clocks, referrals, task_content, tasks, triage_inputs
from hub.transaction import transaction
from tests.unit.hub.services.clockwork import SUNDAY, Clockwork
from tests.unit.hub.services.conftest import Person
from tests.unit.hub.services.spor_desk import HUB, Receive, events, request_of, task

Make = Callable[..., Person]


def test_accepting_opens_the_work_of_the_service_and_asks_for_routing(
    clockwork: Clockwork, receive: Receive, sam: Actor
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
    receive: Receive, person: Make, sam: Actor
) -> None:
    receipt = receive(person("9990000018", "2016-01-01").reference)
    with pytest.raises(RuleError) as caught, transaction():
        referrals.accept(sam, receipt.task.id, version=receipt.task.version, service="matron")
    assert caught.value.field == "service"
    assert task(receipt.task.id)["status"] == "requested"


def test_a_service_outside_the_bundle_is_redirected_to_one_inside_accepted(
    receive: Receive, sam: Actor
) -> None:
    receipt = receive()
    wrong: tuple[tuple[Callable[..., Record], str, dict[str, str]], ...] = (
        (referrals.accept, "maternity", {}),
        (referrals.redirect, "matron", {"reason": "better-served"}),
    )
    for verb, service, more in wrong:
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


def test_declining_needs_a_coded_reason_and_advice(receive: Receive, sam: Actor) -> None:
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
    receive: Receive, sam: Actor
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


def test_an_answer_under_an_old_version_is_refused(receive: Receive, sam: Actor) -> None:
    receipt = receive()
    with transaction():
        referrals.ask(sam, receipt.task.id, version=receipt.task.version, question="Which leg?")
    with pytest.raises(VersionConflictError), transaction():
        referrals.accept(
            sam, receipt.task.id, version=receipt.task.version, service="district-nursing"
        )


def test_a_referral_is_answered_once(receive: Receive, sam: Actor) -> None:
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


def test_of_racing_answers_one_counts(app: Flask, receive: Receive, sam: Actor) -> None:
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


def test_only_the_team_that_has_it_may_answer(receive: Receive) -> None:
    receipt = receive()
    stranger = Actor(kind=ActorKind.PERSON, id="user/x", display="X", practitioner="Practitioner/x")
    with pytest.raises(NotFoundError), transaction():
        referrals.accept(stranger, receipt.task.id, version=receipt.task.version, service="matron")


def test_withdrawing_stops_the_work(receive: Receive, sam: Actor) -> None:
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
    receive: Receive, sam: Actor, person: Make, clockwork: Clockwork
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


def test_a_triage_ends_with_an_answer_or_not_at_all(receive: Receive, sam: Actor) -> None:
    receipt = receive()
    with transaction():
        mine = tasks.accept(sam, receipt.task.id, version=receipt.task.version)
    ends: tuple[Callable[[], object], ...] = (
        lambda: tasks.complete(sam, mine.id, version=mine.version, outcome="done"),
        lambda: tasks.complete(sam, mine.id, version=mine.version, outcome="asked"),
        lambda: tasks.cancel(sam, mine.id, version=mine.version, reason="no-longer-needed"),
        lambda: tasks.cancel(HUB, mine.id, version=mine.version, reason="no-longer-needed"),
        lambda: tasks.advance(sam, mine.id, version=mine.version, step="accepted"),
    )
    for end in ends:
        with pytest.raises(RuleError), transaction():
            end()
    assert task(mine.id).version == mine.version


def test_what_triage_has_answered_is_not_undone(receive: Receive, sam: Actor) -> None:
    receipt = receive()
    with transaction():
        closed = referrals.decline(
            sam,
            receipt.task.id,
            version=receipt.task.version,
            reason="out-of-area",
            advice="Ask the practice nurse.",
        )
    again = {**task(closed.id).resource, "status": "in-progress"}
    with pytest.raises(StateError, match="not taken back"), transaction():
        records.update(HUB, again, type="Task", id=closed.id, if_match=closed.version)


def test_who_triages_and_who_withdraws_at_once_do_not_deadlock(
    app: Flask, receive: Receive, sam: Actor
) -> None:
    receipt = receive()
    failed: list[Exception] = []

    def accept() -> None:
        with app.app_context():
            try:
                with transaction():
                    referrals.accept(
                        sam, receipt.task.id, version=receipt.task.version, service="matron"
                    )
            except Exception as error:  # noqa: BLE001 - a thread hands its failure to the test
                failed.append(error)

    triaging = threading.Thread(target=accept)
    with transaction():
        # What a message that cancels holds when it has found its referral.
        records.lock(HUB, "ServiceRequest", receipt.service_request.id)
        triaging.start()
        triaging.join(timeout=0.5)
        referrals.withdraw(sam, receipt.service_request.id, reason="referrer-cancelled")
    triaging.join()

    assert [type(error) for error in failed] == [VersionConflictError]
    assert request_of(receipt)["status"] == "revoked"


def test_a_question_has_its_kind_and_its_deadline_and_the_triage_clock_runs_on(
    clockwork: Clockwork, receive: Receive, sam: Actor
) -> None:
    receipt = receive(priority="urgent")
    due = task_content.due_at(receipt.task.resource)
    with transaction():
        asked = referrals.ask(
            sam,
            receipt.task.id,
            version=receipt.task.version,
            question="Since when?",
            kind="story",
        )
    shown = triage_inputs.read(asked.resource)
    assert (shown.question, shown.answer_due) == ("story", clock.now() + timedelta(minutes=30))
    assert task_content.due_at(asked.resource) == due
    assert clocks.running(asked.id) is not None


def test_an_unknown_kind_of_question_names_those_there_are(receive: Receive, sam: Actor) -> None:
    receipt = receive()
    with pytest.raises(RuleError) as caught, transaction():
        referrals.ask(
            sam, receipt.task.id, version=receipt.task.version, question="Why?", kind="nosy"
        )
    assert "consent" in (caught.value.allowed or ())


def test_an_answer_ends_the_question_and_triage_goes_on(
    clockwork: Clockwork, receive: Receive, sam: Actor
) -> None:
    receipt = receive()
    with transaction():
        referrals.ask(sam, receipt.task.id, version=receipt.task.version, question="Since when?")
    with pytest.raises(RuleError), transaction():
        referrals.answer_question(sam, receipt.task.id, words="  ", by="By telephone")
    with transaction():
        answered = referrals.answer_question(
            sam, receipt.task.id, words="Two weeks", by="The referrer, by telephone"
        )
    shown = triage_inputs.read(answered.resource)
    assert (shown.question, shown.answer_due) == (None, None)
    assert answered["note"][-1]["text"] == "The referrer, by telephone: Two weeks"
    with pytest.raises(StateError), transaction():
        referrals.answer_question(sam, receipt.task.id, words="Again", by="By telephone")
    with transaction():
        referrals.accept(sam, receipt.task.id, version=answered.version, service="district-nursing")
