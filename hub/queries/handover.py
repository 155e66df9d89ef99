"""What a handover pack is made from: the team's work, alerts and holes, as they stand now."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text

from hub import clock
from hub.db import db
from hub.domain import cover_words
from hub.domain.cover import Missing
from hub.domain.handover import Line, LineKind
from hub.models.cover_hole import CoverHole

COVER_HOLE = "CoverHole/"
"""Begins the subject of a line about the rota, which is no FHIR resource."""

_WORDS = {
    LineKind.BREACHED: "Its time is over",
    LineKind.URGENT: "Urgent work that is open",
    LineKind.DUE: "Falls due before the next shift change",
    LineKind.LEFT: "Falls due while its owner is off shift",
    LineKind.HOLD: "Put aside; to be looked at again before the next shift change",
    LineKind.UNOWNED: "Nobody has it yet",
    LineKind.CHANGED: "New, or given to somebody else",
}


@dataclass(frozen=True, slots=True)
class Change:
    """A shift change of a team that has no pack yet."""

    team: str
    """``CareTeam/<id>``."""
    at: datetime
    since: datetime
    until: datetime


_CHANGES = text(
    """
    WITH started AS (
        SELECT s.team, max(lower(s.during)) AS at FROM shift s
        WHERE s.team IS NOT NULL AND s.kind = 'work'
          AND lower(s.during) > :earliest AND lower(s.during) <= :now
          AND NOT EXISTS (SELECT 1 FROM absence a WHERE a.practitioner = s.practitioner
                          AND a.during @> lower(s.during))
        GROUP BY s.team)
    SELECT c.team, c.at,
           (SELECT max(p.at) FROM handover_pack p WHERE p.team = c.team) AS before,
           (SELECT min(lower(n.during)) FROM shift n
            WHERE n.team = c.team AND n.kind = 'work' AND lower(n.during) > c.at) AS following
    FROM started c
    WHERE NOT EXISTS (SELECT 1 FROM handover_pack p WHERE p.team = c.team AND p.at >= c.at)
    ORDER BY c.team
    """
)


def changes(longest: timedelta) -> list[Change]:
    """Return the last shift change of each team that has no pack for it."""
    now = clock.now()
    rows = db.session.execute(_CHANGES, {"now": now, "earliest": now - longest})
    return [
        Change(
            row.team,
            row.at,
            row.before or row.at - longest,
            min(row.following or row.at + longest, row.at + longest),
        )
        for row in rows
    ]


_WORK = text(
    """
    SELECT t.id, t.status, a.owner, a.urgent, a.starts_at, a.patient, c.due_at,
           (SELECT min(o.due_at) FROM outbox o
            WHERE o.event = 'TaskHoldEnds' AND o.subject = 'Task/' || t.id
              AND o.handled_at IS NULL) AS review_at,
           EXISTS (SELECT 1 FROM shift s WHERE s.practitioner = a.owner
                   AND s.during && tstzrange(:at, :until)) AS here
    FROM assignment a
    JOIN fhir_task t ON t.id = a.task_id
    LEFT JOIN task_clock c ON c.task_id = a.task_id AND c.stopped_at IS NULL
    WHERE a.ends_at IS NULL AND a.team = :team AND t.managed AND NOT t.deleted
    """
)


def work_lines(change: Change) -> Iterator[Line]:
    """Yield every reason for which a task of the team is in its pack."""
    rows = db.session.execute(
        _WORK, {"team": change.team, "at": change.at, "until": change.until}
    ).all()
    for row in rows:
        due_soon = row.due_at is not None and row.due_at < change.until
        reasons = {
            LineKind.BREACHED: row.due_at is not None and row.due_at <= change.at,
            LineKind.URGENT: row.urgent,
            LineKind.LEFT: due_soon and row.owner.startswith("Practitioner/") and not row.here,
            LineKind.DUE: due_soon,
            LineKind.HOLD: row.status == "on-hold"
            and row.review_at is not None
            and row.review_at < change.until,
            LineKind.UNOWNED: row.owner.startswith("CareTeam/"),
            LineKind.CHANGED: row.starts_at >= change.since,
        }
        for kind, holds in reasons.items():
            if holds:
                yield Line(kind, f"Task/{row.id}", _WORDS[kind], row.patient, row.due_at)


_ALERTS = text(
    """
    SELECT f.id, f.patient_id, f.version, f.status FROM fhir_flag f
    WHERE f.last_updated >= :since AND f.last_updated <= :now AND NOT f.deleted
      AND EXISTS (SELECT 1 FROM relationship r
                  WHERE r.patient_id = f.patient_id AND r.party = :team)
    """
)


def alert_lines(change: Change) -> Iterator[Line]:
    """Yield the alerts that were put on, changed or taken off for people the team looks after."""
    rows = db.session.execute(
        _ALERTS, {"team": change.team, "since": change.since, "now": clock.now()}
    )
    for row in rows:
        if row.status != "active":
            words = "An alert was taken off"
        else:
            words = "A new alert" if row.version == 1 else "An alert was changed"
        yield Line(LineKind.ALERT, f"Flag/{row.id}", words, f"Patient/{row.patient_id}")


def cover_lines(change: Change, time_zone: str) -> Iterator[Line]:
    """Yield the holes of the team's rota until the next shift change: who comes on is short."""
    holes = db.session.scalars(
        select(CoverHole).where(
            CoverHole.team == change.team,
            CoverHole.closed_at.is_(None),
            CoverHole.starts_at < change.until,
            CoverHole.ends_at > change.at,
        )
    )
    for hole in holes:
        lack = cover_words.lack(Missing(hole.missing), hole.short, hole.name)
        span = cover_words.when(hole.starts_at, hole.ends_at, time_zone)
        yield Line(
            LineKind.COVER, f"{COVER_HOLE}{hole.id}", f"{lack}, {span}", due_at=hole.starts_at
        )


def lines(change: Change, time_zone: str) -> Iterable[Line]:
    yield from work_lines(change)
    yield from alert_lines(change)
    yield from cover_lines(change, time_zone)
