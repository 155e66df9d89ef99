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
        OR EXISTS (SELECT 1 FROM outside_send WHERE state = 'waiting' AND due_at <= :now)
        OR EXISTS (
            SELECT 1 FROM outgoing_message m
            WHERE m.state = 'waiting' AND m.due_at <= :now
              AND NOT EXISTS (
                SELECT 1 FROM outgoing_message before
                WHERE before.subject = m.subject AND before.event_id < m.event_id
                  AND (before.state = 'dead'
                       OR before.state = 'waiting' AND before.due_at > :now)))
        OR EXISTS (SELECT 1 FROM mesh_send WHERE state = 'waiting' AND due_at <= :now)
        OR EXISTS (SELECT 1 FROM cover_hole WHERE closed_at IS NULL AND next_alarm_at <= :now)
        OR EXISTS (
            SELECT 1 FROM delivery d
            JOIN subscriber s ON s.subscription_id = d.subscription_id
            WHERE d.status = 'waiting' AND d.due_at <= :now AND s.paused_from IS NULL
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
    """Return whether nothing is due now: no change, event, clock, message, alarm or delivery."""
    return not db.session.execute(_BUSY, {"now": clock.now()}).scalar_one()


def next_due() -> datetime | None:
    """Return when the next thing falls due, so that a simulated clock can jump to it."""
    found: datetime | None = db.session.execute(
        text(
            """
            SELECT min(at) FROM (
                SELECT min(due_at) AS at FROM outbox WHERE handled_at IS NULL
                UNION ALL SELECT min(next_step_at) FROM task_clock
                UNION ALL SELECT min(due_at) FROM outside_send WHERE state = 'waiting'
                UNION ALL SELECT min(due_at) FROM outgoing_message WHERE state = 'waiting'
                UNION ALL SELECT min(due_at) FROM mesh_send WHERE state = 'waiting'
                UNION ALL SELECT min(next_alarm_at) FROM cover_hole WHERE closed_at IS NULL
                UNION ALL SELECT min(d.due_at) FROM delivery d
                    JOIN subscriber s ON s.subscription_id = d.subscription_id
                    WHERE d.status = 'waiting' AND s.paused_from IS NULL) AS due
            """
        )
    ).scalar_one_or_none()
    return found
