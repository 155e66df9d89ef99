"""A nurse at work for eight hours, since an hour ago."""

from datetime import timedelta
from typing import Any

from sqlalchemy.dialects.postgresql import Range

from hub import clock
from hub.models.shift import Shift
from hub.records import new_id
from tests.factories import kept


def shift(practitioner: str = "Practitioner/asha-nurse", **columns: Any) -> Shift:
    start = clock.now() - timedelta(hours=1)
    defaults = {
        "id": new_id(),
        "during": Range(start, start + timedelta(hours=8)),
        "role": "district-nurse",
        "team": "CareTeam/district-nursing-west",
        "minutes": 360,
    }
    return kept(Shift(practitioner=practitioner, **defaults | columns))
