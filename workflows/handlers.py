"""The one way to handle an outbox row: lock it, skip what is done, act and mark in ONE transaction.

A message may come twice, late or in any order; an effect inside the hub happens once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
import structlog
from psycopg.errors import DeadlockDetected, SerializationFailure
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from hub import clock
from hub.db import db
from hub.records.tables import OUTBOX
from hub.transaction import transaction
from workflows.app import celery

log = structlog.get_logger(__name__)

TRIES = 5
"""Attempts at once when the database asked for another (deadlock, serialisation)."""

MAX_BACK_OFF = timedelta(hours=1)
"""A poisonous row is tried at least this often: its cause may have been mended."""


@dataclass(frozen=True, slots=True)
class Event:
    """An outbox row as its handler sees it."""

    id: int
    event: str
    subject: str
    payload: dict[str, Any]
    created_at: datetime

    @property
    def subject_id(self) -> str:
        return self.subject.partition("/")[2]


Handler = Callable[[Event], None]
BatchHandler = Callable[[Sequence[Event]], None]


def handler(function: Handler) -> Handler:
    """Register ``function`` as the Celery task of its module path.

    The message carries ids of outbox rows; each is handled in a transaction of its own.
    """

    def run(row_ids: Sequence[int]) -> None:
        for row_id in row_ids:
            handle(row_id, function)

    celery.task(run, name=f"{function.__module__}.{function.__name__}")
    return function


def batch_handler(function: BatchHandler) -> BatchHandler:
    """Register a function that handles the rows of one message together, in ONE transaction.

    When that fails, whatever the cause, nothing of it stays, and each row is handled by itself:
    one poisonous row costs the others a moment, never their effect.
    """

    def alone(event: Event) -> None:
        function([event])

    def run(row_ids: Sequence[int]) -> None:
        if len(row_ids) > 1 and _handle_together(row_ids, function):
            return
        for row_id in row_ids:
            handle(row_id, alone)

    celery.task(run, name=f"{function.__module__}.{function.__name__}")
    return function


def _handle_together(row_ids: Sequence[int], function: BatchHandler) -> bool:
    """Handle rows in one transaction; False when it failed and nothing of it was kept."""
    for attempt in range(1, TRIES + 1):
        try:
            with transaction():
                _act_together(row_ids, function)
        except (DBAPIError, psycopg.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if isinstance(cause, DeadlockDetected | SerializationFailure) and attempt < TRIES:
                continue
            if isinstance(cause, psycopg.OperationalError) and not isinstance(
                cause, DeadlockDetected | SerializationFailure
            ):
                # Without a database nothing can be written down: the relay sends them again.
                raise
            log.warning("a batch is handled row by row", rows=len(row_ids), exc_info=error)
            return False
        except Exception as error:
            log.warning("a batch is handled row by row", rows=len(row_ids), exc_info=error)
            return False
        else:
            return True
    return False


def _act_together(row_ids: Sequence[int], function: BatchHandler) -> None:
    rows = (
        db.session.execute(
            select(OUTBOX)
            # In the order of their ids: another message with the same rows waits, no deadlock.
            .where(OUTBOX.c.id.in_(row_ids), OUTBOX.c.handled_at.is_(None))
            .order_by(OUTBOX.c.id)
            .with_for_update()
        )
        .mappings()
        .all()
    )
    if not rows:
        return
    with structlog.contextvars.bound_contextvars(rows=len(rows)):
        function([_event(row) for row in rows])
    db.session.execute(
        update(OUTBOX)
        .where(OUTBOX.c.id.in_([row["id"] for row in rows]))
        .values(handled_at=clock.now(), error=None)
    )


def _event(row: Mapping[Any, Any]) -> Event:
    return Event(
        id=row["id"],
        event=row["event"],
        subject=row["subject"],
        payload=row["payload"],
        created_at=row["created_at"],
    )


def handle(row_id: int, function: Handler) -> bool:
    """Handle one row; False when there was nothing to do or it failed."""
    for attempt in range(1, TRIES + 1):
        try:
            with transaction():
                return _act(row_id, function)
        except (DBAPIError, psycopg.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if isinstance(cause, DeadlockDetected | SerializationFailure) and attempt < TRIES:
                continue
            if isinstance(cause, psycopg.OperationalError):
                # Without a database nothing can be written down: the relay sends it again.
                raise
            _push_forward(row_id, error)
            return False
        except Exception as error:  # noqa: BLE001 - a poisonous row must not stop the others
            _push_forward(row_id, error)
            return False
    return False


def _act(row_id: int, function: Handler) -> bool:
    row = (
        db.session.execute(select(OUTBOX).where(OUTBOX.c.id == row_id).with_for_update())
        .mappings()
        .one_or_none()
    )
    if row is None or row["handled_at"] is not None:
        return False
    with structlog.contextvars.bound_contextvars(event=row["event"], row=row_id):
        function(_event(row))
    db.session.execute(
        update(OUTBOX).where(OUTBOX.c.id == row_id).values(handled_at=clock.now(), error=None)
    )
    return True


def _push_forward(row_id: int, error: BaseException) -> None:
    """Let the row wait, with its error, so that the queue lives; the auditor reports it."""
    log.error("handler failed", row=row_id, exc_info=error)
    with transaction():
        row = db.session.execute(
            select(OUTBOX.c.attempts, OUTBOX.c.handled_at)
            .where(OUTBOX.c.id == row_id)
            .with_for_update()
        ).one_or_none()
        if row is None or row.handled_at is not None:
            return
        back_off = min(timedelta(seconds=2 ** min(row.attempts, 12)), MAX_BACK_OFF)
        db.session.execute(
            update(OUTBOX)
            .where(OUTBOX.c.id == row_id)
            .values(
                due_at=clock.now() + back_off,
                sent_at=None,
                error=f"{type(error).__name__}: {error}"[:2000],
            )
        )
