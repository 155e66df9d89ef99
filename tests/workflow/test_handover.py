"""Shift changes and stuck work, looked for by a real beat and a real worker."""

from sqlalchemy import select

from hub import clock
from hub.db import db
from hub.domain.definition import HubDefinition
from hub.models.handover import HandoverLine
from tests.factories.task import visit
from tests.workflow.conftest import Processes, eventually
from workflows.app import celery
from workflows.schedule import BEAT_SCHEDULE, SWEEPS


def test_whatever_beat_wakes_is_a_task_that_the_worker_knows() -> None:
    celery.loader.import_default_modules()
    woken = {entry["task"] for entry in BEAT_SCHEDULE.values()} | set(SWEEPS)
    assert woken <= set(celery.tasks)


def test_a_pack_is_there_soon_after_the_shift_change(
    processes: Processes, definition: HubDefinition, patient: str
) -> None:
    task = visit(patient)
    processes.start("worker", "relay", "beat")

    def line() -> HandoverLine | None:
        return db.session.scalar(select(HandoverLine).where(HandoverLine.subject == task.reference))

    eventually(line, processes=processes)
    found = line()
    assert found is not None
    assert (found.kind, found.critical) == ("urgent", True)
    assert found.alarm_at is not None
    assert found.alarm_at > clock.now()
