"""The relay: hands outbox rows to Celery and changes of records to subscribers.

A process of its own, ``python -m workflows.relay``. It polls every 100 ms and is woken early by
a publish that may be lost. Any number may run: rows are claimed with SKIP LOCKED.
"""

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType

import psycopg
import redis
import structlog
from sqlalchemy import text, update
from sqlalchemy.exc import SQLAlchemyError

from hub import clock
from hub.db import db
from hub.records.outbox import WAKE_CHANNEL
from hub.records.tables import OUTBOX
from hub.services import announcements
from hub.transaction import transaction
from workflows import heartbeat
from workflows.app import QUEUES, celery, flask_app, sender
from workflows.schedule import SWEEPS

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.1
"""How long a row waits when its wake-up was lost."""

SEND_AGAIN_AFTER = timedelta(seconds=10)
"""A row that was sent and not handled this long, in real time, is taken for lost."""

CLAIM = 500
"""Rows claimed at once: one UPDATE, far below a second of work."""

BATCH = 20
"""Rows in one message: its overhead is paid once, and a lost message costs little."""

BUSY = 50
"""With more messages than this waiting in a queue, its rows are late, not lost."""

TROUBLE_SECONDS = 0.5
"""Pause after PostgreSQL or Valkey could not be reached."""

MARK = "carehub:relay:mark"
"""A key that is only ever missing when Valkey has lost its memory."""

_CLAIM_SQL = text(
    """
    WITH due AS (
        SELECT id FROM outbox
        WHERE handled_at IS NULL AND due_at <= :now
          AND (sent_at IS NULL
               OR (sent_at < :lost - (:again * (power(2, least(attempts, 5)) - 2))
                   AND handler <> ALL(:busy)))
        ORDER BY due_at, id LIMIT :claim FOR UPDATE SKIP LOCKED
    )
    UPDATE outbox SET sent_at = :real, attempts = attempts + 1
    FROM due WHERE outbox.id = due.id
    RETURNING outbox.id, outbox.handler
    """
)


class Relay:
    """One relay: claims, sends, listens."""

    def __init__(self, valkey: redis.Redis) -> None:
        self._valkey = valkey
        self._pubsub = valkey.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._stopping = False
        self._beaten = 0.0
        self._ears = False
        self._declared = False

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        self._stopping = True

    def run(self) -> None:
        """Relay until stopped; trouble with PostgreSQL or Valkey is waited out."""
        while not self._stopping:
            more = [self._attempt(duty) for duty in (self._beat, self.send_due, self.announce)]
            if not any(more):
                self._attempt(self._listen)

    def _attempt(self, duty: Callable[[], bool]) -> bool:
        """Do one duty; whatever goes wrong in it must not keep the relay from the others."""
        try:
            return duty()
        except (SQLAlchemyError, psycopg.Error, redis.RedisError, OSError) as error:
            log.warning("relay waits", cause=f"{type(error).__name__}: {error}"[:300])
        except Exception:
            log.exception("relay failed", duty=duty.__name__)
        self._ears = self._declared = False
        time.sleep(TROUBLE_SECONDS)
        return False

    def announce(self) -> bool:
        """Turn changes of records into deliveries; True when there may be more."""
        with flask_app().app_context(), transaction():
            told = announcements.announce_changes()
        if told.deliveries:
            sender.hint("workflows.delivery.sweep")
        return told.changes >= announcements.BULK

    def send_due(self) -> bool:
        """Claim due rows, commit the claim, then send: a crash in between only delays."""
        if not self._declared:
            sender.declare()
            self._declared = True
        real = datetime.fromtimestamp(time.time(), UTC)
        with flask_app().app_context(), transaction():
            rows = db.session.execute(
                _CLAIM_SQL,
                {
                    "now": clock.now(),
                    "real": real,
                    "lost": real - SEND_AGAIN_AFTER,
                    "again": SEND_AGAIN_AFTER,
                    "busy": self._busy(),
                    "claim": CLAIM,
                },
            ).all()
        by_handler: dict[str, list[int]] = {}
        for row_id, name in sorted(rows):
            by_handler.setdefault(name, []).append(row_id)
        unsent = {row_id for row_id, _ in rows}
        # In the order of the events, not of the names: what was first is first in its queue.
        try:
            for name, ids in by_handler.items():
                for start in range(0, len(ids), BATCH):
                    batch = ids[start : start + BATCH]
                    sender.send(f"workflows.{name}", batch)
                    unsent -= set(batch)
        finally:
            if unsent:
                self._unclaim(unsent)
        return len(rows) == CLAIM

    @staticmethod
    def _unclaim(row_ids: set[int]) -> None:
        """Take back the claim of rows that the broker did not take."""
        with flask_app().app_context(), transaction():
            db.session.execute(update(OUTBOX).where(OUTBOX.c.id.in_(row_ids)).values(sent_at=None))

    def _busy(self) -> list[str]:
        """Return the handlers whose queue is long: their rows are waiting there, not lost."""
        waiting = {queue: self._valkey.llen(queue) for queue in QUEUES}
        if all(length <= BUSY for length in waiting.values()):
            return []
        router = celery.amqp.router
        return [
            name.removeprefix("workflows.")
            for name in celery.tasks
            if name.startswith("workflows.")
            and waiting[router.route({}, name)["queue"].name] > BUSY
        ]

    def _beat(self) -> bool:
        """Each second: say that the relay lives, and notice a Valkey that lost its memory."""
        now = time.monotonic()
        if now - self._beaten < 1:
            return False
        heartbeat.beat(self._valkey, "relay")
        if self._valkey.set(MARK, "here", nx=True):
            # The queues are gone with the mark: whatever was sent and not handled is sent anew.
            self._declared = False
            with flask_app().app_context(), transaction():
                db.session.execute(
                    update(OUTBOX).where(OUTBOX.c.handled_at.is_(None)).values(sent_at=None)
                )
        self._beaten = now
        return False

    def _listen(self) -> bool:
        """Sleep until the next poll or a wake-up; ``sweep`` runs every sweep at once."""
        if not self._ears:
            self._pubsub.subscribe(WAKE_CHANNEL)
            self._ears = True
        message = self._pubsub.get_message(timeout=POLL_SECONDS)
        while message is not None:
            if message.get("data") == b"sweep":
                for name in SWEEPS:
                    sender.hint(name)
            message = self._pubsub.get_message(timeout=0)
        return False


def main() -> None:
    valkey: redis.Redis = flask_app().extensions["carehub_redis"]
    relay = Relay(valkey)
    signal.signal(signal.SIGTERM, relay.stop)
    signal.signal(signal.SIGINT, relay.stop)
    # The tasks must be registered, or nobody knows their queues.
    celery.loader.import_default_modules()
    relay.run()


if __name__ == "__main__":
    main()
