"""Topic-based Subscriptions in R4: what one asks for, and the notifications that it gets.

Source: Subscriptions R5 Backport 1.1, http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/
("R4 Notifications", "Payload Types", profiles backport-subscription and
backport-subscription-status-r4). Pure: resources in, resources out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fhir.systems import CAREHUB

Json = dict[str, Any]

_GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
PROFILE = f"{_GUIDE}/backport-subscription"
NOTIFICATION_PROFILE = f"{_GUIDE}/backport-subscription-notification-r4"
STATUS_PROFILE = f"{_GUIDE}/backport-subscription-status-r4"
TOPIC_CANONICAL = f"{_GUIDE}/capabilitystatement-subscriptiontopic-canonical"
_FILTER = f"{_GUIDE}/backport-filter-criteria"
_HEARTBEAT = f"{_GUIDE}/backport-heartbeat-period"
_TIMEOUT = f"{_GUIDE}/backport-timeout"
_MAX_COUNT = f"{_GUIDE}/backport-max-count"
_CONTENT = f"{_GUIDE}/backport-payload-content"

PATIENCE = 10
"""Seconds that an endpoint has for its answer."""
SHORTEST_HEARTBEAT = 10
LONGEST_HEARTBEAT = 86_400
"""Seconds between two heartbeats: of a subscriber that watches, and once a day."""

TOPICS: Mapping[str, str] = {
    f"{CAREHUB}/SubscriptionTopic/task-changed": "Task",
    f"{CAREHUB}/SubscriptionTopic/service-request-changed": "ServiceRequest",
    f"{CAREHUB}/SubscriptionTopic/care-plan-changed": "CarePlan",
    f"{CAREHUB}/SubscriptionTopic/flag-changed": "Flag",
    f"{CAREHUB}/SubscriptionTopic/episode-of-care-changed": "EpisodeOfCare",
}
"""Canonical of a topic -> type whose creates and updates it tells of."""


class Content(StrEnum):
    """How much of a changed record a notification holds."""

    EMPTY = "empty"
    ID_ONLY = "id-only"
    FULL = "full-resource"


class Kind(StrEnum):
    """Why a notification is sent; codes of subscription-notification-type."""

    HANDSHAKE = "handshake"
    HEARTBEAT = "heartbeat"
    EVENT = "event-notification"
    STATUS = "query-status"
    EVENTS = "query-event"


class UnreadableError(ValueError):
    """A topic subscription asks for what is not offered; the text names element and choice."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a topic subscription asks for."""

    topic: str
    resource_type: str
    filters: str
    """Query string without the type, empty for all: every filter holds."""
    content: Content
    heartbeat: int | None
    """Seconds; None: no heartbeat."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a subscription; ``focus`` is set where its reader may know the record."""

    number: int
    timestamp: str
    """Instant."""
    focus: str | None = None
    resource: Json | None = field(default=None, compare=False)
    version: int = 1


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subscription stands, for the status that opens every notification."""

    subscription: str
    """Absolute address of the Subscription."""
    topic: str
    status: str
    events: int
    """Events since it was first made."""
    error: str | None = None


def read(subscription: Mapping[str, Any]) -> Wanted | None:
    """Return what a Subscription asks for; None where it is no topic subscription.

    Raises UnreadableError.
    """
    criteria = str(subscription.get("criteria", ""))
    if not criteria.startswith(("http://", "https://", "urn:")):
        return None
    kind = TOPICS.get(criteria)
    if kind is None:
        offered = ", ".join(TOPICS)
        raise UnreadableError(f"criteria: no topic {criteria} is offered; offered are {offered}")
    channel = subscription["channel"]
    heartbeat = _number(channel, _HEARTBEAT, "backport-heartbeat-period")
    if heartbeat is not None and not SHORTEST_HEARTBEAT <= heartbeat <= LONGEST_HEARTBEAT:
        raise UnreadableError(
            f"channel.extension backport-heartbeat-period: from {SHORTEST_HEARTBEAT} to"
            f" {LONGEST_HEARTBEAT} seconds"
        )
    timeout = _number(channel, _TIMEOUT, "backport-timeout")
    if timeout is not None and timeout < PATIENCE:
        raise UnreadableError(
            f"channel.extension backport-timeout: the hub waits {PATIENCE} seconds; ask for no less"
        )
    # One event a notification keeps within every maximum.
    _number(channel, _MAX_COUNT, "backport-max-count")
    return Wanted(
        criteria,
        kind,
        "&".join(_filters(subscription, kind)),
        _content(channel),
        heartbeat,
    )


def _filters(subscription: Mapping[str, Any], kind: str) -> Iterable[str]:
    for each in (subscription.get("_criteria") or {}).get("extension") or ():
        if each.get("url") != _FILTER:
            continue
        text = str(each.get("valueString", ""))
        named, mark, query = text.partition("?")
        if not mark:
            query = text
        elif named != kind:
            raise UnreadableError(
                f"criteria.extension backport-filter-criteria: this topic is of {kind}, not"
                f" {named or 'nothing'}"
            )
        if query:
            yield query


def _content(channel: Mapping[str, Any]) -> Content:
    said = (channel.get("_payload") or {}).get("extension") or ()
    code = next((each.get("valueCode") for each in said if each.get("url") == _CONTENT), None)
    try:
        return Content(str(code))
    except ValueError:
        raise UnreadableError(
            "channel.payload.extension backport-payload-content: it may be empty, id-only or"
            " full-resource"
        ) from None


def _number(channel: Mapping[str, Any], url: str, name: str) -> int | None:
    for each in channel.get("extension") or ():
        if each.get("url") == url:
            value = each.get("valueUnsignedInt", each.get("valuePositiveInt"))
            if not isinstance(value, int) or value < 1:
                raise UnreadableError(f"channel.extension {name}: a whole number of 1 or more")
            return value
    return None


def status(standing: Standing, kind: Kind, events: Sequence[Event] = ()) -> Json:
    """Return the Parameters resource that says how a subscription stands."""
    said: list[Json] = [
        {"name": "subscription", "valueReference": {"reference": standing.subscription}},
        {"name": "topic", "valueCanonical": standing.topic},
        {"name": "status", "valueCode": standing.status},
        {"name": "type", "valueCode": kind.value},
        {"name": "events-since-subscription-start", "valueString": str(standing.events)},
    ]
    for each in events:
        part: list[Json] = [
            {"name": "event-number", "valueString": str(each.number)},
            {"name": "timestamp", "valueInstant": each.timestamp},
        ]
        if each.focus is not None:
            part.append({"name": "focus", "valueReference": {"reference": each.focus}})
        said.append({"name": "notification-event", "part": part})
    if standing.error:
        said.append({"name": "error", "valueCodeableConcept": {"text": standing.error}})
    return {
        "resourceType": "Parameters",
        "meta": {"profile": [STATUS_PROFILE]},
        "parameter": said,
    }


def notification(
    standing: Standing,
    kind: Kind,
    *,
    id: str,  # noqa: A002 - the FHIR element
    status_id: str,
    at: str,
    events: Sequence[Event] = (),
) -> Json:
    """Return the Bundle that a subscriber gets: first the status, then what the events are about.

    An event without focus stands in the status only; one without resource is named by its address.
    """
    entries: list[Json] = [
        {
            "fullUrl": f"urn:uuid:{status_id}",
            "resource": {**status(standing, kind, events), "id": status_id},
            "request": {"method": "GET", "url": f"{standing.subscription}/$status"},
            "response": {"status": "200"},
        }
    ]
    for each in events:
        if each.focus is None:
            continue
        created = each.version == 1
        relative = "/".join(each.focus.split("/")[-2:])
        entries.append(
            {
                "fullUrl": each.focus,
                **({"resource": each.resource} if each.resource is not None else {}),
                "request": {
                    "method": "POST" if created else "PUT",
                    "url": relative.partition("/")[0] if created else relative,
                },
                "response": {"status": "201" if created else "200"},
            }
        )
    return {
        "resourceType": "Bundle",
        "id": id,
        "meta": {"profile": [NOTIFICATION_PROFILE]},
        "type": "history",
        "timestamp": at,
        "entry": entries,
    }
