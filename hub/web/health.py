"""`/live`, `/ready` and `/metrics`: for the supervisor and for monitoring. No personal data."""

import psycopg
import redis
from flask import Blueprint, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from hub import clock
from hub.db import driver
from hub.queries.heartbeats import heartbeats

blueprint = Blueprint("health", __name__)

_OUTBOX = (
    "SELECT count(*), coalesce(extract(epoch FROM %s - min(due_at)), 0)::float8"
    " FROM outbox WHERE handled_at IS NULL AND due_at <= %s"
)


@blueprint.get("/live")
def live() -> Response:
    """The process answers."""
    return Response("live\n", content_type="text/plain")


@blueprint.get("/ready")
def ready() -> Response:
    """The process can serve: the database answers, and Valkey does."""
    missing = []
    try:
        with driver() as connection:
            connection.execute("SELECT 1")
    except (SQLAlchemyError, psycopg.Error):
        missing.append("database")
    try:
        current_app.extensions["carehub_redis"].ping()
    except redis.RedisError:
        missing.append("valkey")
    if missing:
        return Response(f"not ready: {', '.join(missing)}\n", status=503, content_type="text/plain")
    return Response("ready\n", content_type="text/plain")


@blueprint.get("/metrics")
def metrics() -> Response:
    """Figures of the hub in the Prometheus text format, read from the database when asked.

    Whichever web process answers, the figures are the hub's, not the process's.
    """
    registry = CollectorRegistry()
    now = clock.now()
    with driver() as connection:
        row = connection.execute(_OUTBOX, (now, now)).fetchone()
        changes = connection.execute("SELECT count(*) FROM record_change").fetchone()
    waiting, oldest = row or (0, 0.0)
    Gauge("carehub_outbox_waiting", "Outbox rows due and not handled", registry=registry).set(
        waiting
    )
    Gauge("carehub_outbox_oldest_seconds", "Age of the oldest of them", registry=registry).set(
        max(0.0, oldest)
    )
    Gauge(
        "carehub_record_changes_waiting",
        "Written versions that the relay has not looked at",
        registry=registry,
    ).set(changes[0] if changes else 0)
    beats = Gauge(
        "carehub_heartbeat_seconds",
        "When a part of the hub last said that it lives, in seconds since 1970",
        ["part"],
        registry=registry,
    )
    for part, seconds in heartbeats(current_app.extensions["carehub_redis"]).items():
        beats.labels(part).set(seconds)
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
