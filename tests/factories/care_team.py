"""A person's managed CareTeam with one member, who is in it still unless the period ends."""

from typing import Any

from hub import records
from hub.domain.actor import hub_actor
from hub.records import Record


def care_team(patient: str, member: str, *, end: str | None = None, **elements: Any) -> Record:
    """Keep a CareTeam; ``patient`` and ``member`` are references."""
    period = {"start": "2026-01-01"} | ({"end": end} if end else {})
    resource = {
        "resourceType": "CareTeam",
        "status": "active",
        "subject": {"reference": patient},
        "participant": [{"member": {"reference": member}, "period": period}],
    }
    return records.create(hub_actor("set-up"), resource | elements, managed=True)
