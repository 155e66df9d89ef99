"""A running two-hour clock, its rule and its policy frozen as the hub freezes them."""

from datetime import timedelta
from typing import Any

from hub import clock
from hub.domain import escalation, snapshot
from hub.domain.clocks import ClockKind, ClockRule
from hub.domain.escalation import DEFAULT_POLICY
from hub.models.clock import TaskClock
from hub.records import new_id
from tests.factories import kept

_TWO_HOURS = ClockRule("crisis-response", "Crisis response", ClockKind.ELAPSED, minutes=120)


def task_clock(task_id: str | None = None, **columns: Any) -> TaskClock:
    now = clock.now()
    defaults = {
        "id": new_id(),
        "rule": _TWO_HOURS.code,
        "started_at": now,
        "due_at": now + timedelta(hours=2),
        "next_step_at": now + timedelta(hours=1),
        "policy": {
            "rule": snapshot.freeze(_TWO_HOURS),
            "calendar": None,
            "escalation": escalation.freeze(DEFAULT_POLICY),
        },
        "pauses": [],
    }
    return kept(TaskClock(task_id=task_id or new_id(), **defaults | columns))
