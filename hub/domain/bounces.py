"""Referrals that came back to their referrer, and people who were declined and then admitted.

Source: the care model, section 3: inside the bundle a referral is moved, not sent back. Returned to
the referrer is an exception with a coded reason, and is counted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

WITHIN = timedelta(hours=72)
"""Elapsed, whatever the clocks do."""


@dataclass(frozen=True, slots=True)
class Declined:
    """A referral that was declined."""

    request: str
    """``ServiceRequest/<id>``."""
    patient: str
    reason: str
    """Code of the list ``decline-reasons``."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody came into hospital, or to an emergency department."""

    encounter: str
    patient: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DeclinedThenAdmitted:
    declined: Declined
    admission: Admission


def declined_then_admitted(
    declined: Iterable[Declined], admissions: Iterable[Admission]
) -> list[DeclinedThenAdmitted]:
    """Return each declined referral with the first admission of the same person within 72 hours.

    An admission in the moment of the decision counts, one before it does not.
    """
    by_person: Mapping[str, list[Admission]] = _by_person(admissions)
    found = []
    for each in sorted(declined, key=lambda one: (one.at, one.request)):
        first = next(
            (
                came
                for came in by_person.get(each.patient, ())
                if each.at <= came.at <= each.at + WITHIN
            ),
            None,
        )
        if first is not None:
            found.append(DeclinedThenAdmitted(each, first))
    return found


def by_reason(declined: Iterable[Declined]) -> dict[str, int]:
    """Count what was sent back, by its coded reason, the commonest first."""
    counts: dict[str, int] = {}
    for each in declined:
        counts[each.reason] = counts.get(each.reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _by_person(admissions: Iterable[Admission]) -> dict[str, list[Admission]]:
    found: dict[str, list[Admission]] = {}
    for each in sorted(admissions, key=lambda one: one.at):
        found.setdefault(each.patient, []).append(each)
    return found
