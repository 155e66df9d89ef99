"""Which message answers a referral that came by message, for each thing that can become of it.

Source: the receiver's table of the BaRS guide (Bundle processing). It knows answers to validation
requests, and of transfers of care only the safeguarding no-show; everything else about a transfer
of care is sent to systems that have agreed to it (the hub's data, ``clients.answers``).
"""

from enum import StrEnum

from fhir.messaging.response import ResponseKind
from hub.domain.answers import Answers
from hub.domain.referral import TriageOutcome


class WorkOutcome(StrEnum):
    """What became of an accepted referral."""

    DONE = "done"
    NOT_ATTENDED = "not-attended"


Outcome = TriageOutcome | WorkOutcome

SENDERS_OWN = frozenset({"referrer-cancelled", "entered-in-error"})
"""Reasons of a withdrawal by its sender, who need not be told."""

_VALIDATION = {
    TriageOutcome.ACCEPTED: ResponseKind.INTERIM,
    TriageOutcome.ASKED: ResponseKind.INTERIM,
    TriageOutcome.REDIRECTED: ResponseKind.FINAL,
    TriageOutcome.DECLINED: ResponseKind.REJECTED,
    TriageOutcome.WITHDRAWN: ResponseKind.REJECTED,
    WorkOutcome.DONE: ResponseKind.FINAL,
    WorkOutcome.NOT_ATTENDED: ResponseKind.FINAL,
}
_STATUS = {
    # ServiceRequest.status of a short answer.
    TriageOutcome.ACCEPTED: "active",
    TriageOutcome.ASKED: "active",
    TriageOutcome.REDIRECTED: "completed",
    TriageOutcome.DECLINED: "revoked",
    TriageOutcome.WITHDRAWN: "revoked",
    WorkOutcome.DONE: "completed",
    WorkOutcome.NOT_ATTENDED: "completed",
}


def outcome_of(code: str) -> Outcome:
    """Return the outcome that an event names; raises ValueError for another word."""
    try:
        return TriageOutcome(code)
    except ValueError:
        return WorkOutcome(code)


def response_to(
    category: str,
    outcome: Outcome,
    *,
    reason: str | None = None,
    safeguarding: bool = False,
    answers: Answers = Answers.STANDARD,
) -> ResponseKind | None:
    """Return the message that is owed, or None: its sender did it, or the standard has none."""
    if outcome is TriageOutcome.WITHDRAWN and reason in SENDERS_OWN:
        return None
    if category == "validation":
        return _VALIDATION[outcome]
    if outcome is WorkOutcome.NOT_ATTENDED and safeguarding:
        return ResponseKind.NO_SHOW
    return ResponseKind.SHORT if answers is Answers.ALL else None


def status_of(outcome: Outcome) -> str:
    """Return ServiceRequest.status as a short answer says it."""
    return _STATUS[outcome]
