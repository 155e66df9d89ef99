"""The auditor: a job of its own that looks for what should have happened and did not."""

import structlog
from flask import current_app

from hub.domain.actor import hub_actor
from hub.queries import integrity
from hub.services import repairs
from hub.transaction import transaction
from workflows import heartbeat
from workflows.app import celery

log = structlog.get_logger(__name__)

_ACTOR = hub_actor("auditor")

WATCHED = (
    "task-owner",
    "task-assignment",
    "task-rejected",
    "clock-stopped",
    "escalation-missed",
    "outbox-handled",
    "outbox-poisonous",
    "delivery-told",
)
"""The invariants that an index answers; the others are for `carehub integrity`."""


@celery.task(name="workflows.reconciliation.audit")  # type: ignore[untyped-decorator]
def audit() -> int:
    """Report breaches, mend what may be mended, and say that the auditor lives."""
    breaches = 0
    with transaction():
        for result in integrity.check(WATCHED):
            for breach in result.breaches:
                breaches += 1
                log.error(
                    "invariant broken",
                    invariant=result.name,
                    subject=breach.subject,
                    detail=breach.detail,
                )
        repairs.release_declined(_ACTOR)
    heartbeat.beat(current_app.extensions["carehub_redis"], "auditor")
    return breaches
