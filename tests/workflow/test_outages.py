"""PostgreSQL and Valkey die and come back: nothing is lost, nothing happens twice."""

from collections.abc import Callable

import pytest
import redis
from flask import Flask
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


@pytest.mark.parametrize("name", ["valkey", "postgres"])
def test_an_engine_that_dies_and_comes_back_loses_nothing(
    name: str, app: Flask, engines: Engines, processes: Processes, accepted_referral: Accepted
) -> None:
    processes.start("worker", "relay")
    before = [accepted_referral() for _ in range(3)]
    eventually(lambda: is_with_a_person(before[0]), processes=processes)
    engines.kill(name)
    engines.restart(name)
    eventually(lambda: _answers(app), processes=processes)
    after = [accepted_referral() for _ in range(3)]

    tasks = [*before, *after]

    def done() -> bool:
        # A worker may end when its broker dies while it begins; the supervisor starts it again.
        processes.start("worker", "relay")
        return all(map(is_with_a_person, tasks)) and is_idle()

    eventually(done, processes=processes)
    assert [len(decisions_of(task)) for task in tasks] == [1] * len(tasks)
    assert [result.name for result in integrity.check() if not result.holds] == []
