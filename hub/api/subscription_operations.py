"""``Subscription/$status`` and ``Subscription/[id]/$events`` of topic subscriptions.

http://hl7.org/fhir/uv/subscriptions-backport/STU1.1/operations.html. Only the system that
subscribed may ask; for everybody else its subscriptions are not there.
"""

from flask import Response

from fhir.outcomes import BadRequestError
from fhir.subscriptions import Content
from hub.api import answers
from hub.api.operations import Operation, Parameter, operation
from hub.api.parameters import Given, given
from hub.auth import current_actor
from hub.services import notifications

_GUIDE = "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition"
_CODES = ("valueId", "valueCode", "valueString")
_STATES = ("requested", "active", "error", "off")


@operation(
    Operation(
        "status",
        "Say how topic subscriptions of the client stand: status, events so far, fault.",
        (
            Parameter("id", "id", max="*", documentation="Of all where it is absent."),
            Parameter("status", "code", max="*", documentation="Only those that stand so."),
            Parameter("return", "Bundle", use="out", min=1),
        ),
        type=True,
        instance=True,
        types=("Subscription",),
        canonical=f"{_GUIDE}/backport-subscription-status",
    )
)
def subscription_status(_type: str | None, subscription_id: str | None) -> Response:
    asked = given()
    asked.only("id", "status")
    ids = _texts(asked, "id")
    if subscription_id is not None:
        if ids:
            raise BadRequestError("the address names the subscription already", expression="id")
        ids = [subscription_id]
    states = _texts(asked, "status")
    for each in states:
        if each not in _STATES:
            raise BadRequestError(
                f"{each} is no status; valid: {', '.join(_STATES)}", expression="status"
            )
    return answers.of_json(notifications.statuses(current_actor(), ids, states))


@operation(
    Operation(
        "events",
        "Give past events of a topic subscription again, by their numbers.",
        (
            Parameter("eventsSinceNumber", "string", documentation="From this one on, inclusive."),
            Parameter("eventsUntilNumber", "string", documentation="Up to this one, inclusive."),
            Parameter(
                "content", "code", documentation="empty, id-only, full-resource; else as usual."
            ),
            Parameter("return", "Bundle", use="out", min=1),
        ),
        instance=True,
        types=("Subscription",),
        canonical=f"{_GUIDE}/backport-subscription-events",
    )
)
def subscription_events(_type: str | None, subscription_id: str | None) -> Response:
    assert subscription_id is not None
    asked = given()
    asked.only("eventsSinceNumber", "eventsUntilNumber", "content")
    return answers.of_json(
        notifications.past_events(
            current_actor(),
            subscription_id,
            since=_number(asked, "eventsSinceNumber"),
            until=_number(asked, "eventsUntilNumber"),
            content=_content(asked),
        )
    )


def _texts(asked: Given, name: str) -> list[str]:
    found = []
    for each in asked:
        if each.get("name") != name:
            continue
        value = next((each[kind] for kind in _CODES if kind in each), "")
        if not isinstance(value, str) or not value:
            raise BadRequestError(f"{name} is a code", expression=name)
        found += value.split(",")
    return found


def _number(asked: Given, name: str) -> int | None:
    text = asked.value(name, "string", "integer", "unsignedInt", "positiveInt")
    if text is None:
        return None
    plain = str(text)
    if not (plain.isascii() and plain.isdigit()) or len(plain) > 18:
        raise BadRequestError(f"{name} is the number of an event", expression=name)
    return int(plain)


def _content(asked: Given) -> Content | None:
    text = asked.text("content")
    try:
        return Content(text) if text is not None else None
    except ValueError:
        raise BadRequestError(
            f"content is {', '.join(Content)}, not {text}", expression="content"
        ) from None
