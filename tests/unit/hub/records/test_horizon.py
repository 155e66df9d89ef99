"""The moment of an export: after it nothing older can be committed."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask

from hub import clock, records
from hub.domain.actor import Actor
from hub.records import horizon
from hub.records.bulk import insert_many, new_version
from hub.transaction import transaction


@contextmanager
def writer(app: Flask, actor: Actor, name: str) -> Iterator[threading.Event]:
    """Keep a transaction open that has written; setting the event commits it."""
    begun, go_on = threading.Event(), threading.Event()

    def write() -> None:
        with app.app_context(), transaction():
            records.create(actor, {"resourceType": "Patient"}, id=name)
            begun.set()
            go_on.wait(30)

    thread = threading.Thread(target=write)
    thread.start()
    assert begun.wait(10)
    try:
        yield go_on
    finally:
        go_on.set()
        thread.join()


def test_nobody_is_waited_for_where_nobody_writes(app: Flask) -> None:
    before = clock.now()
    moment = horizon.settled(before)
    assert before <= moment <= clock.now() - horizon.SETTLE


def test_a_moment_is_not_before_the_one_that_was_asked_for(app: Flask) -> None:
    # The clock of the machine that took the request may be ahead of the worker's.
    ahead = clock.now() + timedelta(seconds=30)
    assert horizon.settled(ahead) == ahead


def test_a_writer_that_ends_is_waited_for(app: Flask, system_actor: Actor) -> None:
    with writer(app, system_actor, "slow") as go_on:
        timer = threading.Timer(2.0, go_on.set)
        timer.start()
        began = time.monotonic()
        moment = horizon.settled(clock.now())
        assert time.monotonic() - began > 1.9
    assert records.read(system_actor, "Patient", "slow").last_updated <= moment


def test_a_writer_that_does_not_end_moves_the_moment_before_its_beginning(
    app: Flask, system_actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(horizon, "PATIENCE", timedelta(seconds=1.5))
    with writer(app, system_actor, "late"):
        time.sleep(0.5)
        moment = horizon.settled(clock.now())
    assert moment < records.read(system_actor, "Patient", "late").last_updated


def test_who_only_reads_is_not_waited_for(
    app: Flask, system_actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(horizon, "SETTLE", timedelta(milliseconds=50))
    begun, go_on = threading.Event(), threading.Event()

    def read() -> None:
        with app.app_context(), transaction():
            records.read_many(system_actor, ["Patient/none"])
            begun.set()
            go_on.wait(30)

    thread = threading.Thread(target=read)
    thread.start()
    assert begun.wait(10)
    began = time.monotonic()
    try:
        horizon.settled(clock.now())
    finally:
        go_on.set()
        thread.join()
    assert time.monotonic() - began < 5


def test_what_took_long_to_prepare_is_dated_when_it_is_written(
    app: Flask, system_actor: Actor
) -> None:
    noon = datetime(2026, 12, 27, 12, 0, tzinfo=UTC)
    with time_machine.travel(noon, tick=False) as moving:
        versions = [
            new_version(system_actor, {"resourceType": "Patient", "birthDate": "2026-12-27"}, id=i)
            for i in ("a", "b")
        ]
        moving.shift(timedelta(seconds=3))
        with transaction():
            insert_many(system_actor, versions)
    for each in records.read_many(system_actor, ["Patient/a", "Patient/b"]).values():
        assert each.last_updated == noon + timedelta(seconds=3)
        assert each["meta"]["lastUpdated"] == "2026-12-27T12:00:03.000000Z"
        assert each["birthDate"] == "2026-12-27"


def test_who_waits_for_a_row_is_a_writer(
    app: Flask, system_actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(horizon, "SETTLE", timedelta(milliseconds=50))
    records.create(system_actor, {"resourceType": "Patient"}, id="p")

    def write() -> None:
        with app.app_context():
            body = {"resourceType": "Patient", "id": "p", "gender": "other"}
            records.update(system_actor, body, type="Patient", id="p")

    with app.app_context(), transaction():
        records.lock(system_actor, "Patient", "p")
        waiting = threading.Thread(target=write)
        waiting.start()
        time.sleep(0.5)
        holding = horizon.oldest_writer()
    waiting.join()
    # Its time is taken before it waits.
    assert holding is not None
    assert holding > timedelta(seconds=0.3)
