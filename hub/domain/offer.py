"""Offers of work from one person to another: the old owner keeps it until the other accepts.

Source: the care model, section 5; behaviour, point 12. An offer never lasts for ever: unanswered
work is work that nobody thinks is theirs.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class OfferKind(StrEnum):
    HANDOVER = "handover"
    """The other becomes the owner for good."""
    DELEGATION = "delegation"
    """The other does a part and it comes back; who delegates stays accountable."""


class Answer(StrEnum):
    """How an offer ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    """By the side that made it."""
    EXPIRED = "expired"
    """Nobody answered in time."""
    LAPSED = "lapsed"
    """The task was closed or went to somebody else meanwhile."""


@dataclass(frozen=True, slots=True)
class WorkPolicy:
    """How long people may take to answer; part of the hub definition (section ``work``)."""

    offer_minutes: int = 720
    """An offer of routine work lasts this long: to the next shift."""
    urgent_offer_minutes: int = 30
    """An offer of urgent work."""
    hold_grace_minutes: int = 1440
    """After its review a hold that nobody looked at ends by itself."""
    urgent_hold_grace_minutes: int = 120
    seen_within_days: int = 14
    """Who has not signed in for longer is flagged before they get work by name."""


def expires_at(
    policy: WorkPolicy, *, urgent: bool, now: datetime, due_at: datetime | None
) -> datetime:
    """Return when an offer ends unanswered.

    It never outlives half of the time that is left until the work is due: the owner who is told
    must still be able to do it. Work that is late already is answered in the urgent time.
    """
    short = now + timedelta(minutes=policy.urgent_offer_minutes)
    ends = short if urgent else now + timedelta(minutes=policy.offer_minutes)
    if due_at is None:
        return ends
    if due_at <= now:
        return min(ends, short)
    return min(ends, now + (due_at - now) / 2)


def hold_ends_at(policy: WorkPolicy, *, urgent: bool, review_at: datetime) -> datetime:
    """Return when a hold whose review nobody answered ends by itself."""
    minutes = policy.urgent_hold_grace_minutes if urgent else policy.hold_grace_minutes
    return review_at + timedelta(minutes=minutes)
