import os
import threading
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from hub.db import db
from hub.domain.actor import Actor
from hub.records import audit, sealing, spool
from hub.records.tables import AUDIT
from hub.transaction import transaction


def _count() -> int:
    return db.session.execute(select(func.count()).select_from(AUDIT)).scalar_one()


def test_reads_are_audited_once_even_when_shipped_twice(
    app: Flask, system_actor: Actor, tmp_path: Path
) -> None:
    segments = spool.Spool(tmp_path)
    app.extensions["carehub_spool"], kept = segments, app.extensions["carehub_spool"]
    spool.looked(system_actor, "read", "Patient/1", 3)
    spool.looked(system_actor, "search", "Patient?name=x")
    app.extensions["carehub_spool"] = kept
    (segment,) = tmp_path.glob("*.open")
    segment.rename(segment.with_suffix(".closed"))
    copy = segment.with_suffix(".closed").read_bytes()

    with transaction():
        first = sealing.ship(tmp_path)
    segment.with_suffix(".closed").write_bytes(copy)
    with transaction():
        second = sealing.ship(tmp_path)

    assert (first, second, _count()) == (2, 0, 2)


def test_a_search_is_audited_with_every_record_that_it_showed(
    app: Flask, system_actor: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "IN_A_ROW", 2)
    monkeypatch.setitem(app.extensions, "carehub_spool", spool.Spool(tmp_path))
    seen = ["Task/a/_history/1", "Patient/p/_history/7", "Task/b/_history/2"]
    spool.looked_at(system_actor, "search", "Task", seen)
    spool.looked_at(system_actor, "search", "Task", ())
    (segment,) = tmp_path.glob("*.open")
    segment.rename(segment.with_suffix(".closed"))

    with transaction():
        shipped = sealing.ship(tmp_path)

    rows = db.session.execute(select(AUDIT.c.actor, AUDIT.c.subject, AUDIT.c.detail)).all()
    assert shipped == len(rows) == 2
    assert {(row.actor, row.subject) for row in rows} == {(system_actor.id, "Task")}
    assert [seen for row in rows for seen in row.detail["seen"]] == [
        "Task/a/_history/1",
        "Patient/p/_history/7",
        "Task/b/_history/2",
    ]


def test_the_segment_of_a_dead_process_is_shipped_without_its_torn_line(
    app: Flask, tmp_path: Path
) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    line = b'["2026-01-01T00:00:00Z","client/a","read","Patient/1",1,null]\n'
    (tmp_path / f"1-{child}.open").write_bytes(line + line[:20])

    with transaction():
        shipped = sealing.ship(tmp_path, leftovers=True)

    assert shipped == 1
    sealing.forget_shipped(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_changed_audit_row_breaks_its_seal(app: Flask, system_actor: Actor) -> None:
    for number in range(3):
        with transaction():
            audit.record(system_actor, "sign-in", f"user/{number}")
        with transaction():
            assert sealing.seal() == 1
    with transaction():
        assert sealing.broken_seals() == []

    with transaction():
        db.session.execute(text("UPDATE audit SET actor = 'client/other' WHERE id = 2"))
    with transaction():
        broken = sealing.broken_seals()

    assert broken == [2]


@pytest.mark.parametrize("late_first", [True, False])
def test_a_late_commit_is_sealed_with_the_next_batch(
    app: Flask, system_actor: Actor, late_first: bool
) -> None:
    started, finish = threading.Event(), threading.Event()

    def late() -> None:
        with app.app_context(), transaction():
            audit.record(system_actor, "sign-in", "user/late")
            db.session.flush()
            started.set()
            assert finish.wait(10)

    if not late_first:
        with transaction():
            audit.record(system_actor, "sign-in", "user/early")
    thread = threading.Thread(target=late)
    thread.start()
    assert started.wait(10)
    with transaction():
        audit.record(system_actor, "sign-in", "user/quick")
    with transaction():
        sealed_meanwhile = sealing.seal()
    finish.set()
    thread.join()
    with transaction():
        sealed_after = sealing.seal()

    assert sealed_meanwhile == (0 if late_first else 1)
    assert sealed_meanwhile + sealed_after == _count()
