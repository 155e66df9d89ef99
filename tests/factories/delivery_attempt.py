"""The first attempt at a delivery, which was answered with success."""

from typing import Any

from hub import clock
from hub.models.delivery import DeliveryAttempt
from tests.factories import kept
from tests.factories.delivery import delivery


def delivery_attempt(delivery_id: str | None = None, **columns: Any) -> DeliveryAttempt:
    defaults = {
        "number": 1,
        "attempted_at": clock.now(),
        "http_status": 200,
        "milliseconds": 12,
    }
    return kept(DeliveryAttempt(delivery_id=delivery_id or delivery().id, **defaults | columns))
