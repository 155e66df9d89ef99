"""The synchronous answer to a message: a message Bundle that points back at the one received."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from fhir.messaging.codes import (
    BOOKING_REQUEST,
    BOOKING_RESPONSE,
    BUNDLE_PROFILE,
    MESSAGE_EVENTS,
    MESSAGE_REASONS,
    SERVICE_RESPONSE,
)
from fhir.messaging.message import Message


def answer_bundle(
    message: Message,
    *,
    answer_id: str,
    header_id: str,
    at: datetime,
    source: dict[str, Any],
    results: Iterable[tuple[str, dict[str, Any]]] = (),
) -> dict[str, Any]:
    """Build the answer.

    ``results`` are (absolute URL, resource) as this receiver keeps them: the sender learns from
    them under which ids it can read or cancel later.
    """
    moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    listed = list(results)
    header: dict[str, Any] = {
        "resourceType": "MessageHeader",
        "id": header_id,
        "meta": {"lastUpdated": moment},
        "eventCoding": {
            "system": MESSAGE_EVENTS,
            "code": BOOKING_RESPONSE if message.event == BOOKING_REQUEST else SERVICE_RESPONSE,
        },
        "destination": [{"endpoint": message.reply_to}],
        "source": source,
        "reason": {"coding": [{"system": MESSAGE_REASONS, "code": message.reason}]},
        "response": {"identifier": message.id, "code": "ok"},
    }
    if listed:
        header["focus"] = [{"reference": listed[0][0]}]
    return {
        "resourceType": "Bundle",
        "id": answer_id,
        "meta": {
            "versionId": message.version,
            "lastUpdated": moment,
            "profile": [BUNDLE_PROFILE],
        },
        "type": "message",
        "timestamp": moment,
        "entry": [
            {"fullUrl": f"urn:uuid:{header_id}", "resource": header},
            *({"fullUrl": url, "resource": resource} for url, resource in listed),
        ],
    }
