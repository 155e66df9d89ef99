"""A nurse who must not visit somebody of her own family."""

from typing import Any

from hub import clock
from hub.models.conflict import ConflictOfInterest
from hub.records import new_id
from tests.factories import kept


def conflict_of_interest(patient: str | None = None, **columns: Any) -> ConflictOfInterest:
    defaults = {
        "id": new_id(),
        "practitioner": "Practitioner/asha-nurse",
        "reason": "family",
        "recorded_by": "Practitioner/sam-spor",
        "recorded_at": clock.now(),
    }
    return kept(ConflictOfInterest(patient=patient or f"Patient/{new_id()}", **defaults | columns))
