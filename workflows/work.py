"""What people did not do in time, and what follows when a part of a task has ended."""

from hub import records
from hub.domain.actor import hub_actor
from hub.services import hand_overs, holds, parts
from workflows.handlers import Event, handler

_ACTOR = hub_actor("tasks")


@handler
def expire_offer(event: Event) -> None:
    """TaskOfferExpires: an offer that nobody answered ends; the owner has the task still."""
    hand_overs.expire(event.payload["offer"])


@handler
def release_hold(event: Event) -> None:
    """TaskHoldOverdue: nobody looked at work on hold at its review; it is work again."""
    task = records.lock(_ACTOR, "Task", event.subject_id)
    holds.release(task, event.payload["version"])


@handler
def settle_parts(event: Event) -> None:
    """TaskPartsMoved: the whole follows its parts, or they follow its end."""
    parts.settle(event.subject_id)
