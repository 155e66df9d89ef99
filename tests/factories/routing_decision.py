"""A decision that gave a task to a nurse. Its inputs are empty: it shows, it does not replay."""

from typing import Any

from hub import clock
from hub.models.decision import RoutingDecision
from hub.records import new_id
from tests.factories import kept


def routing_decision(task_id: str | None = None, **columns: Any) -> RoutingDecision:
    defaults = {
        "id": new_id(),
        "task_version": 1,
        "decided_at": clock.now(),
        "owner": "Practitioner/asha-nurse",
        "sentence": "Asha Nurse knows this person and has time today.",
        "cause": "new",
        "inputs": {},
    }
    return kept(RoutingDecision(task_id=task_id or new_id(), **defaults | columns))
