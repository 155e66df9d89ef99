"""What lies in the mailbox and what leaves by it: leases, repeats, waits, the auditor."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from hub import clock
from hub.adapters.gateways import Outcome
from hub.db import db
from hub.domain.definition import HubDefinition
from hub.models.mesh_arrival import MeshArrival
from hub.models.mesh_send import MeshSend
from hub.queries import integrity
from hub.services import deliveries, mesh_arrivals, mesh_sends
from hub.transaction import transaction
from tests.factories.mesh_arrival import mesh_arrival
from tests.factories.mesh_send import mesh_send
from tests.unit.hub.services.clockwork import Clockwork


def run_out(model: type[MeshArrival] | type[MeshSend]) -> None:
    past = deliveries.real_now() - timedelta(seconds=1)
    with transaction():
        db.session.execute(update(model).values(leased_until=past))


def broken(name: str) -> list[str]:
    return [b.subject for each in integrity.check() if each.name == name for b in each.breaches]


def test_what_a_poll_sees_again_is_one_row(definition: HubDefinition) -> None:
    with transaction():
        first = mesh_arrivals.found("X26ABC2", ["M1", "M2", "M1"])
        again = mesh_arrivals.found("X26ABC2", ["M2", "M1"])

    assert len(first) == 2
    assert sorted(first) == sorted(again)
    assert mesh_arrivals.found("X26ABC2", []) == []


def test_two_workers_never_have_one_message(definition: HubDefinition) -> None:
    with transaction():
        (arrival,) = mesh_arrivals.found("X26ABC2", ["M1"])
    with transaction():
        assert mesh_arrivals.take(arrival) is not None
    with transaction():
        assert mesh_arrivals.take(arrival) is None
        assert mesh_arrivals.found("X26ABC2", ["M1"]) == []
    run_out(MeshArrival)
    with transaction():
        assert mesh_arrivals.found("X26ABC2", ["M1"]) == [arrival]
        in_hand = mesh_arrivals.take(arrival)
    assert in_hand is not None
    assert not in_hand.settled


def test_what_was_settled_is_only_acknowledged(definition: HubDefinition) -> None:
    with transaction():
        (arrival,) = mesh_arrivals.found("X26ABC2", ["M1"])
        mesh_arrivals.take(arrival)
        mesh_arrivals.settle(arrival, None)
    run_out(MeshArrival)
    with transaction():
        assert not mesh_arrivals.unsettled(arrival)
        in_hand = mesh_arrivals.take(arrival)
    assert in_hand is not None
    assert in_hand.settled


def test_what_fails_waits_longer_each_time_and_minutes_at_most(
    definition: HubDefinition, clockwork: Clockwork
) -> None:
    with transaction():
        row = mesh_arrival()
    waits = []
    for _ in range(8):
        with transaction():
            assert mesh_arrivals.take(row.id) is not None
        with transaction():
            mesh_arrivals.failed(row.id, "MESH answered 503")
        waits.append(row.due_at - clock.now())
        clockwork.set(row.due_at)

    assert waits == sorted(waits)
    assert waits[0] == timedelta(seconds=2)
    assert waits[-1] == timedelta(minutes=10)


@pytest.mark.parametrize("left", ["lease", "no answer"])
def test_an_answer_that_may_have_left_leaves_again_and_is_counted(
    definition: HubDefinition, clockwork: Clockwork, left: str
) -> None:
    with transaction():
        row = mesh_send()
    with transaction():
        first = mesh_sends.take(row.id)
    with transaction():
        assert mesh_sends.take(row.id) is None, "another worker has it in hand"
    if left == "lease":
        run_out(MeshSend)
    else:
        with transaction():
            outcome = Outcome(taken=False, error="ReadTimeout", uncertain=True)
            mesh_sends.settle(row.id, outcome)
        clockwork.set(row.due_at)
    with transaction():
        again = mesh_sends.take(row.id)

    assert again == first
    assert (row.attempts, row.repeats) == (2, 1)


def test_a_refused_answer_is_tried_for_days_and_then_given_up(
    definition: HubDefinition, clockwork: Clockwork
) -> None:
    begun = clock.now()
    with transaction():
        row = mesh_send()
    while row.state == "waiting":
        with transaction():
            assert mesh_sends.take(row.id) is not None
        with transaction():
            mesh_sends.settle(row.id, Outcome(taken=False, error="Unregistered recipient"))
        clockwork.set(row.due_at)

    assert row.state == "dead"
    assert row.repeats == 0, "a refusal has sent nothing"
    assert clock.now() - begun > timedelta(days=3)
    assert mesh_sends.due_sends() == []


def test_an_answer_that_was_taken_is_not_sent_again(definition: HubDefinition) -> None:
    with transaction():
        row = mesh_send()
        mesh_sends.take(row.id)
        mesh_sends.settle(row.id, Outcome(taken=True, provider_id="THEIRS"))

    assert (row.state, row.message_id) == ("sent", "THEIRS")
    with transaction():
        assert mesh_sends.take(row.id) is None


def test_the_auditor_says_what_lies_there_and_what_was_not_told(
    definition: HubDefinition, clockwork: Clockwork
) -> None:
    with transaction():
        arrival, send = mesh_arrival(), mesh_send()
        undeliverable = mesh_send(state="dead")
        mesh_arrival(acknowledged_at=clock.now())
        mesh_send(state="sent")
    assert broken("mesh-taken") == []
    clockwork.advance(minutes=21)

    assert broken("mesh-taken") == [f"MeshArrival/{arrival.id}"]
    assert sorted(broken("mesh-told")) == sorted(
        f"InboxMessage/{each.inbox_id}" for each in (send, undeliverable)
    )
