"""Active plans whose review date has come and which nobody has been asked to review."""

from datetime import date

from sqlalchemy import text

from fhir.systems import PLAN_REVIEW_DATE
from hub.db import db
from hub.domain.task_states import OPEN

_DUE = text(
    """
    SELECT p.id FROM fhir_care_plan p
    WHERE p.managed AND NOT p.deleted AND p.status = 'active'
      AND (CAST(:plan AS text) IS NULL OR p.id = :plan)
      AND EXISTS (
        SELECT 1 FROM jsonb_array_elements(
            coalesce(CAST(p.content AS jsonb) -> 'extension', '[]')) AS e
        WHERE e ->> 'url' = :url AND e ->> 'valueDate' <= :today)
      AND NOT EXISTS (
        SELECT 1 FROM fhir_task t
        WHERE t.focus = 'CarePlan/' || p.id AND t.code = 'plan-review'
          AND t.status = ANY(:open) AND NOT t.deleted)
    ORDER BY p.id
    """
)


def plans_due(today: date, plan_id: str | None = None) -> list[str]:
    """Return ids of plans due on a local day; with ``plan_id`` only that one, if it is due."""
    found = db.session.execute(
        _DUE,
        {
            "plan": plan_id,
            "url": PLAN_REVIEW_DATE,
            "today": today.isoformat(),
            "open": sorted(OPEN),
        },
    )
    return list(found.scalars())
