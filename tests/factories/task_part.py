"""A delegated part of a task that stays 15 of its 45 minutes."""

from typing import Any

from hub import clock
from hub.models.part import TaskPart
from hub.records import new_id
from tests.factories import kept


def task_part(whole_id: str | None = None, **columns: Any) -> TaskPart:
    defaults = {
        "part_id": new_id(),
        "kind": "delegation",
        "minutes": 15,
        "points": 1,
        "whole_minutes": 45,
        "whole_points": 4,
        "made_by": "Practitioner/asha-nurse",
        "made_at": clock.now(),
    }
    return kept(TaskPart(whole_id=whole_id or new_id(), **defaults | columns))
