"""What the weeks came to at the real hub: conservation, owners at every instant, in time."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import text

from hub.db import db
from hub.domain.task_states import OPEN
from hub.samples.day_report import Report

URGENT_LIMIT_MINUTES = 10
"""So long may urgent work have nobody on shift (issue: unassigned_past_limit)."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What must hold at every instant, counted from the rows; 0 is good."""

    unassigned_past_limit: int
    """Urgent tasks that had nobody on shift for ten minutes without an alarm of a hole by then."""
    urgent_with_nobody: int
    """Urgent tasks that had nobody on shift for ten minutes, rung or not: not 0 where sickness
    leaves a desk empty, since nobody of these weeks fills a hole."""
    without_owner: int
    share_in_time: float
    """Work of referrals whose clock was stopped before it ran out, of all whose clock was
    stopped or ran out. The hub stops a clock when the work is done, not at first contact."""
    share_in_time_urgent: float
    hand_offs: float
    """Moves from one person to another, a task of a referral's own work."""


_UNASSIGNED = text(
    """
    WITH spell AS (
        SELECT a.task_id, a.owner, a.team, tstzrange(a.starts_at, least(coalesce(a.ends_at, :until),
                   CASE WHEN a.owner LIKE 'CareTeam/%' THEN :until
                        ELSE a.starts_at + make_interval(mins => :minutes) END)) AS during
        FROM assignment a
        WHERE a.urgent AND EXISTS (SELECT 1 FROM task_clock c WHERE c.task_id = a.task_id
                                   AND c.policy #>> '{rule,kind}' = 'elapsed')
          AND a.starts_at >= :since AND a.starts_at < :until
          AND a.owner ~ '^(CareTeam|Practitioner)/'
          AND (a.owner LIKE 'CareTeam/%' OR EXISTS (SELECT 1 FROM routing_decision d
               WHERE d.task_id = a.task_id AND d.owner = a.owner))
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
    ), empty AS (
        SELECT task_id, owner, team, part FROM (
            SELECT spell.task_id, spell.owner, spell.team,
                   unnest(tstzmultirange(spell.during) - coalesce(there.during, '{}')) AS part
            FROM spell LEFT JOIN there ON there.owner = spell.owner) parts
        WHERE upper(part) - lower(part) >= make_interval(mins => :minutes)
    ), rung AS (
        SELECT team, range_agg(tstzrange(first_ring, greatest(first_ring, ended))) AS during
        FROM (
            SELECT h.team, min(a.rung_at) AS first_ring,
                   least(h.ends_at, coalesce(h.closed_at, h.ends_at)) AS ended
            FROM cover_hole h JOIN cover_alarm a ON a.hole_id = h.id GROUP BY h.id) hole
        GROUP BY team
    )
    SELECT count(DISTINCT task_id) AS nobody, count(DISTINCT task_id) FILTER (WHERE EXISTS (
        SELECT 1 FROM unnest(tstzmultirange(part)
            - coalesce((SELECT during FROM rung WHERE rung.team = empty.owner), '{}')
            - coalesce((SELECT during FROM rung WHERE rung.team = empty.team), '{}')) AS unheard
        WHERE upper(unheard) - lower(unheard) >= make_interval(mins => :minutes))) AS unheard
    FROM empty
    """
)


def urgent_with_nobody(since: datetime, until: datetime) -> tuple[int, int]:
    """Count urgent tasks that had nobody on shift for ten minutes: (all, those unheard).

    Urgent work is what has a clock that runs day and night: a vacancy is filled in office hours. A
    team counts for as long as the task is its own; a person for the minutes after they were given
    it. Heard is what has an alarm of a hole of its team that rang within the ten minutes.
    """
    row = db.session.execute(
        _UNASSIGNED, {"since": since, "until": until, "minutes": URGENT_LIMIT_MINUTES}
    ).one()
    return int(row.nobody), int(row.unheard)


_WITHOUT_OWNER = text(
    """
    WITH spell AS (
        SELECT task_id, starts_at, ends_at, outcome,
               lead(starts_at) OVER (PARTITION BY task_id ORDER BY starts_at, id) AS next_at
        FROM assignment
    ), version AS (
        SELECT id, CAST(content AS jsonb) AS content FROM fhir_history
        WHERE type = 'Task' AND NOT deleted
        UNION ALL
        SELECT id, CAST(content AS jsonb) FROM fhir_task WHERE NOT deleted
    )
    SELECT count(DISTINCT id) FROM (
        SELECT task_id AS id FROM spell
        WHERE next_at > ends_at AND outcome NOT IN ('completed', 'failed', 'cancelled')
        UNION ALL
        SELECT t.id FROM fhir_task t
        WHERE t.managed AND NOT t.deleted AND t.status = ANY(:open) AND NOT EXISTS (
            SELECT 1 FROM assignment a WHERE a.task_id = t.id AND a.ends_at IS NULL)
        UNION ALL
        SELECT t.id FROM fhir_task t
        WHERE t.managed AND NOT t.deleted
          AND NOT EXISTS (SELECT 1 FROM assignment a WHERE a.task_id = t.id)
        UNION ALL
        SELECT v.id FROM version v JOIN fhir_task t USING (id)
        WHERE t.managed AND v.content ->> 'status' = ANY(:open)
          AND coalesce(v.content #>> '{owner,reference}', '') = '') each
    """
)


def without_owner() -> int:
    """Count managed tasks that at any instant were open and nobody's.

    Between two spells of ownership no time may pass, no open task may lack a spell that runs, and
    no version of an open task, present or past, may lack its owner.
    """
    found: int = db.session.execute(
        _WITHOUT_OWNER, {"open": sorted(each.value for each in OPEN)}
    ).scalar_one()
    return found


_IN_TIME = text(
    """
    SELECT count(*) FILTER (WHERE c.stopped_at <= c.due_at) AS good, count(*) AS whole,
           count(*) FILTER (WHERE c.stopped_at <= c.due_at AND t.priority <> 'routine')
               AS urgent_good,
           count(*) FILTER (WHERE t.priority <> 'routine') AS urgent
    FROM task_clock c JOIN fhir_task t ON t.id = c.task_id
    WHERE t.code = 'intervention' AND t.focus LIKE 'ServiceRequest/%'
      AND coalesce(t.status, '') <> 'cancelled'
      AND (c.stopped_at IS NOT NULL OR c.due_at < :until)
    """
)

_HAND_OFFS = text(
    """
    SELECT coalesce(avg(moves), 0) FROM (
        SELECT greatest(count(*) FILTER (WHERE a.owner LIKE 'Practitioner/%') - 1, 0) AS moves
        FROM fhir_task t LEFT JOIN assignment a ON a.task_id = t.id
        WHERE t.managed AND t.code = 'intervention' GROUP BY t.id) each
    """
)


def kept(since: datetime, until: datetime) -> Kept:
    """Count the weeks from the hub's own rows."""
    row = db.session.execute(_IN_TIME, {"until": until}).one()
    nobody, unheard = urgent_with_nobody(since, until)
    return Kept(
        unassigned_past_limit=unheard,
        urgent_with_nobody=nobody,
        without_owner=without_owner(),
        share_in_time=round(row.good / max(1, row.whole), 4),
        share_in_time_urgent=round(row.urgent_good / max(1, row.urgent), 4),
        hand_offs=round(float(db.session.execute(_HAND_OFFS).scalar_one()), 3),
    )


def checked(report: Report, found: Kept) -> Report:
    """Return the report with what does not hold added to its problems."""
    problems = list(report.problems)
    if found.unassigned_past_limit:
        problems.append(f"{found.unassigned_past_limit} urgent tasks had nobody, unheard")
    if found.without_owner:
        problems.append(f"{found.without_owner} tasks had no owner at some instant")
    return replace(report, problems=tuple(problems))
