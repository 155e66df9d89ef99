"""Invariants of plans, named people, register and referrals (care model, sections 3, 6, 7, 8)."""

from fhir.systems import PLAN_REVIEW_DATE
from hub import clock
from hub.queries.breaches import Invariant, by_sql

_HELD = """
    SELECT t.id AS team, t.patient_id, c ->> 'code' AS role,
           p #>> '{member,reference}' AS who,
           CAST(p #>> '{period,start}' AS timestamptz) AS starts,
           coalesce(CAST(p #>> '{period,end}' AS timestamptz), 'infinity') AS ends,
           o AS place
    FROM fhir_care_team t,
         jsonb_array_elements(coalesce(CAST(t.content AS jsonb) -> 'participant', '[]'))
           WITH ORDINALITY AS e(p, o),
         jsonb_array_elements(coalesce(p -> 'role', '[]')) AS r,
         jsonb_array_elements(coalesce(r -> 'coding', '[]')) AS c
    WHERE t.managed AND NOT t.deleted AND t.category = 'accountability'
      AND c ->> 'code' IN ('accountable-gp', 'care-coordinator', 'social-worker')
"""

_SPELLS = _HELD.replace(
    "'social-worker')",
    "'social-worker', 'accountable-gp-stand-in', 'care-coordinator-stand-in',"
    " 'social-worker-stand-in')",
)
"""Stand-ins too."""

INVARIANTS: tuple[Invariant, ...] = (
    by_sql(
        "plan-named-people",
        "Every active plan has its accountable professional and its coordinator",
        f"""
        WITH held AS ({_HELD})
        SELECT 'CarePlan/' || p.id, 'without ' || wanted.role
        FROM fhir_care_plan p, unnest(ARRAY['accountable-gp', 'care-coordinator']) AS wanted(role)
        WHERE p.managed AND NOT p.deleted AND p.status = 'active'
          AND NOT EXISTS (SELECT 1 FROM held h WHERE h.patient_id = p.patient_id
                          AND h.role = wanted.role AND h.ends = 'infinity')
          AND NOT EXISTS (SELECT 1 FROM fhir_task t WHERE t.patient_id = p.patient_id
                          AND t.managed AND NOT t.deleted AND t.code = 'vacancy'
                          AND t.status NOT IN ('completed', 'failed', 'cancelled',
                                               'entered-in-error'))
        """,
    ),
    by_sql(
        "plan-review-date",
        "Every active plan has a review date",
        """
        SELECT 'CarePlan/' || p.id, 'without a review date' FROM fhir_care_plan p
        WHERE p.managed AND NOT p.deleted AND p.status = 'active' AND NOT EXISTS (
            SELECT 1 FROM jsonb_array_elements(
                coalesce(CAST(p.content AS jsonb) -> 'extension', '[]')) AS e
            WHERE e ->> 'url' = :url AND e ->> 'valueDate' <> '')
        """,
        url=lambda: PLAN_REVIEW_DATE,
    ),
    by_sql(
        "accountable-once",
        "Nobody has two people accountable in one role at once",
        f"""
        WITH held AS ({_HELD})
        SELECT 'CareTeam/' || a.team, a.role || ': ' || a.who || ' and ' || b.who
        FROM held a JOIN held b ON a.team = b.team AND a.role = b.role AND a.place < b.place
          AND a.starts < b.ends AND b.starts < a.ends
        """,
    ),
    by_sql(
        "accountable-rows",
        "Who is accountable stands in the rows as it stands in the records",
        f"""
        WITH held AS (
            SELECT patient_id, role, who, starts, ends FROM ({_SPELLS}) AS s
            WHERE NOT EXISTS (SELECT 1 FROM patient_merge m
                              WHERE m.target = s.patient_id AND m.unmerged_at IS NULL)
        ), kept AS (
            SELECT patient_id, role || CASE WHEN stands_in THEN '-stand-in' ELSE '' END AS role,
                   practitioner AS who, lower(during) AS starts,
                   coalesce(upper(during), 'infinity') AS ends
            FROM accountable_spell s
            WHERE NOT EXISTS (SELECT 1 FROM patient_merge m
                              WHERE m.target = s.patient_id AND m.unmerged_at IS NULL)
        )
        SELECT 'Patient/' || patient_id, role || ': ' || who FROM
            ((TABLE held EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE held)) AS d
        """,
    ),
    by_sql(
        "answered-for",
        "Everybody in the hub's care has one person who answers in each role they need",
        """
        SELECT 'Patient/' || n.patient_id, 'nobody answers as ' || n.role
        FROM (
            SELECT p.patient_id, r.role FROM fhir_care_plan p,
                   unnest(ARRAY['accountable-gp', 'care-coordinator']) AS r(role)
            WHERE p.managed AND NOT p.deleted AND p.status IN ('active', 'on-hold')
            UNION
            SELECT e.patient_id, r.role FROM fhir_episode_of_care e,
                   unnest(ARRAY['accountable-gp', 'care-coordinator']) AS r(role)
            WHERE e.managed AND NOT e.deleted AND e.status = 'active' AND e.type = 'eol-register'
            UNION
            SELECT e.patient_id, 'social-worker' FROM fhir_episode_of_care e
            WHERE e.managed AND NOT e.deleted AND e.status = 'active' AND e.type = 'social-care'
        ) AS n
        JOIN fhir_patient person ON person.id = n.patient_id AND NOT person.deleted
          AND person.d_death_date_lo IS NULL
        WHERE NOT EXISTS (SELECT 1 FROM accountable_spell s WHERE s.patient_id = n.patient_id
                          AND s.role = n.role AND s.during @> CAST(:now AS timestamptz))
        """,
        now=clock.now,
    ),
    by_sql(
        "vacancy-owned",
        "Every stand-in has an open task to name somebody",
        """
        SELECT 'Patient/' || s.patient_id, s.role || ' is vacant and nobody has the task'
        FROM accountable_spell s
        WHERE s.stands_in AND upper_inf(s.during) AND NOT EXISTS (
            SELECT 1 FROM fhir_task t WHERE t.patient_id = s.patient_id AND t.managed
              AND NOT t.deleted AND t.code = 'vacancy'
              AND t.status NOT IN ('completed', 'failed', 'cancelled', 'entered-in-error'))
        """,
    ),
    by_sql(
        "leaver-holds",
        "Nobody who has left holds anything without a date",
        """
        SELECT d.practitioner, 'Task/' || a.task_id
        FROM departure d JOIN assignment a ON a.owner = d.practitioner AND a.ends_at IS NULL
        WHERE NOT EXISTS (SELECT 1 FROM time_box b WHERE b.practitioner = d.practitioner
                          AND b.ended_at IS NULL AND b.holding IN ('task:' || a.task_id,
                                                                   'referral:' || a.task_id))
        UNION ALL
        SELECT d.practitioner, 'Patient/' || s.patient_id || ' ' || s.role
        FROM departure d JOIN accountable_spell s ON s.practitioner = d.practitioner
          AND upper_inf(s.during)
        WHERE NOT EXISTS (SELECT 1 FROM time_box b WHERE b.practitioner = d.practitioner
                          AND b.ended_at IS NULL
                          AND b.holding IN ('accountability:' || s.patient_id || '/' || s.role,
                                            'stand-in:' || s.patient_id || '/' || s.role))
        """,
    ),
    by_sql(
        "register-consent",
        "Every active register entry has an active consent",
        """
        SELECT 'EpisodeOfCare/' || e.id, 'without consent' FROM fhir_episode_of_care e
        WHERE e.managed AND NOT e.deleted AND e.status = 'active' AND e.type = 'eol-register'
          AND NOT EXISTS (SELECT 1 FROM fhir_consent c WHERE c.patient_id = e.patient_id
                          AND c.managed AND NOT c.deleted AND c.status = 'active')
        """,
    ),
    by_sql(
        "register-once",
        "Nobody is on the register twice",
        """
        SELECT 'Patient/' || e.patient_id, count(*) || ' active entries'
        FROM fhir_episode_of_care e
        WHERE e.managed AND NOT e.deleted AND e.status = 'active' AND e.type = 'eol-register'
        GROUP BY e.patient_id HAVING count(*) > 1
        """,
    ),
    by_sql(
        "referral-triage",
        "Every referral was given to triage exactly once",
        """
        SELECT 'ServiceRequest/' || s.id, count(t.id) || ' triage tasks'
        FROM fhir_service_request s
        LEFT JOIN fhir_task t ON t.focus = 'ServiceRequest/' || s.id AND t.managed
          AND NOT t.deleted AND t.code = 'triage' AND t.status <> 'entered-in-error'
        WHERE s.managed AND NOT s.deleted
        GROUP BY s.id HAVING count(t.id) <> 1
        """,
    ),
    by_sql(
        "referral-accepted",
        "Every accepted referral has its work, once",
        """
        SELECT t.focus, count(w.id) || ' intervention tasks'
        FROM fhir_task t
        LEFT JOIN fhir_task w ON w.focus = t.focus AND w.managed AND NOT w.deleted
          AND w.code = 'intervention' AND w.status <> 'entered-in-error'
        WHERE t.managed AND NOT t.deleted AND t.code = 'triage' AND t.status = 'completed'
          AND t.business_status = 'accepted'
        GROUP BY t.focus HAVING count(w.id) <> 1
        """,
    ),
    by_sql(
        "message-referral",
        "Every referral message that was processed left its record",
        """
        SELECT 'InboxMessage/' || m.id, coalesce(m.subject, 'no subject')
        FROM inbox_message m
        WHERE m.status = 'processed' AND m.kind LIKE 'referral-%'
          AND NOT EXISTS (SELECT 1 FROM fhir_service_request s
                          WHERE 'ServiceRequest/' || s.id = m.subject)
        """,
    ),
)
