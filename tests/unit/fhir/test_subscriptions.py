"""What a topic subscription asks for is read, or refused by element; what it gets is valid R4."""

from typing import Any

import pytest

from fhir.subscriptions import (
    TOPICS,
    Content,
    Event,
    Kind,
    Standing,
    UnreadableError,
    notification,
    read,
)
from fhir.validation import validate

GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
TASKS = next(iter(TOPICS))
STANDING = Standing("https://hub.example.org/fhir/Subscription/s1", TASKS, "active", 7)
AT = "2026-12-27T13:00:00.000000Z"


def subscription(
    *filters: str, topic: str = TASKS, content: str | None = "id-only", **channel: int
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "Test",
        "criteria": topic,
        "channel": {
            "type": "rest-hook",
            "endpoint": "https://example.org/hook",
            "payload": "application/fhir+json",
        },
    }
    if filters:
        said = [
            {"url": f"{GUIDE}/backport-filter-criteria", "valueString": each} for each in filters
        ]
        made["_criteria"] = {"extension": said}
    if content is not None:
        said = [{"url": f"{GUIDE}/backport-payload-content", "valueCode": content}]
        made["channel"]["_payload"] = {"extension": said}
    if channel:
        made["channel"]["extension"] = [
            {"url": f"{GUIDE}/{name.replace('_', '-')}", "valueUnsignedInt": value}
            for name, value in channel.items()
        ]
    return made


def test_what_is_asked_for_is_read() -> None:
    wanted = read(
        subscription("Task?owner=CareTeam/west", "status=requested", backport_heartbeat_period=60)
    )

    assert wanted is not None
    assert (wanted.topic, wanted.resource_type) == (TASKS, "Task")
    assert wanted.filters == "owner=CareTeam/west&status=requested"
    assert (wanted.content, wanted.heartbeat) == (Content.ID_ONLY, 60)


@pytest.mark.parametrize("criteria", ["Task?owner=CareTeam/west", "Task", ""])
def test_a_plain_subscription_is_none_of_a_topic(criteria: str) -> None:
    assert read(subscription(topic=criteria)) is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"topic": "http://example.org/topic"}, "criteria: no topic"),
        ({"content": "everything"}, "backport-payload-content: it may be empty"),
        ({"content": None}, "backport-payload-content"),
        ({"backport_heartbeat_period": 5}, "backport-heartbeat-period: from 10"),
        ({"backport_heartbeat_period": 90_000}, "backport-heartbeat-period: from 10"),
        ({"backport_heartbeat_period": 0}, "backport-heartbeat-period: a whole number"),
        ({"backport_timeout": 3}, "backport-timeout"),
        ({"backport_max_count": 0}, "backport-max-count"),
    ],
)
def test_what_is_not_offered_is_refused_by_its_element(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(UnreadableError, match=words):
        read(subscription(**wrong))


def test_a_filter_of_another_type_is_refused() -> None:
    with pytest.raises(UnreadableError, match="this topic is of Task, not Patient"):
        read(subscription("Patient?family=x"))


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(
    "events",
    [
        (),
        (Event(7, AT),),
        (Event(7, AT, "https://hub.example.org/fhir/Task/t1"),),
        (
            Event(
                7,
                AT,
                "https://hub.example.org/fhir/Task/t1",
                {"resourceType": "Task", "id": "t1", "status": "requested", "intent": "order"},
                3,
            ),
        ),
    ],
)
def test_a_notification_is_a_valid_bundle(kind: Kind, events: tuple[Event, ...]) -> None:
    made = notification(STANDING, kind, id="n1", status_id="s-1", at=AT, events=events)

    assert [each for each in validate(made) if each.severity != "information"] == []
    first = made["entry"][0]["resource"]
    said = {each["name"]: each for each in first["parameter"]}
    assert said["type"]["valueCode"] == kind.value
    assert said["events-since-subscription-start"]["valueString"] == "7"
    assert ("notification-event" in said) is bool(events)
    assert len(made["entry"]) == 1 + sum(each.focus is not None for each in events)


def test_a_fault_is_said() -> None:
    standing = Standing("https://hub.example.org/fhir/Subscription/s1", TASKS, "error", 0, "gone")
    made = notification(standing, Kind.STATUS, id="n1", status_id="s-1", at=AT)
    assert {"name": "error", "valueCodeableConcept": {"text": "gone"}} in made["entry"][0][
        "resource"
    ]["parameter"]
