"""A response that waits to be sent to the system that referred somebody."""

from itertools import count
from typing import Any

from hub import clock
from hub.models.outgoing_message import OutgoingMessage
from hub.records import new_id
from tests.factories import kept

_EVENTS = count(1)


def outgoing_message(**columns: Any) -> OutgoingMessage:
    now = clock.now()
    defaults = {
        "id": new_id(),
        "event_id": next(_EVENTS),
        "subject": "ServiceRequest/0",
        "client": "client/hospital-system",
        "kind": "validation-interim",
        "outcome": "accepted",
        "in_reply_to": new_id(),
        "bundle_id": new_id(),
        "request_id": "5f1c0f3e-0a01-4d43-8f4e-2f8c1f6d9a10",
        "target": "https://fhir.nhs.uk/Id/dos-service-id|2000099999",
        "headers": {"X-Request-Id": "5f1c0f3e-0a01-4d43-8f4e-2f8c1f6d9a10"},
        "body": b"{}",
        "created_at": now,
        "due_at": now,
    }
    return kept(OutgoingMessage(**defaults | columns))
