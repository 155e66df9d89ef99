"""What the auditor may mend by itself: work that lost its event gets a new one."""

from sqlalchemy import text

from hub import records
from hub.db import db
from hub.domain.actor import Actor

_LOST = text(
    """
    SELECT t.id FROM fhir_task t
    WHERE t.managed AND NOT t.deleted AND t.status = 'rejected'
      AND NOT EXISTS (
        SELECT 1 FROM outbox o WHERE o.subject = 'Task/' || t.id
          AND o.handler = 'routing.route_task' AND o.handled_at IS NULL)
    ORDER BY t.id LIMIT 100
    """
)


def release_declined(actor: Actor) -> list[str]:
    """Route declined work again whose event is gone; return the ids of the tasks."""
    found = list(db.session.execute(_LOST).scalars())
    for task_id in found:
        records.outbox.emit(
            "TaskReleased", subject=f"Task/{task_id}", payload={"cause": "declined"}
        )
        records.audit.record(actor, "task-released", f"Task/{task_id}")
    return found
