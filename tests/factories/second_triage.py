"""A referral that Sam accepted for district nursing, waiting for a second look."""

from typing import Any

from hub import clock
from hub.models.second_triage import SecondTriage
from hub.records import new_id
from tests.factories import kept


def second_triage(**columns: Any) -> SecondTriage:
    defaults = {
        "task_id": new_id(),
        "request_id": new_id(),
        "request_version": 1,
        "why": "Wound",
        "team": "CareTeam/spor",
        "offered_at": clock.now(),
        "first_by": "Practitioner/sam-spor",
        "first_outcome": "accepted",
        "first_service": "district-nursing",
        "first_priority": "routine",
    }
    return kept(SecondTriage(**defaults | columns))
