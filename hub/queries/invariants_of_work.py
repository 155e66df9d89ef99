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
           OR (c.next_step_at IS NOT NULL AND c.due_at < :late
               AND coalesce(CAST(c.policy #>> ARRAY['escalation', 'steps', CAST(c.step AS text),
                                                    'percent'] AS numeric), 0) <= 100)
        """,
        late=_late,
    ),
    by_sql(
        "escalation-once",
        "Every step that a clock has counted was taken exactly once",
        """
        SELECT 'Task/' || c.task_id, c.step || ' steps counted, ' || count(e.id) || ' taken'
        FROM task_clock c LEFT JOIN escalation_step e ON e.clock_id = c.id
        GROUP BY c.id, c.task_id, c.step
        HAVING count(e.id) <> c.step
            OR (c.step > 0 AND (min(e.step) <> 0 OR max(e.step) <> c.step - 1))
        """,
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
