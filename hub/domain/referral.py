"""The life of a referral: steps, what triage may answer, what the door answers by itself.

Source: the care model, section 3. Services, ages, windows and door rules are the hub's data.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from hub.domain.definition import RoutingRule, Service, Spor
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


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the door knows of a referral that comes in."""

    service: str | None
    """Code or Directory of Services id of the service asked for; None is "advise me"."""
    codes: frozenset[str] = frozenset()
    """SNOMED CT codes of the request, its reason and its conditions."""
    reason: str = ""
    age: int | None = None
    suspected_cancer: bool = False


#: Code of the door rule that answers urgent suspected cancer; a ticked box matches it by name.
SUSPECTED_CANCER = "suspected-cancer"


def door_answer(arrival: Arrival, rules: Iterable[RoutingRule]) -> RoutingRule | None:
    """Return the first rule that answers this referral at once, or None: a person triages it."""
    return next((rule for rule in rules if _matches(rule, arrival)), None)


def _matches(rule: RoutingRule, arrival: Arrival) -> bool:
    if not _age_matches(rule, arrival.age):
        return False
    if arrival.suspected_cancer and rule.task == "suspected-cancer-check":
        return True
    text = f" {' '.join(arrival.reason.casefold().split())} "
    named = arrival.service is not None and arrival.service in rule.services
    coded = bool(arrival.codes & frozenset(rule.codes))
    # A rule by age alone is for its services; words and codes hold whatever was asked for.
    if rule.codes or rule.words:
        worded = any(word in text for word in rule.words)
        return coded or worded or (named and rule.below_age is None and rule.from_age is None)
    return named


def _age_matches(rule: RoutingRule, age: int | None) -> bool:
    if rule.below_age is None and rule.from_age is None:
        return True
    if age is None:
        return False
    return (rule.below_age is None or age < rule.below_age) and (
        rule.from_age is None or age >= rule.from_age
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


@dataclass(frozen=True, slots=True)
class EarlierReferral:
    """A referral of the same person that is on record."""

    reference: str
    received_at: datetime
    service: str | None
    codes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Repeats:
    """What triage is shown of earlier referrals."""

    duplicates: tuple[str, ...]
    """Same need within the window."""
    revolving_door: bool
    """Three or more in a rolling year, this one included: an MDT review is offered."""
    count: int


def repeats(
    arrival: Arrival, earlier: Iterable[EarlierReferral], spor: Spor, now: datetime
) -> Repeats:
    """Return what is known of the same person's earlier referrals."""
    history = list(earlier)
    window = now - timedelta(days=spor.duplicate_days)
    year = now - timedelta(days=spor.revolving_door_days)
    duplicates = sorted(
        each.reference
        for each in history
        if each.received_at >= window
        and (
            (each.service is not None and each.service == arrival.service)
            or bool(each.codes & arrival.codes)
        )
    )
    count = 1 + sum(1 for each in history if each.received_at >= year)
    return Repeats(
        duplicates=tuple(duplicates),
        revolving_door=count >= spor.revolving_door_referrals,
        count=count,
    )
