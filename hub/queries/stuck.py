"""Open work that may be stuck, as the rule of ``hub.domain.stuck`` sees it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text

from hub import clock
from hub.db import db
from hub.domain.stuck import OpenWork
from hub.domain.task_states import TaskStatus

MOST = 2_000
"""Tasks of one look, the longest untouched first: a sweep must end."""


@dataclass(frozen=True, slots=True)
class Held:
    """An open task, whose team answers for it."""

    task_id: str
    team: str
    work: OpenWork


_HELD = text(
    """
    SELECT t.id, coalesce(a.team, a.owner) AS team, t.status, a.owner, a.urgent, a.starts_at,
           t.last_updated, before.owners
    FROM assignment a
    JOIN fhir_task t ON t.id = a.task_id
    CROSS JOIN LATERAL (
        SELECT array_agg(s.owner ORDER BY s.starts_at, s.id) AS owners
        FROM assignment s WHERE s.task_id = a.task_id) AS before
    WHERE a.ends_at IS NULL AND t.managed AND NOT t.deleted
      AND (cardinality(before.owners) > 2 OR a.starts_at < :rested)
    ORDER BY t.last_updated, t.id
    LIMIT :most
    """
)


def held(rested: timedelta) -> Iterator[Held]:
    """Yield open managed tasks that rest at least so long, or went from hand to hand."""
    rows = db.session.execute(_HELD, {"rested": clock.now() - rested, "most": MOST})
    for row in rows:
        yield Held(
            row.id,
            row.team,
            OpenWork(
                status=TaskStatus(row.status),
                owner=row.owner,
                urgent=row.urgent,
                owners=tuple(row.owners),
                held_since=row.starts_at,
                written_at=row.last_updated,
            ),
        )
