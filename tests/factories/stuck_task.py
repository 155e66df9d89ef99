"""A task that somebody was given four hours ago and has not looked at."""

from datetime import timedelta
from typing import Any

from hub import clock
from hub.models.stuck import StuckTask
from hub.records import new_id
from tests.factories import kept


def stuck_task(task_id: str | None = None, **columns: Any) -> StuckTask:
    now = clock.now()
    defaults = {
        "id": new_id(),
        "task_id": task_id or new_id(),
        "sign": "silent",
        "team": "CareTeam/district-nursing-west",
        "owner": "Practitioner/asha-nurse",
        "since": now - timedelta(hours=4),
        "words": "neither accepted nor declined",
        "found_at": now,
    }
    return kept(StuckTask(**defaults | columns))
