"""The auditor: a job of its own that looks for what should have happened and did not."""

import structlog
from flask import current_app

from hub.domain.actor import hub_actor
from hub.queries import integrity
from hub.services import findings, repairs
from hub.services.findings import Seen
from hub.transaction import transaction
from workflows import heartbeat
from workflows.app import celery

log = structlog.get_logger(__name__)

_ACTOR = hub_actor("auditor")


@celery.task(name="workflows.reconciliation.audit")  # type: ignore[untyped-decorator]
def audit() -> int:
    """Report breaches, mend what may be mended, and say that the auditor lives."""
    breaches = 0
    with transaction():
        for result in integrity.check(integrity.WATCHED):
            breaches += len(result.breaches)
            seen = Seen(
                result.name,
                result.title,
                {breach.subject: breach.detail for breach in result.breaches},
                whole=len(result.breaches) < integrity.SHOWN,
            )
            # Said once, when it is new: what is seen every minute is read by nobody.
            for finding in findings.note(seen):
                log.error(
                    "invariant broken",
                    invariant=finding.invariant,
                    subject=finding.subject,
                    detail=finding.detail,
                )
        repairs.release_declined(_ACTOR)
    heartbeat.beat(current_app.extensions["carehub_redis"], "auditor")
    return breaches
