"""The MESH mailbox with real processes: picked up, acknowledged, answered, and never done twice."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, select, update

from fhir.messaging.itk3 import tree
from hub import records
from hub.db import db
from hub.domain.actor import hub_actor
from hub.domain.definition import HubDefinition
from hub.models.mesh_arrival import MeshArrival
from hub.models.mesh_send import MeshSend
from hub.models.message import InboxMessage
from hub.queries import integrity
from hub.records import Record
from hub.services import deliveries, identification
from hub.settings import Settings
from hub.transaction import transaction
from tests import mesh_sandbox
from tests.factories.patient import patient as person
from tests.gate import Gate, gate
from tests.letters import Summary
from tests.mesh_sandbox import Sandbox
from tests.workflow.conftest import Crashing, Processes, eventually

pytestmark = [pytest.mark.slow, pytest.mark.fault]

HUB = hub_actor("test")
POLL = """
from workflows.app import celery
for name in ("workflows.mesh.poll", "workflows.mesh.sweep"):
    celery.send_task(name)
"""
SWEEPS = ("workflows.mesh.poll", "workflows.mesh.sweep")
HOLD = "LOCK TABLE fhir_composition IN EXCLUSIVE MODE"


@pytest.fixture(scope="module")
def _sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with mesh_sandbox.running(tmp_path_factory.mktemp("mesh")) as started:
        yield started


@pytest.fixture
def sandbox(_sandbox: Sandbox) -> Sandbox:
    _sandbox.empty()
    return _sandbox


@pytest.fixture
def way(sandbox: Sandbox) -> Iterator[Gate]:
    """The way from the hub to MESH; the hospital has another."""
    with gate(int(sandbox.url.rpartition(":")[2])) as made:
        yield made


@pytest.fixture
def hub(
    processes: Processes, hub_settings: Settings, tmp_path: Path, sandbox: Sandbox, way: Gate
) -> Iterator[Processes]:
    """Processes that know the mailbox; nobody else works on the database."""
    processes.stop()
    told = sandbox.environment() | {"CAREHUB_MESH_URL": f"http://127.0.0.1:{way.port}"}
    made = Processes(hub_settings, tmp_path, **told)
    yield made
    made.stop()


@pytest.fixture
def ada(definition: HubDefinition) -> Record:
    with transaction():
        return person(
            identifier=identification.with_verified([], "9990000018"),
            practice=f"Organization/{definition.gp_hub}",
            birthDate="1941-05-04",
        )


def count(model: type[Any]) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def documents() -> int:
    return len(records.search(HUB, "DocumentReference", []).records)


def reading() -> list[Record]:
    found = records.search(HUB, "Task", [("code", "read-document")]).records
    return list(found)


def poll(hub: Processes) -> None:
    """Do what beat does every some seconds or minutes."""
    with hub.python("-c", POLL) as asking:
        assert asking.wait() == 0


def release_leases() -> None:
    """Bring forward what real time brings."""
    past = deliveries.real_now() - timedelta(seconds=1)
    with transaction():
        db.session.execute(update(MeshArrival).values(leased_until=past))


def codes(sandbox: Sandbox) -> list[str]:
    found = []
    for _, _, content in sandbox.answers():
        for resource in tree.read(content).all("entry", "resource"):
            found += [i.text("details", "coding", "code") for i in resource.all("issue")]
    return sorted(found)


def test_from_the_mailbox_to_a_task_and_back_to_the_hospital(
    hub: Processes, sandbox: Sandbox, ada: Record
) -> None:
    summary = Summary(plan="<p>Remove clips within 2 days.</p>")
    body = summary.xml()
    sandbox.post(body, chunk=2_000)
    sandbox.post(b"no message at all")
    hub.start("worker")

    poll(hub)

    eventually(lambda: len(sandbox.answers()) == 3, processes=hub)
    assert sandbox.waiting() == []
    assert codes(sandbox) == ["10009", "20013", "30001"]
    rows = {each.status: each for each in db.session.scalars(select(InboxMessage))}
    assert rows["processed"].body == body
    assert rows["quarantined"].body == b"no message at all"
    (task,) = reading()
    assert (task["priority"], task["for"]["reference"]) == ("urgent", ada.reference)
    headers = [each[0] for each in sandbox.answers()]
    assert sorted(headers) == sorted(
        [
            f"{rows['processed'].id}/business",
            f"{rows['processed'].id}/infrastructure",
            f"{rows['quarantined'].id}/infrastructure",
        ]
    )


def test_a_worker_killed_between_download_and_commit_and_between_commit_and_receipt(
    hub: Processes, sandbox: Sandbox, way: Gate, ada: Record, hub_settings: Settings
) -> None:
    sandbox.post(Summary().xml())
    hub.start("worker")
    url = hub_settings.database_url.replace("+psycopg", "")

    with psycopg.connect(url) as blocking:
        # The worker has the message in hand and comes as far as the record of its sections.
        blocking.execute(HOLD)
        poll(hub)
        eventually(lambda: _waits_for_a_lock(blocking), processes=hub)
        hub.kill("worker")
        blocking.rollback()
        # Granted once PostgreSQL has noticed that nobody is there any more.
        blocking.execute(HOLD)
        assert (count(InboxMessage), documents()) == (0, 0)
        assert len(sandbox.waiting()) == 1, "nothing was done, so nothing is acknowledged"

        release_leases()
        hub.start("worker")
        poll(hub)
        eventually(lambda: _waits_for_a_lock(blocking), processes=hub)
        # Now the line breaks: the commit comes through, the receipt for it never arrives.
        way.close()
        blocking.rollback()
        eventually(lambda: way.holds, processes=hub)
        hub.kill("worker")
    (arrival,) = db.session.scalars(select(MeshArrival))
    assert arrival.settled_at is not None
    assert arrival.acknowledged_at is None
    assert documents() == 1

    way.open()
    assert len(sandbox.waiting()) == 1, "MESH shows it again"
    release_leases()
    hub.start("worker")

    def is_over() -> bool:
        poll(hub)
        time.sleep(0.5)
        return sandbox.waiting() == [] and len(sandbox.answers()) == 2

    eventually(is_over, processes=hub)
    assert (documents(), len(reading()), count(InboxMessage)) == (1, 1, 1)
    assert codes(sandbox) == ["20013", "30001"]


def _waits_for_a_lock(connection: psycopg.Connection[Any]) -> bool:
    found = connection.execute(
        "SELECT count(*) FROM pg_locks"
        " WHERE NOT granted AND relation = 'fhir_composition'::regclass"
    ).fetchone()
    return bool(found and found[0])


@pytest.fixture
def crashing_by_mesh(hub: Processes, tmp_path: Path) -> Iterator[Crashing]:
    with hub.python("-m", "tests.workflow.crashing", stdin=True) as server:
        yield Crashing(server, tmp_path)
        server.kill()


@pytest.mark.timeout(900)
def test_killed_before_any_step_a_message_is_done_once_and_acknowledged(
    app: Flask, crashing_by_mesh: Crashing, sandbox: Sandbox, ada: Record
) -> None:
    def walk(**how: Any) -> int | None:
        return crashing_by_mesh.do("nothing", {}, SWEEPS, **how)

    def check(made: Summary) -> None:
        db.session.expire_all()
        found = db.session.scalars(
            select(InboxMessage).where(InboxMessage.bundle_id == made.message_id)
        ).all()
        assert [each.status for each in found] == ["processed"]
        (row,) = found
        held = records.search(HUB, "DocumentReference", [("identifier", made.document_id)]).records
        assert [each.reference for each in held] == [row.subject]
        about = records.search(HUB, "Task", [("focus", str(row.subject))]).records
        assert [t["code"]["coding"][0]["code"] for t in about] == ["read-document"]
        assert sandbox.waiting() == []
        sends = {
            each.key: each
            for each in db.session.scalars(select(MeshSend).where(MeshSend.inbox_id == row.id))
        }
        assert [each.state for each in sends.values()] == ["sent", "sent"]
        # At least once, under one key; more often only where nobody knew whether it had arrived.
        came: Counter[str] = Counter()
        for key, _, content in sandbox.answers():
            assert content == sends[key].body
            came[key] += 1
        assert set(came) == set(sends)
        assert all(1 <= number <= 1 + sends[key].repeats <= 2 for key, number in came.items())
        sandbox.empty()

    def post() -> Summary:
        made = Summary()
        sandbox.post(made.xml())
        return made

    for here in (True, False):
        made = post()
        whole = walk(here=here)
        check(made)
    assert whole is not None
    # Every fifth: what lies between two of them is of the same transaction, and one in five of its
    # statements stands for the others.
    for step in range(1, 400, 5):
        made = post()
        if walk(die_at=step) is not None:
            break
        walk(later=True)
        check(made)
    print(f"{step} steps, {whole} of them counted in one walk")
    assert step > whole // 2 > 20, "most of the path was walked"
    broken = {each.name for each in integrity.check() if not each.holds}
    assert broken <= {"owner-off-shift"}
