"""The first step of a clock's policy, taken now: the owner was warned."""

from typing import Any

from hub import clock
from hub.models.clock import TaskClock
from hub.models.escalation import EscalationStep
from hub.records import new_id
from tests.factories import kept
from tests.factories.task_clock import task_clock


def escalation_step(of: TaskClock | None = None, **columns: Any) -> EscalationStep:
    running = of or task_clock()
    now = clock.now()
    defaults = {
        "id": new_id(),
        "clock_id": running.id,
        "step": 0,
        "task_id": running.task_id,
        "action": "warn-owner",
        "due_at": now,
        "taken_at": now,
        "told": ["Practitioner/asha-nurse"],
        "sentence": "Half of the time is gone: Asha Nurse was told.",
    }
    return kept(EscalationStep(**defaults | columns))
