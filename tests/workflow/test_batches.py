"""The rows of one message are handled together, and a poisonous one costs the others nothing."""

from collections.abc import Callable

from flask import Flask
from sqlalchemy import event, select

from hub.db import db
from hub.domain.actor import hub_actor
from hub.models.notice import Notice
from hub.queries import integrity
from hub.records import Record, outbox
from hub.records.tables import OUTBOX
from hub.services import tasks
from hub.transaction import transaction
from tests.workflow.conftest import decisions_of, is_with_a_person
from workflows.app import celery

Accepted = Callable[..., Record]
SPOR = hub_actor("spor")


def rows(handler: str = "routing.route_task") -> list[int]:
    """Return the ids of the rows that wait for a handler."""
    found = db.session.execute(
        select(OUTBOX.c.id)
        .where(OUTBOX.c.handler == handler, OUTBOX.c.handled_at.is_(None))
        .order_by(OUTBOX.c.id)
    )
    ids = list(found.scalars())
    db.session.rollback()
    return ids


def hand_over(handler: str, ids: list[int]) -> int:
    """Run the handler for one message; return how many transactions it committed."""
    # The tasks must be registered, or nobody knows their names.
    celery.loader.import_default_modules()
    committed = 0

    def count(_session: object) -> None:
        nonlocal committed
        committed += 1

    event.listen(db.session, "after_commit", count)
    try:
        celery.tasks[f"workflows.{handler}"].run(ids)
    finally:
        event.remove(db.session, "after_commit", count)
    return committed


def test_the_rows_of_one_message_are_routed_in_one_transaction(
    app: Flask, accepted_referral: Accepted
) -> None:
    opened = [accepted_referral() for _ in range(6)]

    assert hand_over("routing.route_task", rows()) == 1
    assert all(is_with_a_person(task) for task in opened)
    assert [len(decisions_of(task)) for task in opened] == [1] * 6
    assert rows() == []
    assert hand_over("notices.tell_owner", rows("notices.tell_owner")) == 1
    assert rows("notices.tell_owner") == []
    told = db.session.query(Notice).filter_by(kind="TaskAssigned").count()
    assert told == 6
    assert [each for each in integrity.check() if each.breaches] == []


def test_one_poisonous_row_waits_and_the_others_find_their_owners(
    app: Flask, accepted_referral: Accepted
) -> None:
    opened = [accepted_referral() for _ in range(3)]
    with transaction():
        outbox.emit("TaskAwaitsRouting", subject="Task/nobody", payload={"cause": "new"})
    opened += [accepted_referral()]
    ids = rows()
    assert len(ids) == 5

    hand_over("routing.route_task", ids)

    assert all(is_with_a_person(task) for task in opened)
    (left,) = rows()
    assert left == ids[3]
    error = db.session.scalar(select(OUTBOX.c.error).where(OUTBOX.c.id == left))
    assert "Task/nobody is not here" in (error or "")


def test_a_task_that_stands_twice_in_a_message_is_given_once(
    app: Flask, accepted_referral: Accepted
) -> None:
    task = accepted_referral()
    with transaction():
        tasks.ask_for_routing(SPOR, task.id)
    ids = rows()
    assert len(ids) == 2

    hand_over("routing.route_task", ids)
    hand_over("routing.route_task", ids)

    assert len(decisions_of(task)) == 1
    assert rows() == []
