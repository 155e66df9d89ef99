"""Plan reviews that fall due become tasks."""

import structlog

from hub.domain.actor import hub_actor
from hub.services import reviews, vacancies
from hub.transaction import transaction
from workflows.app import celery

log = structlog.get_logger(__name__)

_ACTOR = hub_actor("reviews")


@celery.task(name="workflows.reviews.sweep")  # type: ignore[untyped-decorator]
def sweep() -> int:
    """Open a review task for every active plan whose review date has come; return how many."""
    opened = 0
    with transaction():
        due = reviews.plans_due()
    for plan_id in due:
        try:
            with transaction():
                opened += reviews.ask_for_review(_ACTOR, plan_id) is not None
        except Exception:
            log.exception("review not opened", plan=plan_id)
    # Nobody knows on its first day how long an absence will be: it becomes a vacancy by lasting.
    with transaction():
        vacancies.open_tasks_after_long_absences(_ACTOR)
    return opened
