"""Who answers for whom, kept as time passes: birthdays, offers that end, people who leave."""

import structlog

from hub.domain.actor import hub_actor
from hub.services import accountability, accountability_need, accountability_offers, leaving
from hub.transaction import transaction
from workflows.app import celery
from workflows.handlers import Event, handler

log = structlog.get_logger(__name__)

_ACTOR = hub_actor("accountability")

AT_ONCE = 50
"""People settled in one sweep: a load of thousands does not keep the queue from others."""


@handler
def expire_offer(event: Event) -> None:
    """AccountabilityOfferEnds, due at its end: nobody answered, both sides are told."""
    accountability_offers.expire(event.subject_id)


@handler
def end_time_box(event: Event) -> None:
    """TimeBoxEnds, due at its date: what a leaver holds still escalates."""
    leaving.end_time_box(event.subject_id)


@handler
def take_leave(event: Event) -> None:
    """StaffLeaves, due on the last day: contract and sign-in end."""
    leaving.take_leave(event.subject)


@celery.task(name="workflows.accountability.sweep")  # type: ignore[untyped-decorator]
def sweep() -> int:
    """Give a stand-in and an urgent task to whoever has to be answered for; return how many."""
    with transaction():
        waiting = accountability_need.unanswered(AT_ONCE)
    settled = 0
    for patient_id in waiting:
        try:
            with transaction():
                accountability.settle(_ACTOR, patient_id)
            settled += 1
        except Exception:
            log.exception("person not settled", patient=patient_id)
    return settled
