"""Each night: everything that came in is accounted for, or the auditor says what is not."""

from hub.services import conservation
from hub.transaction import transaction
from workflows.app import celery


@celery.task(name="workflows.conservation.sweep")  # type: ignore[untyped-decorator]
def sweep() -> int:
    """Count the days that are over and not counted, and those that did not add up, again."""
    counted = 0
    with transaction():
        due = conservation.due_days()
    for day in due:
        with transaction():
            conservation.count(day)
        counted += 1
    if due:
        with transaction():
            conservation.report()
    return counted
