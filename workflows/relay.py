"""The relay: hands outbox rows to Celery and changes of records to subscribers.

A process of its own, ``python -m workflows.relay``. It polls every 100 ms and is woken early by
a publish that may be lost. Any number may run: rows are claimed with SKIP LOCKED.
"""

import signal
import time
from datetime import UTC, datetime, timedelta
from types import FrameType

import redis
import structlog
from kombu.exceptions import OperationalError as BrokerError
from sqlalchemy import text, update
from sqlalchemy.exc import SQLAlchemyError

from hub import clock
from hub.db import db
from hub.records.outbox import WAKE_CHANNEL
from hub.records.tables import OUTBOX
from hub.services import announcements
from hub.transaction import transaction
from workflows import heartbeat
from workflows.app import QUEUES, celery, flask_app, send
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
            try:
                worked = self.turn()
            except (SQLAlchemyError, redis.RedisError, BrokerError, OSError) as error:
                log.warning("relay waits", cause=f"{type(error).__name__}: {error}"[:300])
                self._ears = self._declared = False
                time.sleep(TROUBLE_SECONDS)
                continue
            if not worked:
                self._listen()

    def turn(self) -> bool:
        """Do what is due now; True when there may be more."""
        self._beat()
        if not self._declared:
            self._declare()
        with flask_app().app_context(), transaction():
            told = announcements.announce_changes()
        with flask_app().app_context():
            sent = self.send_due()
        if told.deliveries:
            send("workflows.delivery.sweep")
        return told.changes >= announcements.BULK or sent == CLAIM

    def send_due(self) -> int:
        """Claim due rows, commit the claim, then send: a crash in between only delays."""
        real = datetime.fromtimestamp(time.time(), UTC)
        with transaction():
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
                    send(f"workflows.{name}", batch)
                    unsent -= set(batch)
        finally:
            if unsent:
                self._unclaim(unsent)
        return len(rows)

    @staticmethod
    def _unclaim(row_ids: set[int]) -> None:
        """Take back the claim of rows that the broker did not take."""
        with transaction():
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

    def _beat(self) -> None:
        """Each second: say that the relay lives, and notice a Valkey that lost its memory."""
        now = time.monotonic()
        if now - self._beaten < 1:
            return
        heartbeat.beat(self._valkey, "relay")
        if self._valkey.set(MARK, "here", nx=True):
            # The queues are gone with the mark: whatever was sent and not handled is sent anew.
            self._declared = False
            with flask_app().app_context(), transaction():
                db.session.execute(
                    update(OUTBOX).where(OUTBOX.c.handled_at.is_(None)).values(sent_at=None)
                )
        self._beaten = now

    def _declare(self) -> None:
        """Write down which queue takes what: kombu keeps that in Valkey, where it can be lost."""
        with celery.connection_for_write() as connection:
            for queue in celery.amqp.queues.values():
                queue(connection.default_channel).declare()
        self._declared = True

    def _listen(self) -> None:
        """Sleep until the next poll or a wake-up; ``sweep`` runs every sweep at once."""
        if not self._ears:
            self._pubsub.subscribe(WAKE_CHANNEL)
            self._ears = True
        message = self._pubsub.get_message(timeout=POLL_SECONDS)
        while message is not None:
            if message.get("data") == b"sweep":
                for name in SWEEPS:
                    send(name)
            message = self._pubsub.get_message(timeout=0)


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
