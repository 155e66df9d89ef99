"""District nursing has three places, said just now."""

from typing import Any

from hub import clock
from hub.models.service_capacity import ServiceCapacity
from hub.records import new_id
from tests.factories import kept


def service_capacity(**columns: Any) -> ServiceCapacity:
    defaults = {
        "id": new_id(),
        "service": "district-nursing",
        "places": 3,
        "said_at": clock.now(),
        "said_by": "Practitioner/asha-nurse",
    }
    return kept(ServiceCapacity(**defaults | columns))
