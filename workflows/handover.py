"""Shift changes: packs are made, unread critical lines are told on; stuck work is looked for."""

import structlog

from hub.services import handover, stuck
from hub.transaction import transaction
from workflows.app import celery

log = structlog.get_logger(__name__)


@celery.task(name="workflows.handover.sweep")  # type: ignore[untyped-decorator]
def sweep() -> int:
    """Make the packs that are due, each in a transaction of its own; return how many."""
    with transaction():
        changes = handover.due()
    made = 0
    for change in changes:
        try:
            with transaction():
                made += handover.make(change) is not None
        except Exception:
            # One team's pack that fails must not keep the others from theirs; it comes again.
            log.exception("handover failed", team=change.team)
    with transaction():
        handover.tell_on()
    return made


@celery.task(name="workflows.handover.find_stuck")  # type: ignore[untyped-decorator]
def find_stuck() -> int:
    """Look for work that does not move; return how many new signs were found."""
    with transaction():
        return len(stuck.look())
