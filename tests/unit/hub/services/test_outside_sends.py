"""Messages to telephones and mailboxes: queued with the step, one key, given up, replayed."""

from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from hub import clock, records
from hub.adapters.gateways import Outcome
from hub.db import db
from hub.domain.actor import Actor, hub_actor
from hub.domain.calendars import AROUND_THE_CLOCK
from hub.domain.definition import HubDefinition
from hub.domain.errors import StateError
from hub.domain.escalation import EscalationStep, Notified
from hub.domain.escalation_hours import When
from hub.models.clock import TaskClock
from hub.models.notice import Notice
from hub.models.outside_send import OutsideSend
from hub.services import deliveries, outside_sends
from hub.transaction import transaction
from tests.factories.escalation_step import escalation_step
from tests.factories.outside_send import outside_send
from tests.unit.hub.services.clockwork import Clockwork
from tests.unit.hub.services.test_escalations import BREACH, acknowledge, sweep, work

SET_UP = hub_actor("set-up")
ASHA = "Practitioner/asha-nurse"
REFUSED = Outcome(taken=False, error="the gateway answered 400")

Staff = Callable[[str], Actor]


@pytest.fixture
def patient(clockwork: Clockwork, person: Callable[..., Any]) -> str:
    return str(person().reference)


def sends() -> list[OutsideSend]:
    db.session.expire_all()
    return list(db.session.scalars(select(OutsideSend).order_by(OutsideSend.key)))


def half_time(**more: Any) -> EscalationStep:
    return EscalationStep("half-time", 50, (Notified.OWNER,), outside=True, **more)


def attempt(send_id: str, outcome: Outcome) -> bool:
    with transaction():
        letter = outside_sends.take(send_id)
    if letter is None:
        return False
    with transaction():
        outside_sends.settle(send_id, outcome)
    return True


def prefer(practitioner: str, *telecom: dict[str, Any]) -> None:
    with transaction():
        found = records.read(SET_UP, "Practitioner", practitioner.partition("/")[2])
        resource = found.resource | {"telecom": list(telecom)}
        records.update(SET_UP, resource, type="Practitioner", id=found.id, if_match=found.version)


def test_a_step_writes_its_message_with_a_key_that_says_what_it_is(
    patient: str, clockwork: Clockwork
) -> None:
    work(patient, half_time(), BREACH)
    clockwork.advance(minutes=60)
    (step,) = sweep()

    (send,) = sends()

    assert send.key == f"{step.clock_id}/0/0/{ASHA}/sms"
    assert (send.address, send.state) == ("07700 900120", "waiting")
    # Nothing about the person: neither a name nor what is the matter.
    assert send.line == (
        "Carehub: 50% of the time for this task is used. Sign in and open Alarms or My work."
    )
    assert outside_sends.due_sends() == [send.id]


def test_a_step_without_outside_sends_nothing(patient: str, clockwork: Clockwork) -> None:
    work(patient, EscalationStep("half-time", 50, (Notified.OWNER,)), BREACH)
    clockwork.advance(minutes=60)
    sweep()

    assert sends() == []


@pytest.mark.parametrize(
    ("telecom", "ways"),
    [
        (
            [
                {"system": "phone", "value": "07700 900001"},
                {"system": "email", "value": "a@example.org"},
            ],
            [("sms", "07700 900001")],
        ),
        ([{"system": "email", "value": "a@example.org"}], [("email", "a@example.org")]),
        (
            [
                {"system": "phone", "value": "07700 900001", "rank": 2},
                {"system": "email", "value": "a@example.org", "rank": 1},
            ],
            [("email", "a@example.org")],
        ),
        (
            [
                {"system": "sms", "value": "07700 900001", "rank": 1},
                {"system": "email", "value": "a@example.org", "rank": 1},
            ],
            [("email", "a@example.org"), ("sms", "07700 900001")],
        ),
        (
            [
                {"system": "phone", "value": "07700 900001", "use": "old"},
                {"system": "fax", "value": "01702 1"},
            ],
            [],
        ),
    ],
)
def test_everybody_hears_in_the_way_they_prefer(
    patient: str,
    clockwork: Clockwork,
    telecom: list[dict[str, Any]],
    ways: list[tuple[str, str]],
) -> None:
    work(patient, half_time(), BREACH)
    prefer(ASHA, *telecom)
    clockwork.advance(minutes=60)
    (step,) = sweep()

    assert [(send.channel, send.address) for send in sends()] == ways
    assert ("has no telephone or e-mail here" in step.sentence) == (not ways)


def test_quiet_hours_hold_back_what_is_not_urgent_and_nothing_else(clockwork: Clockwork) -> None:
    clockwork.advance(hours=13)  # 23:00
    quiet = When(starts=time(21), ends=time(7))
    with transaction():
        # As after a step: the people are those of the sample hub, read from their records.
        records.create(
            SET_UP,
            {
                "resourceType": "Practitioner",
                "telecom": [{"system": "phone", "value": "07700 900001"}],
            },
            id="asha-nurse",
        )
        for urgent in (True, False):
            step = escalation_step()
            outside_sends.queue(
                step, [ASHA], line="x", urgent=urgent, quiet=quiet, hours=AROUND_THE_CLOCK
            )

    due = {send.urgent: send.due_at for send in sends()}

    assert due[True] == clock.now()
    assert due[False] == clock.now() + timedelta(hours=8)


def test_the_same_step_queued_twice_is_one_message(clockwork: Clockwork, patient: str) -> None:
    with transaction():
        step = escalation_step()
        for _ in range(2):
            outside_sends.queue(
                step, [ASHA, ASHA], line="x", urgent=True, quiet=None, hours=AROUND_THE_CLOCK
            )

    assert len(sends()) == 1


def test_one_worker_at_a_time_has_a_message_in_hand(clockwork: Clockwork) -> None:
    with transaction():
        send = outside_send()
    with transaction():
        assert outside_sends.take(send.id) is not None
    with transaction():
        assert outside_sends.take(send.id) is None


def test_a_message_whose_worker_died_leaves_again_and_the_repeat_is_counted(
    clockwork: Clockwork,
) -> None:
    with transaction():
        send = outside_send()
    with transaction():
        first = outside_sends.take(send.id)
    with transaction():  # the lease runs out
        db.session.execute(
            update(OutsideSend).values(leased_until=deliveries.real_now() - timedelta(seconds=1))
        )
    with transaction():
        second = outside_sends.take(send.id)
    with transaction():
        outside_sends.settle(send.id, Outcome(taken=True, provider_id="p1"))

    assert first is not None
    assert second == first
    (row,) = sends()
    assert (row.state, row.attempts, row.repeats, row.provider_id) == ("sent", 2, 1, "p1")


@pytest.mark.parametrize(("uncertain", "repeats"), [(False, 0), (True, 1)])
def test_only_what_may_have_arrived_counts_as_a_repeat(
    clockwork: Clockwork, *, uncertain: bool, repeats: int
) -> None:
    with transaction():
        send = outside_send()
    attempt(send.id, Outcome(taken=False, error="no answer", uncertain=uncertain))
    clockwork.advance(seconds=outside_sends.BACK_OFF[0].total_seconds())
    attempt(send.id, Outcome(taken=True))

    assert [(row.state, row.repeats) for row in sends()] == [("sent", repeats)]


def test_a_refused_message_waits_longer_each_time_and_is_given_up_and_a_manager_hears(
    clockwork: Clockwork, staff: Staff, definition: HubDefinition
) -> None:
    with transaction():
        send = outside_send()
    for wait in outside_sends.BACK_OFF:
        assert attempt(send.id, REFUSED)
        clockwork.advance(seconds=wait.total_seconds() - 1)
        assert outside_sends.due_sends() == []
        clockwork.advance(seconds=1)
        assert outside_sends.due_sends() == [send.id]
    assert attempt(send.id, REFUSED)

    (row,) = sends()
    assert (row.state, row.error) == ("dead", "the gateway answered 400")
    told = db.session.scalars(select(Notice.recipient).where(Notice.kind == "SendFailed")).all()
    roles = [definition.staff[who.removeprefix("Practitioner/")].role for who in told]
    assert sorted(roles) == ["district-nurse", "duty-manager"]
    with transaction():
        outside_sends.replay(staff("dana-duty"), send.id)
    assert attempt(send.id, Outcome(taken=True))
    (row,) = sends()
    assert (row.state, row.key) == ("sent", send.key)
    with transaction(), pytest.raises(StateError):
        outside_sends.replay(staff("dana-duty"), send.id)


def test_without_a_gateway_a_message_is_logged_and_not_called_sent(clockwork: Clockwork) -> None:
    with transaction():
        send = outside_send()
    attempt(send.id, Outcome(taken=True, real=False))

    assert [row.state for row in sends()] == ["logged"]


def test_what_nobody_needs_any_more_does_not_leave(
    patient: str, clockwork: Clockwork, staff: Staff
) -> None:
    task_id = work(patient, half_time(), BREACH)
    clockwork.advance(minutes=60)
    sweep()
    acknowledge(staff("asha-nurse"), task_id)
    (send,) = sends()

    assert not attempt(send.id, Outcome(taken=True))

    (row,) = sends()
    assert (row.state, row.error) == ("dropped", "somebody has acknowledged")


def test_a_message_about_finished_work_does_not_leave(clockwork: Clockwork) -> None:
    with transaction():
        send = outside_send()
        db.session.execute(update(TaskClock).values(stopped_at=clock.now()))

    assert not attempt(send.id, Outcome(taken=True))
    assert [(row.state, row.error) for row in sends()] == [("dropped", "the clock has stopped")]
