"""The sweep of due clocks, and the end of holds."""

import structlog

from hub.domain.actor import hub_actor
from hub.records import lock
from hub.services import escalations, holds
from hub.transaction import transaction
from workflows.app import celery, sender
from workflows.handlers import Event, handler

log = structlog.get_logger(__name__)

_ACTOR = hub_actor("escalation")

ROUND = 100
"""Clocks looked at in one query; the sweep goes on until none is due."""

PUSHED_SECONDS = 300
"""A clock whose step fails comes again after this long, behind all the others."""


@celery.task(name="workflows.escalation.sweep")  # type: ignore[untyped-decorator]
def sweep() -> int:
    """Take every step that is due, each in a transaction of its own; return how many."""
    taken = 0
    while due := escalations.due_clocks(ROUND):
        progress = 0
        for clock_id in due:
            progress += _escalate(clock_id)
        taken += progress
        if progress:
            # What these steps send outside the hub leaves now, not with the next beat.
            sender.hint("workflows.sending.sweep")
        else:
            # Another sweep has them in hand.
            break
    return taken


def _escalate(clock_id: str) -> int:
    try:
        with transaction():
            return escalations.escalate(_ACTOR, clock_id) is not None
    except Exception:
        log.exception("escalation failed", clock=clock_id)
        with transaction():
            escalations.push_forward(clock_id, PUSHED_SECONDS)
        return 0


@handler
def end_hold(event: Event) -> None:
    """TaskHoldEnds: remind the owner that work put aside is to be looked at again."""
    holds.remind(lock(_ACTOR, "Task", event.subject_id), event.payload["version"])
