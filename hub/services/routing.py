"""Routing a task to a person: gather what the pure decision needs, decide, keep the decision."""

from hub.domain.actor import Actor
from hub.models.decision import RoutingDecision


def route(actor: Actor, task_id: str, *, cause: str = "new") -> RoutingDecision | None:
    """Give an open task to the right person on shift; None when it is not open any more."""
    raise NotImplementedError


def decision_of(task_id: str) -> RoutingDecision | None:
    """Return the last decision of a task; ``sentence`` says why in one sentence."""
    raise NotImplementedError
