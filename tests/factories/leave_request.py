"""A week of leave in a month, asked for and not decided."""

from datetime import timedelta
from typing import Any

from hub import clock
from hub.models.leave_request import LeaveRequest
from hub.records import new_id
from tests.factories import kept


def leave_request(practitioner: str = "Practitioner/asha-nurse", **columns: Any) -> LeaveRequest:
    now = clock.now()
    defaults = {
        "id": new_id(),
        "starts_at": now + timedelta(days=28),
        "ends_at": now + timedelta(days=35),
        "requested_at": now,
    }
    return kept(LeaveRequest(practitioner=practitioner, **defaults | columns))
