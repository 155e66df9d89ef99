"""Clocks swept by two at once: each step is taken exactly once, a poisonous one waits."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from hub import clock
from hub.db import db
from hub.models.clock import TaskClock
from hub.models.escalation import EscalationStep
from hub.models.notice import Notice
from hub.queries import idle, integrity
from hub.records import Record
from hub.services import assignments, escalations
from hub.transaction import transaction
from tests.workflow.conftest import Processes, eventually
from workflows import escalation

Accepted = Callable[..., Record]


@pytest.fixture(autouse=True)
def nobody_else(processes: Processes) -> None:
    """These tests sweep themselves."""
    processes.stop()


def test_two_sweeps_at_once_take_each_step_once(
    app: Flask, accepted_referral: Accepted, advance: Callable[[timedelta], None]
) -> None:
    tasks = [accepted_referral() for _ in range(15)]
    advance(timedelta(hours=3))  # every step of every clock is due
    barrier = threading.Barrier(2)
    taken: list[int] = []

    def sweep() -> None:
        with app.app_context():
            barrier.wait()
            taken.append(escalation.sweep.run())

    threads = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # What one left to the other because it was in hand is taken by the next sweep.
    taken.append(escalation.sweep.run())

    assert sum(taken) == 45
    assert db.session.scalar(select(func.count()).select_from(EscalationStep)) == 45
    keys = db.session.execute(
        select(Notice.key, func.count())
        .where(Notice.kind == "TaskEscalated")
        .group_by(Notice.key, Notice.recipient)
    ).all()
    assert {count for _, count in keys} == {1}
    for task in tasks:
        assert [step.step for step in escalations.steps_of(task.id)] == [0, 1, 2]
        assert assignments.current(task.id) is not None
    assert {
        result.name: result.breaches
        for result in integrity.check({"escalation-once", "escalation-missed", "task-assignment"})
        if not result.holds
    } == {}


def test_a_clock_whose_step_fails_lets_the_others_go_on(
    accepted_referral: Accepted, advance: Callable[[timedelta], None]
) -> None:
    poisonous, good = accepted_referral(), accepted_referral()
    with transaction():
        db.session.execute(
            update(TaskClock)
            .where(TaskClock.task_id == poisonous.id)
            .values(policy={"escalation": "nonsense"})
        )
    advance(timedelta(minutes=61))
    escalation.sweep.run()

    assert len(escalations.steps_of(good.id)) == 1
    assert escalations.steps_of(poisonous.id) == []
    later = db.session.scalar(
        select(TaskClock.next_step_at).where(TaskClock.task_id == poisonous.id)
    )
    assert later is not None
    assert later > clock.now()


@pytest.mark.slow
def test_the_wake_up_runs_the_sweeps_at_once(
    app: Flask,
    processes: Processes,
    accepted_referral: Accepted,
    advance: Callable[[timedelta], None],
) -> None:
    """No beat runs here: after a jump of the clock the message alone must do it."""
    processes.start("worker", "relay")
    task = accepted_referral()
    eventually(idle.is_idle, processes=processes)
    advance(timedelta(minutes=61))
    assert not idle.is_idle()

    def told() -> bool:
        app.extensions["carehub_redis"].publish("carehub:wake", "sweep")
        return idle.is_idle()

    eventually(told, processes=processes)
    assert [step.action for step in escalations.steps_of(task.id)] == ["half-time"]
