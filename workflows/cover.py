"""Holes in the cover: counted after every change of the rota, rung while nobody fills them."""

import structlog

from hub.services import cover, cover_alarms
from hub.transaction import transaction
from workflows.app import celery
from workflows.handlers import Event, handler

log = structlog.get_logger(__name__)

ROUND = 100
"""Holes looked at in one query; the sweep goes on until none is due."""

PUSHED_SECONDS = 300
"""A hole whose alarm fails comes again after this long, behind all the others."""


@handler
def recount(event: Event) -> None:
    """RotaChanged: find the holes that it made or filled, and ring them."""
    teams = event.payload.get("teams") or [event.subject]
    cover.recount(frozenset(teams), by=f"outbox/{event.id}", at=event.created_at)


@celery.task(name="workflows.cover.sweep")  # type: ignore[untyped-decorator]
def sweep() -> int:
    """Count what changed unsaid, watch urgent work, ring what is due; return how many rang."""
    with transaction():
        cover.count_if_changed()
    with transaction():
        rung = len(cover.watch_urgent_work())
    while due := cover_alarms.due_holes(ROUND):
        progress = sum(_ring(hole_id) for hole_id in due)
        rung += progress
        if not progress:
            # Another sweep has them in hand.
            break
    return rung


def _ring(hole_id: str) -> bool:
    try:
        with transaction():
            return bool(cover_alarms.ring(hole_id))
    except Exception:
        log.exception("cover alarm failed", hole=hole_id)
        with transaction():
            cover_alarms.push_forward(hole_id, PUSHED_SECONDS)
        return False
