"""The life of a referral: its steps, what triage may answer, ages and the falls question.

Source: the care model, section 3. Services and ages are the hub's data.
"""

from datetime import date
from enum import StrEnum

from hub.domain.definition import Service, Spor
from hub.domain.errors import RuleError, StateError


class Step(StrEnum):
    """Task.businessStatus of a referral, in the order of its life."""

    RECEIVED = "received"
    VALIDATED = "validated"
    TRIAGED = "triaged"
    ALLOCATED = "allocated"
    FIRST_CONTACT = "first-contact"
    ASSESSED = "assessed"
    IN_SERVICE = "in-service"
    OUTCOME = "outcome"
    CLOSED = "closed"


STEPS = tuple(Step)


class TriageOutcome(StrEnum):
    """What triage answers. ``asked`` waits; the others end the triage."""

    ACCEPTED = "accepted"
    REDIRECTED = "redirected"
    DECLINED = "declined"
    ASKED = "asked"
    WITHDRAWN = "withdrawn"


WAITING: frozenset[str] = frozenset({Step.RECEIVED, Step.VALIDATED, TriageOutcome.ASKED})


def check_step(before: Step, after: Step) -> None:
    """Refuse a step back; steps may be skipped where a service does two at once."""
    later = STEPS[STEPS.index(before) :]
    if after not in later:
        raise StateError(
            f"a referral that is {before} does not go back to {after}",
            field="businessStatus",
            allowed=later,
        )


def check_outcome(current: str, outcome: TriageOutcome, *, reason: str | None) -> None:
    """Refuse an answer to a referral that has one, or one without its reason."""
    if current not in WAITING:
        raise StateError(f"triage has answered: {current}", field="businessStatus")
    wants_reason = outcome is not TriageOutcome.ACCEPTED
    if wants_reason and not (reason or "").strip():
        raise RuleError(f"a referral is {outcome} with a reason", field="reason")


def check_redirect(target: Service) -> None:
    """Refuse to bounce: inside the bundle a referral is moved to the service by accepting it."""
    if target.in_bundle:
        raise RuleError(
            f"{target.name} is inside the hub: accept the referral for it", field="service"
        )


def age_on(birth_date: date, day: date) -> int:
    """Return completed years; somebody born on 29 February turns a year older on 1 March."""
    before = (day.month, day.day) < (birth_date.month, birth_date.day)
    return day.year - birth_date.year - before


def check_age(service: Service, age: int | None) -> None:
    """Refuse a service whose age bounds the person is outside of."""
    if not service.serves_age(age):
        lowest = service.minimum_age or 0
        bounds = (
            f"{lowest} and over"
            if service.maximum_age is None
            else f"{lowest} to {service.maximum_age}"
        )
        raise RuleError(f"{service.name} is for people aged {bounds}", field="service")


def must_ask_about_falls(age: int | None, spor: Spor) -> bool:
    """Everyone of 65 and over who is referred is asked about falls."""
    return age is not None and age >= spor.falls_question_age


def needs_falls_assessment(answer: bool | None) -> bool:
    return answer is True
