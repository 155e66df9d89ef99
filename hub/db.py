"""The database: Flask-SQLAlchemy owns engine, sessions and every declared table.

The hot path runs through psycopg: in a transaction on the session's own connection, outside of one
on a pool of its own, in autocommit. Nothing ever takes a second connection while holding one: a
pool smaller than the threads queues, it cannot deadlock.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction

from hub import at_hand
from hub.connections import Connection, Parameters, Pool, Row
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


_POOL = "carehub_pool"
_PATIENCE = 20


def init_app(app: Flask, settings: Settings) -> None:
    """Give the application its engine. Does not connect: `flask routes` works without one."""
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    options: dict[str, Any] = {
        "options": _CONNECTION_OPTIONS,
        "prepare_threshold": 1,
        "connect_timeout": 5,
    }
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {
        "pool_size": settings.pool_size,
        # No overflow: the server's connections are counted, threads queue for their turn.
        "max_overflow": 0,
        "pool_timeout": _PATIENCE,
        "pool_use_lifo": True,
        # The text of an error goes to the log; the values of a statement are people's records.
        "hide_parameters": True,
        "connect_args": options,
    }
    db.init_app(app)

    def alone() -> Connection:
        address = settings.database_url.replace("+psycopg", "", 1)
        return Connection.connect(address, autocommit=True, **options)

    pool = app.extensions[_POOL] = Pool(alone, settings.pool_size, _PATIENCE)
    with app.app_context():
        engine = db.engine
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "checkout", _refuse_closed)
    event.listen(engine, "rollback_savepoint", _forget_statements)
    event.listen(engine, "engine_disposed", lambda _engine: pool.close())


def _connect(_dialect: Any, _record: Any, words: Any, options: Any) -> Connection:
    return Connection.connect(*words, **options)


def _forget_statements(connection: Any, _name: str, _context: Any) -> None:
    """A rollback to a savepoint, too, makes psycopg deallocate every prepared statement."""
    connection.connection.driver_connection.forget_statements()


def _refuse_closed(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
    """Let the pool replace a connection whose server has gone before a request meets it."""
    if dbapi_connection.closed or dbapi_connection.has_news():
        raise DisconnectionError


def in_session() -> Session | None:
    """Return the session of this context if it has one; asking does not make one."""
    return db.session() if db.session.registry.has() else None


_OWN = "carehub_own"
"""Key in a session's notes: its transaction, and the connection that has it."""


def _own() -> Connection | None:
    """Return the connection of the open transaction, if there is one."""
    session = in_session()
    if session is None or (begun := session.get_transaction()) is None:
        return None
    held: tuple[SessionTransaction, Connection] | None = session.info.get(_OWN)
    if held is None or held[0] is not begun:
        # A bundle has a dozen statements, and SQLAlchemy checks its state for each.
        connection = session.connection().connection.driver_connection
        assert isinstance(connection, Connection)
        held = session.info[_OWN] = (begun, connection)
    return held[1]


@contextmanager
def driver() -> Iterator[Connection]:
    """Yield the psycopg connection to use now.

    Inside a session's transaction that is the session's own connection; outside, one from a pool
    in autocommit: BEGIN and COMMIT round a single SELECT cost a sixth of its rate.
    """
    if (own := _own()) is not None:
        yield own
        return
    pool: Pool = at_hand.app().extensions[_POOL]
    connection = pool.take()
    try:
        yield connection
    finally:
        pool.give(connection)


def fetch(sql: str, parameters: Parameters = ()) -> list[Row]:
    """Run one prepared statement on the connection to use now: the hot path."""
    if (own := _own()) is not None:
        return own.fetch(sql, parameters)
    pool: Pool = at_hand.app().extensions[_POOL]
    connection = pool.take()
    try:
        return connection.fetch(sql, parameters)
    finally:
        pool.give(connection)
