"""A person who is away, from an hour ago, with no return known."""

from datetime import timedelta
from typing import Any

from sqlalchemy.dialects.postgresql import Range

from hub import clock
from hub.models.absence import Absence
from hub.records import new_id
from tests.factories import kept


def absence(practitioner: str = "Practitioner/asha-nurse", **columns: Any) -> Absence:
    now = clock.now()
    defaults = {
        "id": new_id(),
        "during": Range(now - timedelta(hours=1), None),
        "reason": "sickness",
        "reported_by": "user/morgan-manager",
        "reported_at": now,
    }
    return kept(Absence(practitioner=practitioner, **defaults | columns))
