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
    # Subscribers ask for silences of ten seconds and more; without one that is due it is one query.
    "heartbeats-due": {
        "task": "workflows.delivery.heartbeat",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    # First attempts start with the sweep that took the step; this one is for retries and for the
    # end of quiet hours.
    "sends-due": {
        "task": "workflows.sending.sweep",
        "schedule": 2.0,
        "options": {"expires": 4},
    },
    # First attempts start when the response is made; this one is for the retries.
    "answers-due": {
        "task": "workflows.answering.sweep",
        "schedule": 2.0,
        "options": {"expires": 4},
    },
    # A discharge summary is read within hours, and MESH asks its users not to poll more often.
    "mesh-inbox": {
        "task": "workflows.mesh.poll",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    # Answers start with the message that they answer; this one is for retries and lost hints.
    "mesh-answers-due": {
        "task": "workflows.mesh.sweep",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    # Plans fall due by the day; a quarter of an hour finds them in time for the morning.
    "plan-reviews-due": {
        "task": "workflows.reviews.sweep",
        "schedule": 900.0,
        "options": {"expires": 900},
    },
    # A vacancy is somebody's urgent task the same minute: birthdays and dates that come by
    # themselves are looked for twice in it.
    "accountability": {
        "task": "workflows.accountability.sweep",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    # The auditor: what should have happened and did not. A minute, because a hole is an emergency.
    "auditor": {
        "task": "workflows.reconciliation.audit",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    # Holes are found by the change that makes them; a minute bounds what nobody said, and the
    # stages of an alarm are hours apart. Unchanged, it is three indexed queries.
    "cover": {
        "task": "workflows.cover.sweep",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    # A day is counted soon after midnight; without one that is due it is one small query.
    "conservation": {
        "task": "workflows.conservation.sweep",
        "schedule": 600.0,
        "options": {"expires": 600},
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
    # PractitionerRole says the hours of this week: a quarter of an hour into Monday will do.
    "rota-records": {
        "task": "workflows.rota.sweep",
        "schedule": 900.0,
        "options": {"expires": 900},
    },
    # Who comes on reads the pack first: half a minute is before the coffee.
    "handover-packs": {
        "task": "workflows.handover.sweep",
        "schedule": 30.0,
        "options": {"expires": 30},
    },
    # Stuck work is judged in hours, urgent work in a quarter of one.
    "stuck-work": {
        "task": "workflows.handover.find_stuck",
        "schedule": 300.0,
        "options": {"expires": 300},
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
    "workflows.sending.sweep",
    "workflows.answering.sweep",
    "workflows.mesh.sweep",
    "workflows.bulk.sweep",
    "workflows.cover.sweep",
    "workflows.accountability.sweep",
)
"""What the relay starts when it is told `sweep`: all that a jump of the clock can make due."""
