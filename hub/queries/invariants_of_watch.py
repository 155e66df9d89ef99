"""Invariants that the auditor watches beside the work: logs of clocks, shifts, lost events."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select

from hub import clock
from hub.db import db
from hub.domain import clock_log, snapshot
from hub.domain.calendars import AROUND_THE_CLOCK, Calendar
from hub.domain.clock_log import ClockEvent as Entry
from hub.domain.clock_log import ClockEventKind
from hub.domain.clocks import ClockRule
from hub.domain.errors import RuleError
from hub.models.audit_finding import AuditFinding
from hub.models.clock import TaskClock
from hub.models.clock_event import ClockEvent
from hub.queries.breaches import Breach, Invariant, by_sql
from hub.queries.invariants_of_work import GRACE

CLOCKS = 500
"""Clocks computed again in one run: those that changed last, and a sample of the running ones."""


def _late() -> datetime:
    return clock.now() - GRACE


def clocks_disagree() -> Iterable[Breach]:
    """Find clocks whose row is not what their log says.

    Looked at: the clocks of findings that are open, the last that changed, and as many running
    ones by chance, so that each comes round.
    """
    known = select(AuditFinding.subject).where(
        AuditFinding.invariant == "clock-history", AuditFinding.cleared_at.is_(None)
    )
    recent = select(ClockEvent.clock_id).order_by(ClockEvent.recorded_at.desc()).limit(CLOCKS)
    chance = (
        select(TaskClock.id)
        .where(TaskClock.stopped_at.is_(None))
        .order_by(func.random())
        .limit(CLOCKS)
    )
    tasks = [subject.removeprefix("Task/") for subject in db.session.execute(known).scalars()]
    ids = {*db.session.execute(recent).scalars(), *db.session.execute(chance).scalars()}
    rows = list(
        db.session.execute(
            select(TaskClock)
            .where(or_(TaskClock.id.in_(ids), TaskClock.task_id.in_(tasks)))
            .order_by(TaskClock.id)
        ).scalars()
    )
    logs = _logs([row.id for row in rows])
    for row in rows:
        wrong = _wrong(row, logs.get(row.id, []))
        if wrong:
            yield Breach(f"Task/{row.task_id}", f"clock {row.rule} differs: {', '.join(wrong)}")


def _logs(clock_ids: Sequence[str]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    events = db.session.execute(
        select(ClockEvent.clock_id, ClockEvent.kind, ClockEvent.at, ClockEvent.reason)
        .where(ClockEvent.clock_id.in_(clock_ids))
        .order_by(ClockEvent.clock_id, ClockEvent.sequence)
    )
    for clock_id, kind, at, reason in events:
        found.setdefault(clock_id, []).append(Entry(ClockEventKind(kind), at, reason))
    return found


def _wrong(row: TaskClock, entries: Sequence[Entry]) -> list[str]:
    """Return the columns that are not what the log gives."""
    stored = row.policy["calendar"]
    calendar = AROUND_THE_CLOCK if stored is None else snapshot.thaw(Calendar, stored)
    try:
        said = clock_log.cache_of(entries, snapshot.thaw(ClockRule, row.policy["rule"]), calendar)
    except RuleError as error:
        return [error.text]
    held = {
        "started_at": (row.started_at, said.started_at),
        "due_at": (row.due_at, said.due_at),
        "pauses": (row.pauses, [snapshot.freeze(each) for each in said.pauses]),
        "stopped_at": (row.stopped_at, said.stopped_at),
        "stop_reason": (row.stop_reason, said.stop_reason),
    }
    wrong = [name for name, (cached, true) in held.items() if cached != true]
    if row.next_step_at is not None and said.stands:
        wrong.append("next_step_at")
    return wrong


INVARIANTS: tuple[Invariant, ...] = (
    Invariant("clock-history", "Every clock says what its log says", clocks_disagree),
    by_sql(
        "overdue-unescalated",
        "Nothing is overdue that nobody was told of and nobody will be",
        """
        SELECT 'Task/' || c.task_id, 'clock ' || c.rule || ' was due at ' || c.due_at
        FROM task_clock c
        WHERE c.stopped_at IS NULL AND c.due_at < :late AND c.next_step_at IS NULL
          AND json_array_length(c.policy #> '{escalation,steps}') > 0
          AND coalesce(c.pauses -> -1 ->> 'ends_at', CASE WHEN json_array_length(c.pauses) = 0
                       THEN 'never' END) IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM escalation_step e WHERE e.clock_id = c.id)
        LIMIT 50
        """,
        late=_late,
    ),
    by_sql(
        "owner-off-shift",
        "Urgent work that nobody has accepted lies with somebody who is here before it is due",
        # Somebody who never has a shift is not on the rota: about them the rota says nothing.
        # Absence speaks for everybody. Of what is due already, the escalation has told; then the
        # owner must have been here since it was given to them, not also tonight.
        """
        SELECT 'Task/' || a.task_id, a.owner || ' is neither on shift nor on call before '
               || t.due_at
        FROM assignment a JOIN fhir_task t ON t.id = a.task_id
        CROSS JOIN LATERAL (
            SELECT tstzrange(CASE WHEN t.due_at > :now THEN :now ELSE a.starts_at END,
                             greatest(t.due_at, :soon), '[]') AS time) w
        WHERE a.ends_at IS NULL AND a.urgent AND a.owner LIKE 'Practitioner/%'
          AND a.starts_at < :late AND t.managed AND NOT t.deleted
          AND t.status IN ('requested', 'received')
          AND t.due_at IS NOT NULL
          AND (EXISTS (SELECT 1 FROM absence o WHERE o.practitioner = a.owner
                       AND o.during @> w.time)
            OR (EXISTS (SELECT 1 FROM shift s WHERE s.practitioner = a.owner
                        AND lower(s.during) > CAST(:now AS timestamptz) - interval '28 days')
                AND NOT EXISTS (SELECT 1 FROM shift s WHERE s.practitioner = a.owner
                                AND s.during && w.time)))
        LIMIT 50
        """,
        now=clock.now,
        soon=lambda: clock.now() + GRACE,
        late=_late,
    ),
    by_sql(
        "routing-never-asked",
        "Every accepted referral in a team's pool was given to routing",
        """
        SELECT 'Task/' || a.task_id, 'in the pool of ' || a.owner || ', no event ever'
        FROM assignment a JOIN fhir_task t ON t.id = a.task_id
        WHERE a.ends_at IS NULL AND a.owner LIKE 'CareTeam/%' AND a.starts_at < :late
          AND t.managed AND NOT t.deleted AND t.code = 'intervention'
          AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = 'Task/' || t.id
                          AND o.handler = 'routing.route_task')
          AND NOT EXISTS (SELECT 1 FROM routing_decision d WHERE d.task_id = t.id)
        LIMIT 50
        """,
        late=_late,
    ),
    by_sql(
        "mesh-taken",
        "What lies in the MESH mailbox is taken in and acknowledged within twenty minutes",
        """
        SELECT 'MeshArrival/' || id, coalesce(error, 'seen ' || attempts || ' times')
               || CASE WHEN settled_at IS NULL THEN ', not taken in' ELSE ', no receipt' END
        FROM mesh_arrival WHERE acknowledged_at IS NULL AND seen_at < :late
        LIMIT 50
        """,
        late=lambda: clock.now() - 2 * GRACE,
    ),
    by_sql(
        "mesh-told",
        "Whoever sent something by MESH is answered within ten minutes",
        """
        SELECT 'InboxMessage/' || inbox_id, kind || ' answer is ' || state || ': '
               || coalesce(error, 'not sent')
        FROM mesh_send
        WHERE (state = 'waiting' AND due_at < :late) OR (state = 'dead' AND due_at > :week)
        LIMIT 50
        """,
        late=_late,
        week=lambda: clock.now() - timedelta(days=7),
    ),
)
