"""Somebody whose last day is today."""

from typing import Any

from hub import clock
from hub.models.departure import Departure
from hub.records import new_id
from tests.factories import kept


def departure(practitioner: str | None = None, **columns: Any) -> Departure:
    practitioner = practitioner or f"Practitioner/lucy-{new_id()}"
    now = clock.now()
    defaults = {"leaves_at": now, "confirmed_by": "user/morgan-manager", "confirmed_at": now}
    return kept(Departure(practitioner=practitioner, **defaults | columns))
