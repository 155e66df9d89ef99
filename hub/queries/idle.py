"""Whether everything that is due has been done: the simulator moves its clock only then."""

from datetime import datetime

from sqlalchemy import text

from hub import clock
from hub.db import db

_BUSY = text(
    """
    SELECT EXISTS (SELECT 1 FROM record_change)
        OR EXISTS (SELECT 1 FROM outbox WHERE handled_at IS NULL AND due_at <= :now)
        OR EXISTS (SELECT 1 FROM task_clock WHERE next_step_at <= :now)
        OR EXISTS (
            SELECT 1 FROM delivery d
            WHERE d.status = 'waiting' AND d.due_at <= :now
              AND NOT EXISTS (
                SELECT 1 FROM delivery before
                WHERE before.subscription_id = d.subscription_id
                  AND before.status = 'waiting'
                  AND (before.kind <> 'Handshake', before.sequence)
                    < (d.kind <> 'Handshake', d.sequence)
                  AND before.due_at > :now))
    """
)
"""A delivery waits behind the one before it, so only the first of a subscriber counts.

The order is that of ``hub.services.deliveries``: handshakes first.
"""


def is_idle() -> bool:
    """Return whether no change, event, clock or delivery is due now; four index look-ups."""
    return not db.session.execute(_BUSY, {"now": clock.now()}).scalar_one()


def next_due() -> datetime | None:
    """Return when the next thing falls due, so that a simulated clock can jump to it."""
    found: datetime | None = db.session.execute(
        text(
            """
            SELECT min(at) FROM (
                SELECT min(due_at) AS at FROM outbox WHERE handled_at IS NULL
                UNION ALL SELECT min(next_step_at) FROM task_clock
                UNION ALL SELECT min(due_at) FROM delivery WHERE status = 'waiting') AS due
            """
        )
    ).scalar_one_or_none()
    return found
