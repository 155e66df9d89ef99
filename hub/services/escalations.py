"""Escalation: each step of a running clock is taken exactly once, whoever sweeps."""

from hub.domain.actor import Actor
from hub.models.escalation import EscalationStep


def due_clocks(limit: int = 100) -> list[str]:
    """Return ids of clocks whose next step is due, the most overdue first."""
    raise NotImplementedError


def escalate(actor: Actor, clock_id: str) -> EscalationStep | None:
    """Take the next step of a clock; None if somebody else did or it is not due any more."""
    raise NotImplementedError


def steps_of(task_id: str) -> list[EscalationStep]:
    """Return the steps taken for a task, oldest first."""
    raise NotImplementedError
