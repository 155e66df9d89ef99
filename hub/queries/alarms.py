"""Alarms that nobody has answered, hub-wide, and messages that could not be sent."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text

from hub import clock
from hub.db import db
from hub.models.outside_send import DEAD, LOGGED, SENT, WAITING, OutsideSend

LONGEST = 300


@dataclass(frozen=True, slots=True)
class Alarm:
    """A running clock that has escalated, and the last step nobody has acknowledged."""

    task_id: str
    code: str | None
    """Task code."""
    priority: str | None
    owner: str
    team: str | None
    due_at: datetime
    next_at: datetime | None
    """When the next step comes; None when nothing more does."""
    step_id: str
    """The first taking of the step that stands highest."""
    level: int
    """Percent of the clock at which it stands."""
    taken_at: datetime
    rings: int
    """How often that step has come."""
    told: tuple[str, ...]
    sentence: str


_UNANSWERED = text(
    """
    SELECT c.task_id, t.code, t.priority, t.owner, a.team, c.due_at, c.next_step_at,
           e.id AS step_id, e.level, e.taken_at, e.told, e.sentence,
           (SELECT count(*) FROM escalation_step r
            WHERE r.clock_id = c.id AND r.step = e.step) AS rings
    FROM task_clock c
    JOIN fhir_task t ON t.id = c.task_id AND NOT t.deleted
    LEFT JOIN assignment a ON a.task_id = c.task_id AND a.ends_at IS NULL
    JOIN LATERAL (
        SELECT * FROM escalation_step s
        WHERE s.clock_id = c.id AND s.repeat = 0 AND NOT s.passed
        ORDER BY s.level DESC, s.step DESC LIMIT 1) e ON true
    WHERE c.stopped_at IS NULL AND c.step > 0 AND NOT EXISTS (
        SELECT 1 FROM escalation_step h
        WHERE h.clock_id = c.id AND h.acknowledged_at IS NOT NULL AND h.level >= e.level)
    ORDER BY (c.due_at <= :now) DESC, e.level DESC, c.due_at, c.task_id
    LIMIT :longest
    """
)


def unanswered() -> list[Alarm]:
    """Return every alarm that waits for an answer: what is over time first."""
    rows = db.session.execute(_UNANSWERED, {"now": clock.now(), "longest": LONGEST})
    return [
        Alarm(
            task_id=row.task_id,
            code=row.code,
            priority=row.priority,
            owner=row.owner,
            team=row.team,
            due_at=row.due_at,
            next_at=row.next_step_at,
            step_id=row.step_id,
            level=row.level,
            taken_at=row.taken_at,
            rings=row.rings,
            told=tuple(row.told),
            sentence=row.sentence,
        )
        for row in rows
    ]


def dead_sends(limit: int = 50) -> list[OutsideSend]:
    """Return messages that were given up, the newest first."""
    found = db.session.execute(
        select(OutsideSend)
        .where(OutsideSend.state == DEAD)
        .order_by(OutsideSend.created_at.desc(), OutsideSend.id)
        .limit(limit)
    )
    return list(found.scalars())


def sends_of(clock_ids: list[str]) -> dict[str, int]:
    """Return how many messages about some clocks stand in which state."""
    rows = db.session.execute(
        select(OutsideSend.state, func.count())
        .where(
            OutsideSend.clock_id.in_(clock_ids),
            OutsideSend.state.in_((WAITING, SENT, LOGGED, DEAD)),
        )
        .group_by(OutsideSend.state)
    )
    return {state: int(count) for state, count in rows}
