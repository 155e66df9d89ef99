"""A text message that waits to be sent to a nurse."""

from typing import Any

from hub import clock
from hub.models.clock import TaskClock
from hub.models.outside_send import OutsideSend
from hub.records import new_id
from tests.factories import kept
from tests.factories.task_clock import task_clock


def outside_send(of: TaskClock | None = None, **columns: Any) -> OutsideSend:
    running = of or task_clock()
    now = clock.now()
    defaults = {
        "id": new_id(),
        "key": f"{running.id}/0/0/{new_id()}/sms",
        "clock_id": running.id,
        "step": 0,
        "subject": f"Task/{running.task_id}",
        "recipient": "Practitioner/asha-nurse",
        "channel": "sms",
        "address": "07700 900120",
        "line": "Carehub: 50% of the time for this task is used.",
        "created_at": now,
        "due_at": now,
    }
    return kept(OutsideSend(**defaults | columns))
