"""The database: Flask-SQLAlchemy owns engine, sessions and every declared table.

The hot path runs on the same connections through psycopg (``driver``). Nothing ever takes a
second connection while holding one: a pool smaller than the threads queues, it cannot deadlock.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase

from hub.settings import Settings


class Base(DeclarativeBase):
    """Base of every declared row; constraints have names, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base)

_CONNECTION_OPTIONS = (
    # Custom plans chose a bad index for family + birthdate; see docs/adr/0001.
    "-c plan_cache_mode=force_generic_plan -c timezone=UTC -c jit=off"
)


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application its engine. Does not connect: `flask routes` works without one."""
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "pool_size": settings.pool_size,
        # No overflow: the server's connections are counted, threads queue for their turn.
        "max_overflow": 0,
        "pool_timeout": 20,
        "pool_use_lifo": True,
        # The text of an error goes to the log; the values of a statement are people's records.
        "hide_parameters": True,
        "connect_args": {
            "options": _CONNECTION_OPTIONS,
            "prepare_threshold": 1,
            "connect_timeout": 5,
        },
    }
    db.init_app(app)
    with app.app_context():
        event.listen(db.engine, "checkout", _refuse_closed)


def _refuse_closed(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
    """Let the pool replace a connection whose server has gone."""
    if dbapi_connection.closed:
        raise DisconnectionError


@contextmanager
def driver() -> Iterator[psycopg.Connection[Any]]:
    """Yield the psycopg connection to use now.

    Inside a session's transaction that is the session's own connection; outside, one from the
    pool in autocommit: BEGIN and COMMIT round a single SELECT cost a sixth of its rate.
    """
    session = db.session()
    if session.in_transaction():
        connection = session.connection().connection.driver_connection
        assert isinstance(connection, psycopg.Connection)
        yield connection
        return
    pooled = db.engine.raw_connection()
    connection = pooled.driver_connection
    assert isinstance(connection, psycopg.Connection)
    try:
        connection.autocommit = True
        yield connection
    finally:
        if connection.closed:
            pooled.invalidate()
        else:
            connection.autocommit = False
        pooled.close()
