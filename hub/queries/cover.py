"""Holes in the cover, for pages and monitoring, and urgent work that found nobody unheard."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, text

from hub import clock
from hub.db import db
from hub.domain.cover_alarms import Stage
from hub.models.cover_alarm import CoverAlarm
from hub.models.cover_hole import CoverHole
from hub.models.notice import Notice
from hub.models.shift import Shift

LIMIT = timedelta(minutes=10)
"""So long may urgent work have nobody on shift before somebody must have been told."""

NEAR = timedelta(hours=24)

LONGEST = 500


def open_holes(teams: Collection[str] | None = None) -> Sequence[CoverHole]:
    """Return the open holes of these teams (``CareTeam/<code>``; None: all), the soonest first."""
    wanted = select(CoverHole).where(CoverHole.closed_at.is_(None))
    if teams is not None:
        wanted = wanted.where(CoverHole.team.in_(sorted(teams)))
    ordered = wanted.order_by(CoverHole.starts_at, CoverHole.id).limit(LONGEST)
    return db.session.execute(ordered).scalars().all()


def hole(hole_id: str) -> CoverHole | None:
    return db.session.get(CoverHole, hole_id)


def alarms_of(hole_id: str) -> Sequence[CoverAlarm]:
    """Return every stage that a hole rang, the oldest first."""
    found = db.session.execute(select(CoverAlarm).where(CoverAlarm.hole_id == hole_id))
    stages = list(Stage)
    return sorted(found.scalars(), key=lambda each: (each.round, stages.index(Stage(each.stage))))


def notices_of(hole_id: str, kind: str) -> Sequence[Notice]:
    """Return the notices of one kind about a hole, the oldest first."""
    found = db.session.execute(
        select(Notice)
        .where(Notice.subject == f"CoverHole/{hole_id}", Notice.kind == kind)
        .order_by(Notice.created_at, Notice.id)
    )
    return found.scalars().all()


def rota_begins() -> datetime | None:
    """Return the start of the first shift that the hub knows."""
    found: datetime | None = db.session.scalar(select(func.min(func.lower(Shift.during))))
    return found


def rota_ends() -> datetime | None:
    """Return the end of the last shift that is planned."""
    found: datetime | None = db.session.scalar(select(func.max(func.upper(Shift.during))))
    return found


@dataclass(frozen=True, slots=True)
class OpenCount:
    """Open holes of one team, for monitoring."""

    team: str
    open: int
    near: int
    """Those under a day away that nobody has acknowledged."""


def open_counts() -> list[OpenCount]:
    near = (CoverHole.starts_at <= clock.now() + NEAR) & CoverHole.acknowledged_at.is_(None)
    found = db.session.execute(
        select(CoverHole.team, func.count(), func.count().filter(near))
        .where(CoverHole.closed_at.is_(None))
        .group_by(CoverHole.team)
        .order_by(CoverHole.team)
    )
    return [OpenCount(team.removeprefix("CareTeam/"), count, soon) for team, count, soon in found]


@dataclass(frozen=True, slots=True)
class Unheard:
    """Urgent work that had nobody on shift, and no alarm of a hole said so."""

    task_id: str
    owner: str
    """Whose it was: ``CareTeam/<code>``, or a person who was not at work."""
    since: datetime
    until: datetime


_UNHEARD = text(
    """
    WITH spell AS (
        SELECT task_id, owner, team,
               tstzrange(greatest(starts_at, :since), least(coalesce(ends_at, :until), :until))
                   AS during
        FROM assignment
        WHERE urgent AND owner LIKE 'CareTeam/%'
          AND starts_at < :until AND coalesce(ends_at, :until) > :since
        UNION ALL
        -- A person counts from the moment they were given it: what they keep when they go home is
        -- theirs. Only what was routed: an accountable GP has what is theirs whenever it comes.
        SELECT task_id, owner, team, tstzrange(starts_at, starts_at + :limit)
        FROM assignment a
        WHERE urgent AND owner LIKE 'Practitioner/%' AND starts_at >= :since
          AND starts_at + :limit <= least(coalesce(ends_at, :until), :until)
          AND EXISTS (SELECT 1 FROM routing_decision d
                      WHERE d.task_id = a.task_id AND d.owner = a.owner)
    ), present AS (
        SELECT s.team, s.practitioner, tstzmultirange(s.during) - coalesce(
            (SELECT range_agg(b.during) FROM absence b
             WHERE b.practitioner = s.practitioner AND b.during && s.during), '{}') AS during
        FROM shift s WHERE s.during && tstzrange(:since, :until)
    ), there AS (
        SELECT owner, range_agg(during) AS during FROM (
            SELECT team AS owner, unnest(during) AS during FROM present
            UNION ALL SELECT practitioner, unnest(during) FROM present) each
        GROUP BY owner
    ), rung AS (
        SELECT team, range_agg(tstzrange(greatest(starts_at, opened_at),
                   greatest(starts_at, opened_at, least(ends_at, coalesce(closed_at, ends_at)))))
                   AS during
        FROM cover_hole h
        WHERE ends_at > :since AND starts_at < :until
          AND EXISTS (SELECT 1 FROM cover_alarm a WHERE a.hole_id = h.id)
        GROUP BY team
    )
    SELECT spell.task_id, spell.owner, lower(part) AS since, upper(part) AS until
    FROM spell
    LEFT JOIN there ON there.owner = spell.owner
    LEFT JOIN rung AS own ON own.team = spell.owner
    LEFT JOIN rung AS its ON its.team = spell.team
    CROSS JOIN LATERAL unnest(tstzmultirange(spell.during) - coalesce(there.during, '{}')
        - coalesce(own.during, '{}') - coalesce(its.during, '{}')) AS part
    WHERE upper(part) - lower(part) >= :limit
    ORDER BY since, spell.task_id
    """
)


def unassigned_past_limit(since: datetime, until: datetime) -> list[Unheard]:
    """Return where urgent work had nobody on shift for ten minutes within [since, until), unheard.

    Work in a pool has nobody while no person of that team is on shift, away or not; work that was
    routed to a person has nobody while that person is not on shift in the ten minutes after. An
    open hole of the pool's team, or of the team whose work it is, that rang is the alarm. Empty is
    what it should be.
    """
    rows = db.session.execute(_UNHEARD, {"since": since, "until": until, "limit": LIMIT})
    return [Unheard(row.task_id, row.owner, row.since, row.until) for row in rows]
