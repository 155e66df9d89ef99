"""A plan for district nursing west, proven the best, that stands for the next hours."""

from datetime import timedelta
from typing import Any

from hub import clock
from hub.models.rebalancing import RebalancingPlan
from hub.records import new_id
from tests.factories import kept


def rebalancing_plan(team: str | None = None, **columns: Any) -> RebalancingPlan:
    identity = new_id()
    totals = {
        "over_minutes": 0, "late": 0, "waiting": 0, "seen": 0, "fullest": 80, "emptiest": 20,
    }  # fmt: skip
    defaults = {
        "id": identity,
        "team": team or f"CareTeam/{identity}",
        "asked_by": "Practitioner/asha-nurse",
        "asked_at": clock.now(),
        "expires_at": clock.now() + timedelta(hours=6),
        "tasks": 1,
        "cost": 10,
        "bound": 10,
        "proven": True,
        "seconds": 0.5,
        "before": totals,
        "after": totals,
        "problem": b"",
    }
    return kept(RebalancingPlan(**defaults | columns))
