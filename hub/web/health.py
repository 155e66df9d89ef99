"""`/live`, `/ready` and `/metrics`: for the supervisor and for monitoring. No personal data."""

import psycopg
import redis
from flask import Blueprint, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from hub import clock
from hub.db import driver
from hub.queries.cover import open_counts
from hub.queries.heartbeats import heartbeats
from hub.queries.integrity import WATCHED

blueprint = Blueprint("health", __name__)

_OUTBOX = (
    "SELECT count(*), coalesce(extract(epoch FROM %s - min(due_at)), 0)::float8"
    " FROM outbox WHERE handled_at IS NULL AND due_at <= %s"
)


_FINDINGS = (
    "SELECT invariant, count(*) FROM audit_finding WHERE cleared_at IS NULL GROUP BY invariant"
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
        found = connection.execute(_FINDINGS).fetchall()
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
    holes = Gauge(
        "carehub_cover_holes_open",
        "Holes in the cover of the days that are looked at",
        ["team"],
        registry=registry,
    )
    near = Gauge(
        "carehub_cover_holes_near",
        "Those under a day away that nobody has acknowledged",
        ["team"],
        registry=registry,
    )
    for count in open_counts():
        holes.labels(count.team).set(count.open)
        near.labels(count.team).set(count.near)
    beats = Gauge(
        "carehub_heartbeat_seconds",
        "When a part of the hub last said that it lives, in seconds since 1970",
        ["part"],
        registry=registry,
    )
    last = heartbeats(current_app.extensions["carehub_redis"])
    for part, seconds in last.items():
        beats.labels(part).set(seconds)
    _auditor(registry, last.get("auditor"), {str(name): int(count) for name, count in found})
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _auditor(registry: CollectorRegistry, last_run: float | None, found: dict[str, int]) -> None:
    """Say when the auditor last ran (absent: not since Valkey began) and what it found."""
    if last_run is not None:
        Gauge(
            "carehub_auditor_last_run_timestamp_seconds",
            "When the auditor last finished a run, in seconds since 1970",
            registry=registry,
        ).set(last_run)
    findings = Gauge(
        "carehub_auditor_findings",
        "Findings of the auditor that are not cleared",
        ["invariant"],
        registry=registry,
    )
    for name, count in (dict.fromkeys(WATCHED, 0) | found).items():
        findings.labels(name).set(count)
