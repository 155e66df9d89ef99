"""R4 Subscriptions by rest-hook: handshake, ordered deliveries, each attempt and answer kept.

http://hl7.org/fhir/R4/subscription.html. ``status``, ``error`` and secret headers belong to the
server: behaviour.md, thirteenth rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.domain.actor import Actor
from hub.models.delivery import Delivery
from hub.records.record import Record


@dataclass(frozen=True, slots=True)
class Told:
    """One line of "who was told": a subscriber and how the delivery stands."""

    subscriber: str
    subject: str
    status: str
    attempts: int
    sent_at: datetime | None
    acknowledged_at: datetime | None
    acknowledgement: str | None
    error: str | None


def subscribe(
    actor: Actor,
    *,
    criteria: str,
    endpoint: str,
    name: str,
    id: str | None = None,  # noqa: A002
) -> Record:
    """Create a Subscription record with status ``requested``; the handshake follows."""
    raise NotImplementedError


def deliveries_for(subjects: Sequence[str]) -> list[Told]:
    """Return who was told of records (``EpisodeOfCare/1``) or of a person (``Patient/1``)."""
    raise NotImplementedError


def replay(actor: Actor, delivery_id: str) -> Delivery:
    """Send a dead delivery again."""
    raise NotImplementedError
