"""``python -m tests.bench.routing``: how fast tasks find their owners, on a real hub.

Four measures: tasks a second from the outbox until every owner is written; median and 95th
percentile from a referral's commit to the worklist at a steady rate; the processor time of one
decision at 60 and at 1,000 candidates with the bytes that are kept of it; the 40 open tasks of one
person who is away. Times of a machine that does other things as well say little: run it alone.
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Lock, Thread

from flask import Flask
from sqlalchemy import func, select, text

from hub import clock, settings
from hub.app import create_app
from hub.db import db
from hub.domain import routing, routing_record, snapshot
from hub.domain.actor import hub_actor
from hub.domain.calendars import AROUND_THE_CLOCK
from hub.domain.rota import Rota, Shift
from hub.domain.routing import Candidate, RoutingPolicy, RoutingTask
from hub.models.assignment import Assignment
from hub.models.decision import RoutingDecision
from hub.records import outbox, table
from hub.samples import SOUTHEND
from hub.services import definitions, referrals, rota, tasks, triage
from hub.services.referrals import Channel, ReceiveReferral, Referrer
from hub.supervisor.up import Hub
from hub.transaction import transaction
from tests.bench.bench_hub import _free_port
from tests.factories.actor import actor

_SPOR = hub_actor("spor")
_TEAMS = ("district-nursing-west", "district-nursing-east", "rapid-response", "therapy", "spor")
_POLL = 0.01
_PATIENCE = 300.0


def _roomy(folder: Path) -> Path:
    """Write the sample hub with days that never fill: thousands of tasks want a person each."""
    roomy = folder / "roomy"
    shutil.copytree(SOUTHEND, roomy)
    weights = roomy / "routing.yaml"
    told = weights.read_text("utf-8")
    assert "capacity_points: 40" in told
    weights.write_text(told.replace("capacity_points: 40", "capacity_points: 1000000"), "utf-8")
    staff = roomy / "staff.yaml"
    told = staff.read_text("utf-8")
    staff.write_text(told.replace("rota_week:", "capacity_minutes: 1440, rota_week:"), "utf-8")
    return roomy


def _work_by(folder: Path) -> None:
    with transaction():
        definitions.load(_SPOR, folder)


def _patients() -> list[str]:
    people = table("Patient")
    rows = db.session.execute(select(people.c.id).where(~people.c.deleted).limit(500))
    found = [f"Patient/{each}" for each in rows.scalars()]
    db.session.rollback()
    return found


def _open(patient: str, team: str, *, due_at: datetime) -> str:
    task = tasks.open_task(
        _SPOR,
        code="read-document",
        patient=patient,
        description="A letter to read",
        owner=f"CareTeam/{team}",
        performing_organization="Organization/rxs",
        accountable_organization="Organization/rxs",
        minutes=1,
    )
    tasks.ask_for_routing(_SPOR, task.id, due_at=due_at)
    return task.id


def throughput(count: int) -> float:
    """Return tasks a second from the moment that all of them are due until each has an owner."""
    patients, far = _patients(), clock.now() + timedelta(days=1)
    made: list[str] = []
    for start in range(0, count, 50):
        with transaction():
            made += [
                _open(patients[n % len(patients)], _TEAMS[n % len(_TEAMS)], due_at=far)
                for n in range(start, min(start + 50, count))
            ]
    began = time.monotonic()
    with transaction() as opened:
        db.session.execute(
            text("UPDATE outbox SET due_at = :now WHERE due_at = :far"),
            {"now": clock.now(), "far": far},
        )
        opened.after_commit("wake", outbox.wake)
    # What waits is counted, not what is done: an index of the outbox answers it.
    waiting = text(
        "SELECT count(*) FROM outbox WHERE handled_at IS NULL AND due_at <= :now"
        " AND handler = 'routing.route_task'"
    )
    while time.monotonic() - began < _PATIENCE:
        with transaction():
            if not db.session.scalar(waiting, {"now": clock.now()}):
                break
        time.sleep(0.05)
    seconds = time.monotonic() - began
    with transaction():
        owners = db.session.execute(
            select(Assignment.task_id, Assignment.owner).where(Assignment.ends_at.is_(None))
        ).all()
        decided = set(db.session.scalars(select(RoutingDecision.task_id)))
    mine = set(made)
    people = sum(1 for task, who in owners if task in mine and who.startswith("Practitioner/"))
    assert mine <= decided, f"{len(mine - decided)} tasks have no decision"
    print(f"{people} of {count} went to a person, the rest to a desk")
    return count / seconds


class _Watch:
    """Looks every ten milliseconds which tasks of those that it was told of have a decision."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._waiting: dict[str, float] = {}
        self._lock = Lock()
        self._ended = Event()
        self.seconds: list[float] = []
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()

    def add(self, task_id: str) -> None:
        with self._lock:
            self._waiting[task_id] = time.monotonic()

    def end(self) -> int:
        until = time.monotonic() + 30
        while self._waiting and time.monotonic() < until:
            time.sleep(_POLL)
        self._ended.set()
        self._thread.join()
        return len(self._waiting)

    def _look(self) -> None:
        with self._app.app_context():
            while not self._ended.is_set():
                with self._lock:
                    asked = list(self._waiting)
                if asked:
                    with transaction():
                        found = db.session.scalars(
                            select(RoutingDecision.task_id).where(
                                RoutingDecision.task_id.in_(asked)
                            )
                        ).all()
                    now = time.monotonic()
                    with self._lock:
                        for task_id in set(found):
                            self.seconds.append(now - self._waiting.pop(task_id))
                time.sleep(_POLL)


def latency(app: Flask, rate: float, seconds: float) -> tuple[list[float], int]:
    """Return the seconds from commit to owner of referrals at a steady rate, and how many wait."""
    patients = _patients()
    watch = _Watch(app)
    sam = actor(
        "sam-spor", "CareTeam/spor", organization="Organization/rxs", role="spor-coordinator"
    )
    began = time.monotonic()
    for number in range(int(rate * seconds)):
        pause = began + number / rate - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        with transaction():
            receipt = referrals.receive(
                _SPOR,
                ReceiveReferral(
                    person=patients[number % len(patients)],
                    reason=f"Wound on the left leg, number {number}",
                    referrer=Referrer(display="Dr Bench", organization_name="Bench Surgery"),
                    channel=Channel.PHONE,
                ),
            )
            accepted = triage.accept(
                sam, receipt.task.id, version=receipt.task.version, service="care-coordination"
            )
        watch.add(accepted.id)
    return watch.seconds, watch.end()


def absence() -> tuple[float, int, int]:
    """Return the seconds in which 40 open tasks of one person move, how many, and who got them."""
    now = clock.now()
    patients = _patients()
    with transaction():
        planned = rota.around(now, now + timedelta(hours=12)).shifts
        team = f"CareTeam/{_TEAMS[0]}"
        who = next(shift.staff for shift in planned if shift.team == team)
        for number in range(40):
            task_id = _open(patients[number], _TEAMS[0], due_at=now + timedelta(days=365))
            tasks.assign(_SPOR, task_id, to=who, because="a benchmark")
        db.session.execute(text("DELETE FROM outbox WHERE handled_at IS NULL AND due_at > now()"))
    began = time.monotonic()
    with transaction():
        away = rota.report_absence(
            hub_actor("rota"), who, starts_at=now, ends_at=None, reason="sickness"
        )
    took = time.monotonic() - began
    with transaction():
        left = db.session.scalar(
            select(func.count()).where(Assignment.owner == who, Assignment.ends_at.is_(None))
        )
    return took, away.moved, left or 0


def decision(candidates: int) -> tuple[float, int, int, int]:
    """Return processor milliseconds of a decision, bytes as kept before, now, and in pieces."""
    now = datetime(2026, 12, 27, 13, tzinfo=UTC)
    people = [
        Candidate(
            staff=f"Practitioner/n{n:04d}",
            name=f"Nurse {n}",
            team="CareTeam/west",
            role="district-nurse",
            skills=frozenset({"wound-care", "catheter"}),
            areas=frozenset({"westcliff"}),
            languages=frozenset({"en"}),
            load_minutes=n % 300,
            recent_minutes=n * 7 % 5000,
        )
        for n in range(candidates)
    ]
    hour = timedelta(hours=1)
    shifts = tuple(Shift(p.staff, p.team, now - hour, now + 7 * hour) for p in people)
    task = RoutingTask(
        id="1", team="CareTeam/west", desk="CareTeam/desk", roles=frozenset({"district-nurse"}),
        place="westcliff", travel=(("westcliff", 7),),
    )  # fmt: skip
    policy = replace(RoutingPolicy(), travel=80)

    def decide() -> routing.Decision:
        return routing.decide(task, people, Rota(shifts), AROUND_THE_CLOCK, policy, now)

    took = min(_processor(decide) for _ in range(7)) * 1000
    made = decide()
    packed = routing_record.pack(made)
    before = len(json.dumps(snapshot.freeze(made)))
    return took, before, len(json.dumps(packed.stored)), sum(map(len, packed.pieces.values()))


def _processor(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


def _share(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def main() -> None:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench.routing")
    arguments.add_argument("--tasks", type=int, default=3000)
    arguments.add_argument("--rate", type=float, default=20)
    arguments.add_argument("--seconds", type=float, default=20)
    given = arguments.parse_args()
    for candidates in (60, 1000):
        took, before, kept, shared = decision(candidates)
        print(
            f"{candidates} candidates: {took:.2f} ms of processor time; {kept} bytes kept with it"
            f" ({before} when all stood in it), {shared} in pieces that others share"
        )
    with (
        tempfile.TemporaryDirectory() as folder,
        Hub(Path(folder) / "home", _free_port(), say=print) as hub,
    ):
        app = create_app(settings.load(hub.environment))
        with app.app_context():
            _work_by(_roomy(Path(folder)))
            seconds, waiting = latency(app, given.rate, given.seconds)
            print(
                f"{len(seconds)} referrals at {given.rate:.0f} a second: from commit to owner"
                f" median {statistics.median(seconds) * 1000:.0f} ms, 95th percentile"
                f" {_share(seconds, 0.95) * 1000:.0f} ms; {waiting} without"
            )
            print(f"{given.tasks} tasks: {throughput(given.tasks):.0f} a second")
            took, moved, left = absence()
            print(f"absence: {moved} tasks re-homed in {took * 1000:.0f} ms, {left} left behind")


if __name__ == "__main__":
    main()
