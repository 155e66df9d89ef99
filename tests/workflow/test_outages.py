"""PostgreSQL and Valkey die and come back: nothing is lost, nothing happens twice."""

import time
from collections.abc import Callable, Iterator

import pytest
import redis
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from hub.db import db
from hub.queries import integrity
from hub.queries.idle import is_idle
from hub.records import Record
from hub.supervisor.engines import Engines
from tests.workflow.conftest import (
    Processes,
    decisions_of,
    eventually,
    is_with_a_person,
)

pytestmark = [pytest.mark.slow, pytest.mark.fault]
Accepted = Callable[..., Record]


def _answers(app: Flask) -> bool:
    try:
        app.extensions["carehub_redis"].ping()
        is_idle()
    except (redis.RedisError, SQLAlchemyError):
        db.session.rollback()
        return False
    return True


DOWN = {"valkey": 0.0, "postgres": 30.0}
"""Engine -> seconds that it stays away: Valkey comes back at once and knows nothing any more."""
RECOVERED_WITHIN = 60.0
"""Seconds after an engine is back until everything that was due is done."""


@pytest.fixture
def durable(app: Flask) -> Iterator[None]:
    """Let commits reach the disk, as in every hub: engines of tests save themselves that."""

    def tell(words: str) -> None:
        with db.engine.connect() as connection:
            name = connection.scalar(text("SELECT current_database()"))
            connection.execute(text(f'ALTER DATABASE "{name}" {words}'))
            connection.commit()
        # It counts for new connections.
        db.engine.dispose()

    tell("SET synchronous_commit = on")
    yield
    tell("RESET synchronous_commit")


@pytest.mark.usefixtures("durable")
@pytest.mark.parametrize("name", ["valkey", "postgres"])
def test_an_engine_that_dies_and_comes_back_loses_nothing(
    name: str, app: Flask, engines: Engines, processes: Processes, accepted_referral: Accepted
) -> None:
    processes.start("worker", "relay")
    before = [accepted_referral() for _ in range(3)]
    eventually(lambda: is_with_a_person(before[0]), processes=processes)
    # These are on their way when it happens.
    under = [accepted_referral() for _ in range(3)]
    if name == "valkey":
        app.extensions["carehub_redis"].flushall()
    engines.kill(name)
    time.sleep(DOWN[name])
    engines.restart(name)
    eventually(lambda: _answers(app), processes=processes)
    after = [accepted_referral() for _ in range(3)]

    tasks = [*before, *under, *after]

    def done() -> bool:
        # A worker may end when its broker dies while it begins; the supervisor starts it again.
        processes.start("worker", "relay")
        return all(map(is_with_a_person, tasks)) and is_idle()

    eventually(done, within=RECOVERED_WITHIN, processes=processes)
    assert [len(decisions_of(task)) for task in tasks] == [1] * len(tasks)
    assert [result.name for result in integrity.check() if not result.holds] == []


@pytest.mark.parametrize("name", ["worker", "relay", "beat"])
def test_a_process_that_is_killed_in_mid_work_and_started_again_loses_nothing(
    name: str, processes: Processes, accepted_referral: Accepted
) -> None:
    processes.start("worker", "relay", "beat")
    tasks = [accepted_referral() for _ in range(3)]
    eventually(lambda: is_with_a_person(tasks[0]), processes=processes)
    for _ in range(3):
        tasks.append(accepted_referral())
        processes.kill(name)
        tasks.append(accepted_referral())
        processes.start(name)

    eventually(
        lambda: all(map(is_with_a_person, tasks)) and is_idle(),
        within=RECOVERED_WITHIN,
        processes=processes,
    )
    assert [len(decisions_of(task)) for task in tasks] == [1] * len(tasks)
    assert [result.name for result in integrity.check() if not result.holds] == []
