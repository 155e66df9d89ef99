"""A task that a leaver may keep for a week."""

from datetime import timedelta
from typing import Any

from hub import clock
from hub.models.departure import TimeBox
from hub.records import new_id
from tests.factories import kept


def time_box(practitioner: str = "Practitioner/lucy-hart", **columns: Any) -> TimeBox:
    now = clock.now()
    defaults = {
        "id": new_id(),
        "holding": f"task:{new_id()}",
        "words": "Change the dressing",
        "until": now + timedelta(days=7),
        "owner": "Practitioner/asha-nurse",
        "set_by": "user/morgan-manager",
        "set_at": now,
    }
    return kept(TimeBox(practitioner=practitioner, **defaults | columns))
