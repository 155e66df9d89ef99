"""A nurse asks a colleague to take a task; nobody has answered yet."""

from datetime import timedelta
from typing import Any

from hub import clock
from hub.models.offer import TaskOffer
from hub.records import new_id
from tests.factories import kept


def task_offer(task_id: str | None = None, **columns: Any) -> TaskOffer:
    now = clock.now()
    defaults = {
        "id": new_id(),
        "kind": "handover",
        "giver": "Practitioner/asha-nurse",
        "owner": "Practitioner/asha-nurse",
        "taker": "Practitioner/gareth-price",
        "note": "She likes the back door",
        "offered_at": now,
        "expires_at": now + timedelta(hours=12),
    }
    return kept(TaskOffer(task_id=task_id or new_id(), **defaults | columns))
