"""Every beat entry with its reason. Beat only wakes sweeps: what is due stands in PostgreSQL."""

from typing import Any

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    # Escalation is judged in minutes; five seconds is invisible and one indexed query.
    "clocks-due": {
        "task": "workflows.escalation.sweep",
        "schedule": 5.0,
        # A late wake-up is as good as the next one.
        "options": {"expires": 5},
    },
    # First attempts start with the relay's wake-up; this one is for the retries and for a lost
    # wake-up.
    "deliveries-due": {
        "task": "workflows.delivery.sweep",
        "schedule": 2.0,
        "options": {"expires": 4},
    },
    # Plans fall due by the day; a quarter of an hour finds them in time for the morning.
    "plan-reviews-due": {
        "task": "workflows.reviews.sweep",
        "schedule": 900.0,
        "options": {"expires": 900},
    },
    # The auditor: what should have happened and did not. A minute, because a hole is an emergency.
    "auditor": {
        "task": "workflows.reconciliation.audit",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    # "Who looked at me" is asked by people, not by programs: half a minute behind will do.
    "audit-ship": {
        "task": "workflows.audit.ship",
        "schedule": 20.0,
        "options": {"expires": 20},
    },
    # What is not sealed yet could be changed unseen: keep that window to a minute.
    "audit-seal": {
        "task": "workflows.audit.seal",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    # Shifts must exist before they are asked for; the pattern is rolled forward twice a day.
    "rota-ahead": {
        "task": "workflows.absence.plan_rota",
        "schedule": 43_200.0,
        "options": {"expires": 3_600},
    },
    # A turn starts with its event or the turn before; this one is for what a killed worker held.
    "bulk-turns": {
        "task": "workflows.bulk.work",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    # Files of people's records must not lie about longer than was said: within minutes.
    "bulk-expired": {
        "task": "workflows.bulk.sweep",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
}
"""Name -> entry. The simulator and `sweep` on the wake channel run SWEEPS at once."""

SWEEPS = (
    "workflows.escalation.sweep",
    "workflows.delivery.sweep",
    "workflows.bulk.sweep",
)
"""What the relay starts when it is told `sweep`: all that a jump of the clock can make due."""
