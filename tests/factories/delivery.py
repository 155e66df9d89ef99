"""A delivery that waits to be sent."""

from itertools import count
from typing import Any

from hub import clock
from hub.models.delivery import Delivery
from hub.records import new_id
from tests.factories import kept
from tests.factories.subscriber import subscriber

_NUMBERS = count(1)


def delivery(subscription_id: str | None = None, **columns: Any) -> Delivery:
    now = clock.now()
    defaults = {
        "id": new_id(),
        "event_id": new_id(),
        "sequence": next(_NUMBERS),
        "subject": f"Flag/{new_id()}",
        "version": 1,
        "kind": "RecordChanged",
        "created_at": now,
        "due_at": now,
    }
    return kept(
        Delivery(
            subscription_id=subscription_id or subscriber().subscription_id, **defaults | columns
        )
    )
