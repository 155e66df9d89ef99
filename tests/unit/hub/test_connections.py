"""Statements run by libpq alone: values go and come as they are, whatever rolls back or dies."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from flask import Flask
from psycopg import errors

from hub import connections
from hub.connections import Connection, Pool
from hub.db import db, fetch
from hub.records.record import instant
from hub.transaction import transaction

MOMENT = datetime(2026, 3, 29, 1, 30, 0, 123456, UTC)


@pytest.fixture
def address(app: Flask) -> str:
    url: str = app.config["CAREHUB"].database_url
    return url.replace("+psycopg", "")


@pytest.fixture
def connection(address: str) -> Iterator[Connection]:
    with Connection.connect(address, autocommit=True, options="-c timezone=UTC") as made:
        yield made


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", ""),
        ("text", 'quote " backslash \\ brace {} \u00e9 \U0001f600'),
        ("int", -7),
        ("bigint", 2**62),
        ("boolean", True),
        ("boolean", False),
        ("numeric", Decimal("1.50")),
        ("float8", 0.1),
        ("timestamptz", MOMENT),
        ("text", None),
        ("timestamptz", None),
    ],
)
def test_a_value_comes_back_as_it_went(connection: Connection, kind: str, value: Any) -> None:
    assert connection.fetch(f"SELECT %s::{kind}", (value,)) == [(value,)]
    assert connection.fetch(f"SELECT %(it)s::{kind}", {"it": value, "other": 1}) == [(value,)]


def test_the_hour_that_comes_twice_is_two_hours(connection: Connection) -> None:
    # Python holds the two equal: one must not be sent as the other.
    summer = datetime(2026, 10, 25, 1, 30, tzinfo=ZoneInfo("Europe/London"))
    winter = summer.replace(fold=1)
    for moments in ([summer, winter], [winter, summer]):
        sent = [
            *(connection.fetch("SELECT %s::timestamptz", (each,))[0][0] for each in moments),
            *(at for (at,) in connection.fetch("SELECT unnest(%s::timestamptz[])", (moments,))),
        ]
        assert sent == [each.astimezone(UTC) for each in moments] * 2
    assert len({instant(summer), instant(winter)}) == 2


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", []),
        ("text", ["a", None, 'b"c,{}\\', "", "NULL"]),
        ("bigint", [1, None, -(2**62)]),
        ("boolean", [True, None, False]),
        ("numeric", [Decimal("1.50"), Decimal("1e10")]),
        ("timestamptz", [MOMENT, None]),
        ("timestamptz", [None, MOMENT, MOMENT]),
        ("timestamptz", [None, None]),
        ("text", [None, None]),
        ("text", [None, "a"]),
        ("text", ["long" * 40, "short", "\u00e9" * 79, "\u00e9" * 80]),
        ("text", ["long" * 40, None, "short"]),
    ],
)
def test_an_array_arrives_whole(connection: Connection, kind: str, values: list[Any]) -> None:
    found = connection.fetch(f"SELECT v FROM unnest(%s::{kind}[]) AS v", (values,))
    assert [value for (value,) in found] == values


def test_what_no_text_of_postgresql_holds_is_refused_before_it_is_cut(
    connection: Connection,
) -> None:
    with pytest.raises(psycopg.DataError):
        connection.fetch("SELECT %s::text", ("a\0b",))


def test_an_array_that_is_selected_is_not_taken_for_text(connection: Connection) -> None:
    with pytest.raises(KeyError):
        connection.fetch("SELECT ARRAY['a', 'b']")


def test_a_fault_is_the_error_that_psycopg_has_for_it(connection: Connection) -> None:
    with pytest.raises(errors.DivisionByZero):
        connection.fetch("SELECT 1 / %s::int", (0,))
    assert connection.fetch("SELECT 1") == [(1,)]


class _ChangedMindError(Exception):
    pass


def _rolled_back(*statements: tuple[str, tuple[Any, ...], list[Any]]) -> None:
    with pytest.raises(_ChangedMindError):
        _run(statements)


def _run(statements: tuple[tuple[str, tuple[Any, ...], list[Any]], ...]) -> None:
    with transaction():
        for sql, parameters, expected in statements:
            assert fetch(sql, parameters) == expected
        # Through psycopg too, which deallocates everything when it rolls back.
        db.session.execute(db.text("SELECT 1")).all()
        raise _ChangedMindError


def test_statements_in_a_transaction_belong_to_it(app: Flask) -> None:
    written = (
        "INSERT INTO outbox (event, handler, subject, created_at, due_at)"
        " VALUES ('X', 'x', 'y', %s, %s)"
    )
    count = "SELECT count(*) FROM outbox"
    _rolled_back((written, (MOMENT, MOMENT), []), (count, (), [(1,)]))
    assert fetch(count) == [(0,)]


def test_what_was_prepared_is_prepared_anew_after_a_rollback(app: Flask) -> None:
    for _ in range(3):
        _rolled_back(("SELECT 41 + %s::int", (1,), [(42,)]))
    with transaction():
        assert fetch("SELECT 41 + %s::int", (1,)) == [(42,)]
        for _ in range(3):
            db.session.execute(db.text("SELECT 1")).all()
            savepoint = db.session.begin_nested()
            assert fetch("SELECT 41 + %s::int", (1,)) == [(42,)]
            savepoint.rollback()
        assert fetch("SELECT 41 + %s::int", (1,)) == [(42,)]


def test_a_connection_keeps_a_bounded_number_of_statements(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_STATEMENTS", 5)
    for number in range(20):
        assert connection.fetch(f"SELECT {number} + %s::int", (1,)) == [(number + 1,)]
    assert connection.fetch("SELECT count(*) FROM pg_prepared_statements") == [(5,)]


def test_threads_queue_for_a_connection_and_none_is_turned_away(address: str) -> None:
    made: list[Connection] = []

    def make() -> Connection:
        made.append(Connection.connect(address, autocommit=True))
        return made[-1]

    pool = Pool(make, 2, 20)
    answers: list[Any] = []

    def ask() -> None:
        taken = pool.take()
        try:
            answers.append(taken.fetch("SELECT pg_sleep(0.02)::text"))
        finally:
            pool.give(taken)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(answers), len(made)) == (16, 2)
    pool.close()
    assert all(each.closed for each in made)


def test_the_connection_given_back_last_is_taken_first(address: str) -> None:
    # One request at a time is served by one server, whose caches stay warm.
    pool = Pool(lambda: Connection.connect(address, autocommit=True), 4, 1)
    first = pool.take()
    second = pool.take()
    pool.give(first)
    pool.give(second)

    assert [pool.take() for _ in range(2)] == [second, first]
    for each in (second, first):
        pool.give(each)
    for _ in range(5):
        taken = pool.take()
        assert taken is first
        pool.give(taken)
    pool.close()
    assert first.closed
    assert second.closed


def test_a_pool_that_is_spent_says_so_in_time(address: str) -> None:
    pool = Pool(lambda: Connection.connect(address, autocommit=True), 1, 0.05)
    taken = pool.take()
    with pytest.raises(psycopg.OperationalError):
        pool.take()
    pool.give(taken)
    pool.close()


def test_a_connection_that_was_ended_is_replaced(address: str, connection: Connection) -> None:
    pool = Pool(lambda: Connection.connect(address, autocommit=True), 1, 1)
    taken = pool.take()
    connection.fetch("SELECT pg_terminate_backend(%s::int)", (taken.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        taken.fetch("SELECT 1")
    pool.give(taken)
    fresh = pool.take()
    assert fresh is not taken
    assert fresh.fetch("SELECT 1") == [(1,)]
    pool.give(fresh)
    pool.close()


def test_those_that_were_ended_together_fail_once_and_not_each(
    address: str, connection: Connection
) -> None:
    pool = Pool(lambda: Connection.connect(address, autocommit=True), 4, 1)
    taken = [pool.take() for _ in range(4)]
    for each in taken:
        pool.give(each)
    pids = [each.info.backend_pid for each in taken]
    for pid in pids:
        connection.fetch("SELECT pg_terminate_backend(%s::int)", (pid,))
    alive = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s::int[])"
    for _ in range(200):
        if connection.fetch(alive, (pids,)) == [(0,)]:
            break
        time.sleep(0.01)
    refused = 0
    for _ in range(8):
        each = pool.take()
        try:
            assert each.fetch("SELECT 1") == [(1,)]
        except psycopg.OperationalError:
            refused += 1
        finally:
            pool.give(each)
    assert refused <= 1
    pool.close()


def test_a_transaction_does_not_begin_on_a_connection_whose_server_has_gone(
    app: Flask, connection: Connection
) -> None:
    with transaction():
        pid = fetch("SELECT pg_backend_pid()")[0][0]
    connection.fetch("SELECT pg_terminate_backend(%s::int)", (pid,))
    alive = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s::int"
    for _ in range(200):
        if connection.fetch(alive, (pid,)) == [(0,)]:
            break
        time.sleep(0.01)
    with transaction():
        assert fetch("SELECT pg_backend_pid()")[0][0] != pid
