"""Fixtures: the application on a real, private PostgreSQL and Valkey, emptied between tests."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from hub import clock, settings
from hub.app import create_app
from hub.auth import issue_token
from hub.auth.accounts import register_client
from hub.db import db
from hub.domain.actor import Actor, ActorKind
from hub.supervisor.engines import Engines, start_engines
from hub.transaction import transaction


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Private engines of this test process, or those that DATABASE_URL and REDIS_URL name."""
    with start_engines(tmp_path_factory.mktemp("engines"), durable=False) as started:
        yield started


@pytest.fixture(scope="session")
def hub_settings(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> settings.Settings:
    return settings.load(
        {
            "CAREHUB_HOME": str(tmp_path_factory.mktemp("home")),
            "CAREHUB_SECRET": secrets.token_hex(16),
            "DATABASE_URL": engines.database_url,
            "REDIS_URL": engines.redis_url,
        }
    )


@pytest.fixture(scope="session")
def _session_app(hub_settings: settings.Settings) -> Iterator[Flask]:
    application = create_app(hub_settings)
    application.testing = True
    with application.app_context():
        db.create_all()
    yield application
    with application.app_context():
        db.engine.dispose()


@pytest.fixture
def app(_session_app: Flask) -> Iterator[Flask]:
    """The application in an app context; every table is emptied afterwards."""
    with _session_app.app_context():
        yield _session_app
        db.session.remove()
        _empty(_session_app)
        clock.use_real()


_PATIENCE = 60
"""Seconds for which the tables may be in use by others before a test's end is an error."""
_emptied = 0


def _empty(application: Flask) -> None:
    """Empty the tables that have rows.

    DELETE takes a thirtieth of the time of TRUNCATE, which makes each index anew; what it leaves
    behind goes every fiftieth time.
    """
    global _emptied  # noqa: PLW0603 - one database, one count
    _emptied += 1
    ends = time.monotonic() + _PATIENCE
    while True:
        with db.engine.connect() as connection:
            try:
                _clear(connection.connection.driver_connection, anew=_emptied % 50 == 0)
                break
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                # Autovacuum, or a worker that outlives the test, is at one of the tables.
                if time.monotonic() > ends:
                    raise
        time.sleep(0.02)
    application.extensions["carehub_redis"].flushdb()


@cache
def _which_are_filled() -> str:
    """Return the query for the tables that have rows; a connection prepares it once."""
    return " UNION ALL ".join(
        f"SELECT '{table.name}'::text WHERE EXISTS (SELECT 1 FROM \"{table.name}\")"
        for table in db.metadata.sorted_tables
    )


def _clear(connection: Any, *, anew: bool) -> None:
    found = [f'"{name}"' for (name,) in connection.fetch(_which_are_filled())]
    tables = ", ".join(found)
    if found:
        # All tables or none: to hold some and wait for others is a deadlock with a busy worker.
        mode = "ACCESS EXCLUSIVE" if anew else "EXCLUSIVE"
        connection.execute(f"LOCK TABLE {tables} IN {mode} MODE NOWAIT".encode())
    if found and anew:
        connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE".encode())
    elif found:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("; ".join(f"DELETE FROM {name}" for name in found).encode())
        connection.execute(
            "SELECT setval(sequencename::regclass, start_value, false) FROM pg_sequences"
            " WHERE schemaname = 'public' AND last_value IS NOT NULL"
        )
    connection.commit()


@pytest.fixture
def proxy(app: Flask) -> Iterator[None]:
    """There is a way to other systems: nobody listens there, what would leave is looked at."""
    before = app.config["CAREHUB"]
    app.config["CAREHUB"] = replace(before, bars_url="https://proxy.example.org/$process-message")
    yield
    app.config["CAREHUB"] = before


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def system_actor() -> Actor:
    """A registered system that may do everything over the API."""
    return Actor(
        kind=ActorKind.SYSTEM,
        id="client/test-system",
        display="Test system",
        scopes=frozenset({"system/*.cruds"}),
    )


@pytest.fixture
def token(app: Flask) -> str:
    """A bearer token of ``test-system`` with ``system/*.cruds``."""
    with transaction():
        register_client("test-system", name="Test system", scopes=["system/*.cruds"], own_ids=True)
    return issue_token("test-system", "system/*.cruds", 3600)
