"""Turns at bulk jobs: one at a time, one after another, taken over from the dead."""

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from hub.adapters import bulk_files
from hub.db import db
from hub.models.bulk import FAILED, BulkJob
from hub.services import bulk_jobs
from hub.services.bulk_jobs import LostError, Turn
from hub.transaction import transaction
from tests.factories.bulk_job import bulk_job
from tests.factories.client import client


def asked(number: int) -> list[str]:
    with transaction():
        client("test-system")
        return [bulk_job().id for _ in range(number)]


def turn() -> Turn | None:
    with transaction():
        return bulk_jobs.take_turn()


def some_turn() -> Turn:
    found = turn()
    assert found is not None
    return found


def dies(held: Turn) -> None:
    """Let the lease of a worker that says nothing any more run out."""
    with transaction():
        past = BulkJob.leased_until - bulk_jobs.LEASE
        db.session.execute(
            update(BulkJob).where(BulkJob.id == held.job_id).values(leased_until=past)
        )


def status(job_id: str) -> str:
    found = db.session.get_one(BulkJob, job_id, populate_existing=True).status
    db.session.rollback()
    return found


def test_jobs_take_turns_and_one_is_in_hand_at_a_time(app: Flask) -> None:
    first, second = asked(2)

    held = some_turn()
    assert held.job_id == first
    assert turn() is None
    with transaction():
        bulk_jobs.end_turn(held)

    assert some_turn().job_id == second


def test_a_dead_worker_loses_its_job_to_another(app: Flask) -> None:
    asked(1)
    dead = some_turn()
    assert turn() is None
    dies(dead)

    alive = some_turn()

    assert (alive.job_id, alive.worker == dead.worker) == (dead.job_id, False)
    with pytest.raises(LostError), transaction():
        bulk_jobs.hold(dead)
    with transaction():
        bulk_jobs.end_turn(dead)
        assert bulk_jobs.hold(alive).worker == alive.worker


def test_a_worker_that_makes_lists_lives_as_long_as_its_transaction(app: Flask) -> None:
    asked(1)
    dies(some_turn())
    begun, go_on = threading.Event(), threading.Event()

    def lists() -> None:
        with app.app_context(), transaction():
            bulk_jobs.lock_lists(db.session.query(BulkJob.id).scalar())
            begun.set()
            go_on.wait(30)

    thread = threading.Thread(target=lists)
    thread.start()
    assert begun.wait(10)
    try:
        assert turn() is None
    finally:
        go_on.set()
        thread.join()
    assert turn() is not None


def test_two_workers_never_get_a_turn_at_once(app: Flask) -> None:
    asked(3)
    found: list[Turn | None] = []

    def ask() -> None:
        with app.app_context():
            found.append(turn())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([each for each in found if each is not None]) == 1


def test_a_job_that_does_not_get_on_is_given_up(app: Flask) -> None:
    (job_id,) = asked(1)
    for _ in range(bulk_jobs.CLAIMS):
        dies(some_turn())
    assert turn() is None
    assert status(job_id) == FAILED


def test_a_job_that_gets_on_is_not_given_up(app: Flask) -> None:
    (job_id,) = asked(1)
    for _ in range(2 * bulk_jobs.CLAIMS):
        held = some_turn()
        with transaction():
            bulk_jobs.got_on(bulk_jobs.hold(held))
            bulk_jobs.end_turn(held)
    assert status(job_id) == "waiting"


def test_a_turn_that_failed_is_waited_for_longer_each_time(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(1)
    with transaction():
        bulk_jobs.trip(some_turn())
    assert turn() is None
    now = bulk_jobs._real_now()
    monkeypatch.setattr(bulk_jobs, "_real_now", lambda: now + bulk_jobs.BACK_OFF)
    with transaction():
        bulk_jobs.trip(some_turn())
    monkeypatch.setattr(bulk_jobs, "_real_now", lambda: now + 2 * bulk_jobs.BACK_OFF)
    assert turn() is None
    monkeypatch.setattr(bulk_jobs, "_real_now", lambda: now + timedelta(seconds=60))
    assert turn() is not None


def test_a_sweep_leaves_the_folders_of_living_jobs(app: Flask) -> None:
    (job_id,) = asked(1)
    folder = bulk_files.new_folder(job_id)
    with transaction():
        assert bulk_jobs.forget_expired() == []
        assert bulk_jobs.remove_folders([]) == []
    assert folder.exists()
    bulk_files.remove(job_id)
