"""From commit to owner: through the outbox, the relay, Valkey and a real worker."""

import time
from collections.abc import Callable

import pytest
import redis
from flask import Flask
from sqlalchemy import select, update

from hub import clock
from hub.db import db
from hub.queries import heartbeats, integrity
from hub.queries.idle import is_idle
from hub.records import Record, outbox
from hub.records.tables import OUTBOX
from hub.services import assignments
from hub.transaction import transaction
from tests.workflow.conftest import (
    Processes,
    decisions_of,
    eventually,
    is_with_a_person,
)
from workflows.app import broker_url, celery, sender
from workflows.handlers import Event, handle
from workflows.sender import SendError

pytestmark = [pytest.mark.slow]
Accepted = Callable[..., Record]


def breaches() -> list[str]:
    return [
        f"{result.name}: {breach.subject} {breach.detail}"
        for result in integrity.check()
        for breach in result.breaches
    ]


def test_an_accepted_referral_is_with_a_person_within_seconds(
    processes: Processes, accepted_referral: Accepted
) -> None:
    processes.start("worker", "relay")
    warm = accepted_referral()
    eventually(lambda: is_with_a_person(warm), processes=processes)

    task = accepted_referral()
    started = time.monotonic()
    eventually(lambda: is_with_a_person(task), processes=processes)

    # Two seconds on an idle machine; this leaves room for a busy one.
    assert time.monotonic() - started < 10
    eventually(is_idle, processes=processes)
    assert breaches() == []


def test_each_message_that_comes_twice_has_one_effect(
    processes: Processes, accepted_referral: Accepted, app: Flask
) -> None:
    processes.start("worker", "relay")
    tasks = [accepted_referral() for _ in range(5)]
    rows = list(
        db.session.execute(
            select(OUTBOX.c.id).where(OUTBOX.c.handler == "routing.route_task")
        ).scalars()
    )
    db.session.rollback()
    celery.conf.broker_url = broker_url(app.config["CAREHUB"].redis_url)
    sender.forget()
    for _ in range(2):
        eventually(lambda: _send("workflows.routing.route_task", rows), processes=processes)
    eventually(lambda: all(map(is_with_a_person, tasks)) and is_idle(), processes=processes)

    for task in tasks:
        assert len(decisions_of(task)) == 1
        assert len(assignments.spells_of(task.id)) == 2


def _send(name: str, rows: list[int]) -> bool:
    try:
        sender.send(name, rows)
    except SendError:
        return False  # the relay has not declared the queues yet
    return True


@pytest.mark.fault
def test_a_worker_killed_in_the_middle_loses_nothing_and_does_nothing_twice(
    processes: Processes, accepted_referral: Accepted
) -> None:
    processes.start("worker", "relay")
    tasks = [accepted_referral(minutes=1) for _ in range(20)]
    eventually(lambda: is_with_a_person(tasks[0]), processes=processes)
    processes.kill("worker")
    tasks += [accepted_referral(minutes=1) for _ in range(5)]
    processes.start("worker")

    eventually(lambda: all(map(is_with_a_person, tasks)) and is_idle(), processes=processes)
    assert [len(decisions_of(task)) for task in tasks] == [1] * 25
    assert breaches() == []


@pytest.mark.fault
def test_a_flushed_valkey_loses_nothing(
    processes: Processes, accepted_referral: Accepted, app: Flask
) -> None:
    valkey: redis.Redis = app.extensions["carehub_redis"]
    processes.kill("worker")
    processes.start("relay")
    tasks = [accepted_referral() for _ in range(3)]
    sent = select(OUTBOX.c.id).where(OUTBOX.c.sent_at.is_(None))
    eventually(lambda: not db.session.execute(sent).all(), processes=processes)
    valkey.flushall()
    processes.start("worker")

    eventually(lambda: all(map(is_with_a_person, tasks)), processes=processes)
    assert [len(decisions_of(task)) for task in tasks] == [1] * 3


@pytest.mark.fault
def test_a_killed_relay_goes_on_where_it_was(
    processes: Processes, accepted_referral: Accepted, app: Flask
) -> None:
    processes.start("worker", "relay")
    processes.kill("relay")
    tasks = [accepted_referral() for _ in range(3)]
    assert not any(map(is_with_a_person, tasks))
    processes.start("relay")

    eventually(lambda: all(map(is_with_a_person, tasks)), processes=processes)
    assert "relay" in heartbeats.heartbeats(app.extensions["carehub_redis"])


def test_a_poisonous_row_is_pushed_forward_with_its_reason(processes: Processes) -> None:
    with transaction():
        outbox.emit("TaskAwaitsRouting", subject="Task/never-was")
    row = db.session.execute(select(OUTBOX.c.id)).scalar_one()
    db.session.rollback()

    def fail(_event: Event) -> None:
        raise ValueError("cannot be done")

    assert not handle(row, fail)
    found = db.session.execute(select(OUTBOX)).mappings().one()
    assert found["handled_at"] is None
    assert found["error"] == "ValueError: cannot be done"
    assert found["due_at"] > clock.now()
    assert found["sent_at"] is None


def test_an_effect_and_its_mark_stand_or_fall_together(processes: Processes) -> None:
    with transaction():
        outbox.emit("TaskAwaitsRouting", subject="Task/x")
    row = db.session.execute(select(OUTBOX.c.id)).scalar_one()
    db.session.rollback()
    done: list[int] = []

    def act(event: Event) -> None:
        done.append(event.id)
        db.session.execute(update(OUTBOX).values(error="half done"))

    def act_and_fall(event: Event) -> None:
        act(event)
        raise RuntimeError

    assert not handle(row, act_and_fall)
    assert db.session.execute(select(OUTBOX.c.error)).scalar_one() != "half done"
    db.session.rollback()
    assert handle(row, act)
    assert not handle(row, act)
    assert done == [row, row]


def test_a_message_goes_to_its_own_queue_only() -> None:
    route = celery.amqp.router.route
    for name, queue in (
        ("workflows.routing.route_task", "routing"),
        ("workflows.escalation.sweep", "escalation"),
        ("workflows.notices.tell_owner", "notification"),
        ("workflows.delivery.deliver", "message"),
    ):
        found = route({}, name)["queue"]
        assert (found.name, found.exchange.name, found.routing_key) == (queue, queue, queue)
