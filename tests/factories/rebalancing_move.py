"""A line of a plan that waits for an answer."""

from typing import Any

from hub.models.rebalancing import RebalancingMove, RebalancingPlan
from hub.records import new_id
from tests.factories import kept
from tests.factories.rebalancing_plan import rebalancing_plan


def rebalancing_move(of: RebalancingPlan | None = None, **columns: Any) -> RebalancingMove:
    plan = of or rebalancing_plan()
    defaults = {
        "id": new_id(),
        "plan_id": plan.id,
        "place": 1,
        "task_id": new_id(),
        "task_version": 1,
        "owner": "Practitioner/asha-nurse",
        "to": "Practitioner/lucy-hart",
        "why": "Asha Patel has 90 minutes more than their day has room for",
        "gain": 400,
    }
    return kept(RebalancingMove(**defaults | columns))
