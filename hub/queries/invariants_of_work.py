"""Invariants of tasks, their owners, clocks and escalations (care model, sections 2, 4 and 5)."""

from datetime import datetime, timedelta

from fhir.systems import ACCOUNTABLE_ORGANIZATION, PERFORMING_ORGANIZATION
from hub import clock
from hub.domain.task_states import OPEN
from hub.queries.breaches import Invariant, by_sql

GRACE = timedelta(minutes=10)
"""What is due may be this late: a restart of everything takes less."""


def _late() -> datetime:
    return clock.now() - GRACE


def _open() -> list[str]:
    return sorted(OPEN)


INVARIANTS: tuple[Invariant, ...] = (
    by_sql(
        "task-owner",
        "Every managed task has an owner who exists",
        """
        SELECT 'Task/' || t.id, 'owner ' || coalesce(t.owner, 'missing')
        FROM fhir_task t
        WHERE t.managed AND NOT t.deleted AND NOT coalesce(
            CASE split_part(t.owner, '/', 1)
              WHEN 'Practitioner' THEN EXISTS (SELECT 1 FROM fhir_practitioner p
                WHERE p.id = split_part(t.owner, '/', 2) AND NOT p.deleted)
              WHEN 'CareTeam' THEN EXISTS (SELECT 1 FROM fhir_care_team c
                WHERE c.id = split_part(t.owner, '/', 2) AND NOT c.deleted)
              WHEN 'Organization' THEN EXISTS (SELECT 1 FROM fhir_organization o
                WHERE o.id = split_part(t.owner, '/', 2) AND NOT o.deleted)
            END, false)
        """,
    ),
    by_sql(
        "task-organisations",
        "Every managed task names the organisation that performs and the one accountable",
        """
        SELECT 'Task/' || t.id, 'without ' || wanted.url
        FROM fhir_task t, unnest(CAST(:urls AS text[])) AS wanted(url)
        WHERE t.managed AND NOT t.deleted AND NOT EXISTS (
            SELECT 1 FROM jsonb_array_elements(
                coalesce(CAST(t.content AS jsonb) -> 'extension', '[]')) AS e
            WHERE e ->> 'url' = wanted.url AND e #>> '{valueReference,reference}' <> '')
        """,
        urls=lambda: [ACCOUNTABLE_ORGANIZATION, PERFORMING_ORGANIZATION],
    ),
    by_sql(
        "task-assignment",
        "Every open managed task has exactly one spell of ownership, its owner's; no other has one",
        """
        SELECT 'Task/' || coalesce(t.id, a.task_id),
               'task of ' || coalesce(t.owner, 'nobody') || ' (' || coalesce(t.status, 'none')
               || '), spell of ' || coalesce(a.owner, 'nobody')
        FROM (SELECT id, owner, status FROM fhir_task
              WHERE managed AND NOT deleted AND status = ANY(:open)) t
        FULL JOIN (SELECT task_id, owner FROM assignment WHERE ends_at IS NULL) a
          ON a.task_id = t.id
        WHERE t.id IS NULL OR a.task_id IS NULL OR a.owner <> t.owner
        """,
        open=_open,
    ),
    by_sql(
        "task-rejected",
        "Declined work goes on to somebody else",
        """
        SELECT 'Task/' || t.id, 'declined and not given on' FROM fhir_task t
        WHERE t.managed AND NOT t.deleted AND t.status = 'rejected'
          AND t.last_updated < :late
          AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.subject = 'Task/' || t.id
                          AND o.handler = 'routing.route_task' AND o.handled_at IS NULL)
        """,
        late=_late,
    ),
    by_sql(
        "triage-answered",
        "No triage is over without an answer, and none that is open has one",
        """
        SELECT 'Task/' || t.id, 'triage is ' || t.status || ', step '
               || coalesce(t.business_status, 'none')
        FROM fhir_task t
        WHERE t.managed AND NOT t.deleted AND t.code = 'triage' AND t.status <> 'rejected'
          AND (t.status = ANY(:open)) = (coalesce(t.business_status, '')
               IN ('accepted', 'redirected', 'declined', 'withdrawn'))
        """,
        open=_open,
    ),
    by_sql(
        "clock-stopped",
        "No clock runs on a task that is over",
        """
        SELECT 'Task/' || c.task_id, 'clock ' || c.rule || ' runs'
        FROM task_clock c LEFT JOIN fhir_task t ON t.id = c.task_id AND NOT t.deleted
        WHERE c.stopped_at IS NULL AND (t.id IS NULL
          OR t.status IN ('completed', 'failed', 'cancelled', 'entered-in-error'))
        """,
    ),
    by_sql(
        "escalation-missed",
        "No step of a running clock is overdue",
        # A step that fails is put off again and again: then the clock itself tells.
        """
        SELECT 'Task/' || c.task_id, 'step ' || c.step || ' was due at '
               || least(c.next_step_at, c.due_at)
        FROM task_clock c
        WHERE c.next_step_at < :late
           OR (c.next_step_at IS NOT NULL AND c.due_at < :late AND EXISTS (
               SELECT 1 FROM json_array_elements(c.policy #> '{escalation,steps}')
                 WITH ORDINALITY AS s(said, number)
               WHERE CAST(s.said ->> 'percent' AS numeric) <= 100
                 AND s.said ->> 'when' IS NULL
                 AND NOT EXISTS (SELECT 1 FROM escalation_step e
                                 WHERE e.clock_id = c.id AND e.step = s.number - 1)
                 -- What was acknowledged stays away, unless it is the breach itself.
                 AND (CAST(s.said ->> 'reroute' AS boolean) OR NOT EXISTS (
                     SELECT 1 FROM escalation_step e
                     WHERE e.clock_id = c.id AND e.acknowledged_at IS NOT NULL
                       AND e.level >= CAST(s.said ->> 'percent' AS numeric)))))
        """,
        late=_late,
    ),
    by_sql(
        "escalation-once",
        "Every step that a clock has counted was taken once, repeats in turn",
        """
        SELECT 'Task/' || c.task_id, c.step || ' steps counted, '
               || count(e.id) FILTER (WHERE e.repeat = 0) || ' taken'
        FROM task_clock c LEFT JOIN escalation_step e ON e.clock_id = c.id
        GROUP BY c.id, c.task_id, c.step
        HAVING count(e.id) FILTER (WHERE e.repeat = 0) <> c.step
            OR count(DISTINCT e.step) <> c.step
            OR count(e.id) <> c.step + coalesce(sum(e.repeat) FILTER (WHERE e.repeat > 0
               AND NOT EXISTS (SELECT 1 FROM escalation_step later WHERE later.clock_id = e.clock_id
                               AND later.step = e.step AND later.repeat > e.repeat)), 0)
        """,
    ),
    by_sql(
        "task-parts",
        "Minutes and points of a task are on it or on its parts: none is lost or doubled",
        """
        SELECT 'Task/' || p.whole_id,
            last.minutes || ' left, ' || p.away || ' on parts, of ' || p.whole
        FROM (
            SELECT whole_id, max(whole_minutes) AS whole, min(whole_minutes) AS least,
                max(whole_points) AS points,
                coalesce(sum(minutes) FILTER (WHERE returned_at IS NULL), 0) AS away,
                coalesce(sum(points) FILTER (WHERE returned_at IS NULL), 0) AS points_away
            FROM task_part GROUP BY whole_id) AS p
        JOIN LATERAL (
            SELECT minutes, points FROM assignment a WHERE a.task_id = p.whole_id
            ORDER BY a.starts_at DESC, a.id DESC LIMIT 1) AS last ON true
        WHERE last.minutes + p.away <> p.whole OR p.whole <> p.least
           OR last.points + p.points_away <> p.points
        UNION ALL
        SELECT 'Task/' || p.part_id, 'is ' || last.minutes || ' minutes, not ' || p.minutes
        FROM task_part p
        JOIN LATERAL (
            SELECT minutes, points FROM assignment a WHERE a.task_id = p.part_id
            ORDER BY a.starts_at DESC, a.id DESC LIMIT 1) AS last ON true
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(minutes), 0) AS minutes, coalesce(sum(points), 0) AS points
            FROM task_part own WHERE own.whole_id = p.part_id AND own.returned_at IS NULL
        ) AS own ON true
        WHERE last.minutes + own.minutes <> p.minutes OR last.points + own.points <> p.points
        """,
    ),
    by_sql(
        "task-offer",
        "An open offer is of an open task, by its owner then, and ends in time",
        """
        SELECT 'Task/' || o.task_id, 'offer ' || o.id || ' stands'
        FROM task_offer o JOIN fhir_task t ON t.id = o.task_id
        WHERE o.answered_at IS NULL
          AND (t.status <> ALL(:open) OR t.owner <> o.owner OR o.expires_at < :late)
        """,
        open=_open,
        late=_late,
    ),
    by_sql(
        "sends-told",
        "Whoever must hear outside the hub does within ten minutes, or a person knows of it",
        """
        SELECT s.subject, s.channel || ' to ' || s.recipient || ' waits since ' || s.created_at
        FROM outside_send s
        WHERE s.state = 'waiting' AND s.due_at < :late
        """,
        late=_late,
    ),
    by_sql(
        "answers-told",
        "Whoever referred by message is told within ten minutes, or a person deals with it",
        """
        SELECT m.subject, m.outcome || ' not told to ' || m.client || ': ' || m.state
        FROM outgoing_message m
        WHERE m.state = 'dead' OR (m.state = 'waiting' AND m.due_at < :late
          AND NOT EXISTS (SELECT 1 FROM outgoing_message before
                          WHERE before.subject = m.subject AND before.event_id < m.event_id
                            AND before.state IN ('waiting', 'dead')))
        """,
        late=_late,
    ),
    by_sql(
        "cover-alarm-missed",
        "No alarm of a hole in the cover is overdue",
        """
        SELECT 'CoverHole/' || id, 'alarm was due at ' || next_alarm_at
        FROM cover_hole WHERE closed_at IS NULL AND next_alarm_at < :late
        """,
        late=_late,
    ),
    by_sql(
        "shift-overlap",
        "Nobody works two shifts at once",
        """
        SELECT a.practitioner, 'shifts ' || a.id || ' and ' || b.id
        FROM shift a JOIN shift b
          ON a.practitioner = b.practitioner AND a.id < b.id AND a.during && b.during
        """,
    ),
)
