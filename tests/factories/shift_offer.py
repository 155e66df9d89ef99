"""A shift that is offered to a colleague and starts in an hour."""

from datetime import timedelta
from typing import Any

from hub import clock
from hub.models.shift_offer import ShiftOffer
from hub.records import new_id
from tests.factories import kept


def shift_offer(offered_by: str = "Practitioner/asha-nurse", **columns: Any) -> ShiftOffer:
    now = clock.now()
    defaults = {
        "id": new_id(),
        "shift_id": new_id(),
        "shift_sequence": 0,
        "offered_to": "Practitioner/gareth-price",
        "offered_at": now,
        "expires_at": now + timedelta(hours=1),
    }
    return kept(ShiftOffer(offered_by=offered_by, **defaults | columns))
