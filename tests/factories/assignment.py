"""An open spell of a nurse on a task."""

from typing import Any

from hub import clock
from hub.models.assignment import Assignment
from hub.records import new_id
from tests.factories import kept


def assignment(task_id: str | None = None, **columns: Any) -> Assignment:
    defaults = {
        "id": new_id(),
        "owner": "Practitioner/asha-nurse",
        "minutes": 45,
        "urgent": False,
        "starts_at": clock.now(),
    }
    return kept(Assignment(task_id=task_id or new_id(), **defaults | columns))
