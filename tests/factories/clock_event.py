"""The start of a running clock, as the log has it."""

from typing import Any

from hub import clock
from hub.models.clock import TaskClock
from hub.models.clock_event import ClockEvent
from hub.records import new_id
from tests.factories import kept
from tests.factories.task_clock import task_clock


def clock_event(of: TaskClock | None = None, **columns: Any) -> ClockEvent:
    running = of or task_clock()
    defaults = {
        "id": new_id(),
        "clock_id": running.id,
        "sequence": 1,
        "task_id": running.task_id,
        "kind": "start",
        "at": running.started_at,
        "recorded_at": clock.now(),
    }
    return kept(ClockEvent(**defaults | columns))
