"""Sending messages: one connection a process, thrown away at the first trouble.

Celery's pools keep a producer whose connection has died and fail with it again and again; what is
not sent stands in PostgreSQL anyway, so there is nothing to retry here.
"""

from contextlib import suppress
from typing import Any

import structlog
from celery import Celery


class SendError(OSError):
    """The broker did not take a message. The row that it was for is still there."""


class Sender:
    """Sends to the queues of one Celery application; used by one thread."""

    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        self._connection: Any = None
        self._producer: Any = None

    def send(self, name: str, *args: Any) -> None:
        """Send a message and forget it: waiting for results would tie the sender to the broker."""
        try:
            if self._producer is None:
                self._open()
            self._celery.send_task(
                name, args=args, ignore_result=True, retry=False, producer=self._producer
            )
        except Exception as error:
            self.forget()
            raise SendError(f"{name}: {type(error).__name__}: {error}") from error

    def hint(self, name: str) -> None:
        """Start a sweep early. Losing the hint is harmless: beat comes by in seconds."""
        try:
            self.send(name)
        except SendError as error:
            structlog.get_logger(__name__).info("hint lost", cause=str(error))

    def declare(self) -> None:
        """Write down which queue takes what: kombu keeps that in Valkey, where it can be lost."""
        try:
            if self._producer is None:
                self._open()
            for queue in self._celery.amqp.queues.values():
                queue(self._connection.default_channel).declare()
        except Exception as error:
            self.forget()
            raise SendError(f"declare: {type(error).__name__}: {error}") from error

    def forget(self) -> None:
        """Drop the connection, whatever state it is in."""
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            with suppress(Exception):
                connection.release()

    def _open(self) -> None:
        self._connection = self._celery.connection_for_write()
        self._producer = self._celery.amqp.Producer(self._connection, auto_declare=False)
