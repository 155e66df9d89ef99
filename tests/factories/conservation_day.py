"""A counted day on which nothing came, each the day after the one before."""

from datetime import date, timedelta
from itertools import count
from typing import Any

from hub import clock
from hub.models.conservation_day import ConservationDay
from tests.factories import kept

_DAYS = count()


def conservation_day(**columns: Any) -> ConservationDay:
    defaults = {
        "day": date(2026, 1, 1) + timedelta(days=next(_DAYS)),
        "counted_at": clock.now(),
        "hours": [],
        "broken": 0,
    }
    return kept(ConservationDay(**defaults | columns))
