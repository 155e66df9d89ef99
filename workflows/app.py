"""The Celery application: what happens after a commit and on the clock.

Celery carries messages, it never keeps anything: every row of work stands in PostgreSQL until its
handler has marked it handled, so the broker may lose all it has.
"""

import ctypes
import signal
import sys
from functools import cache
from typing import Any

from celery import Celery, Task
from celery.signals import setup_logging, worker_process_init
from flask import Flask
from kombu.entity import Exchange, Queue

from hub import log, settings
from hub.app import create_app
from workflows.schedule import BEAT_SCHEDULE
from workflows.sender import Sender

QUEUES = ("routing", "escalation", "notification", "message", "bulk")
"""One queue a kind of work, so that a slow subscriber never holds up a referral."""

_PARENT_DEATH = 1
"""PR_SET_PDEATHSIG of Linux's prctl."""


def broker_url(redis_url: str) -> str:
    """Return the address as kombu spells it: it has its own scheme for unix sockets."""
    if redis_url.startswith("unix://"):
        path, _, query = redis_url.removeprefix("unix://").partition("?")
        number = dict(part.split("=", 1) for part in query.split("&") if "=" in part).get("db", "0")
        return f"redis+socket://{path}?virtual_host={number}"
    return redis_url


@cache
def flask_app() -> Flask:
    """Return this process's Flask application: made after the fork, with a pool of its own."""
    return create_app()


class HubTask(Task):  # type: ignore[misc]
    """A task runs in an application context: its session ends with it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with flask_app().app_context():
            return super().__call__(*args, **kwargs)


_settings = settings.load()

celery = Celery("carehub", task_cls=HubTask)
celery.conf.update(
    broker_url=broker_url(_settings.redis_url),
    # Only `ping` is waited for; results that nobody reads would fill the broker.
    result_backend=broker_url(_settings.redis_url),
    task_ignore_result=True,
    result_expires=60,
    # A worker that dies in the middle has not acknowledged: the message is not gone. The relay
    # sends the row again anyway, long before this time-out; handlers skip what is handled.
    task_acks_late=True,
    broker_transport_options={
        "visibility_timeout": 300,
        # A half-open connection after a restart of the broker is noticed in seconds.
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        # Urgent routing first when all queues have work.
        "queue_order_strategy": "priority",
    },
    # A row that kills its worker must not come straight back: the relay's back-off decides.
    task_reject_on_worker_lost=False,
    # Handlers are idempotent: let running ones finish when the broker goes away.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    broker_connection_retry_on_startup=True,
    # The broker may be down for long; a worker that gives up helps nobody.
    broker_connection_max_retries=None,
    # One message in hand and one waiting per process: more would sit behind a slow handler.
    worker_prefetch_multiplier=2,
    # In a simulated hub one process, so that equal seeds route in an equal order.
    worker_concurrency=1 if _settings.simulated else 2,
    # Memory of a process is given back after this many messages.
    worker_max_tasks_per_child=20_000,
    # Soft limit first: the handler's transaction rolls back and reports; hard limits only kill.
    task_soft_time_limit=60,
    task_time_limit=90,
    # Ids travel, not objects; nothing that unpickles.
    task_serializer="json",
    accept_content=["json"],
    # Each with its own exchange: without one, kombu binds all of them to the default queue's, and
    # every message would come to all of them.
    task_queues=[
        Queue(name, Exchange(name), routing_key=name)  # type: ignore[no-untyped-call]
        for name in QUEUES
    ],
    task_create_missing_queues=False,
    task_default_queue="notification",
    # By module, not by task: a new handler needs no route.
    task_routes={
        "workflows.routing.*": {"queue": "routing"},
        "workflows.absence.*": {"queue": "routing"},
        "workflows.rota.*": {"queue": "notification"},
        "workflows.accountability.*": {"queue": "escalation"},
        "workflows.escalation.*": {"queue": "escalation"},
        "workflows.handover.*": {"queue": "escalation"},
        "workflows.cover.*": {"queue": "escalation"},
        "workflows.reconciliation.*": {"queue": "escalation"},
        "workflows.reviews.*": {"queue": "escalation"},
        "workflows.conservation.*": {"queue": "bulk"},
        "workflows.work.*": {"queue": "escalation"},
        "workflows.notices.*": {"queue": "notification"},
        "workflows.delivery.*": {"queue": "message"},
        "workflows.messages.*": {"queue": "message"},
        "workflows.answering.*": {"queue": "message"},
        "workflows.mesh.*": {"queue": "message"},
        # Not with the rest-hooks: an alarm waits for no slow subscriber.
        "workflows.sending.*": {"queue": "notification"},
        "workflows.audit.*": {"queue": "notification"},
        "workflows.bulk.*": {"queue": "bulk"},
    },
    enable_utc=True,
    timezone="UTC",
    beat_schedule=BEAT_SCHEDULE,
    # Sweeps are idempotent and frequent: a schedule older than this is of no use.
    beat_max_loop_interval=1,
    imports=(
        "workflows.audit",
        "workflows.bulk",
        "workflows.conservation",
        "workflows.cover",
        "workflows.routing",
        "workflows.escalation",
        "workflows.handover",
        "workflows.delivery",
        "workflows.notices",
        "workflows.absence",
        "workflows.answering",
        "workflows.accountability",
        "workflows.reviews",
        "workflows.reconciliation",
        "workflows.mesh",
        "workflows.messages",
        "workflows.rota",
        "workflows.sending",
        "workflows.work",
    ),
)


sender = Sender(celery)
"""This process's own; a forked child opens a connection of its own with the first message."""


@celery.task(name="workflows.app.ping", ignore_result=False)  # type: ignore[untyped-decorator]
def ping() -> str:
    """Answer the supervisor: broker and worker can talk."""
    return "pong"


@setup_logging.connect  # type: ignore[untyped-decorator]
def _log_as_the_hub_does(**_: Any) -> None:
    log.configure()


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _die_with_the_parent(**_: Any) -> None:
    """Let no child outlive a worker that was killed: it would hold connections and messages."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGKILL)
