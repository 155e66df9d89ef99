"""An open offer of a coordinator to a colleague, good for a week."""

from datetime import timedelta
from typing import Any

from hub import clock
from hub.models.accountability import AccountabilityOffer
from hub.records import new_id
from tests.factories import kept


def accountability_offer(patient_id: str | None = None, **columns: Any) -> AccountabilityOffer:
    now = clock.now()
    defaults = {
        "id": new_id(),
        "batch": new_id(),
        "role": "care-coordinator",
        "giver": "Practitioner/jo-coordinator",
        "receiver": "Practitioner/asha-nurse",
        "offered_at": now,
        "offered_by": "user/jo-coordinator",
        "expires_at": now + timedelta(days=7),
    }
    return kept(AccountabilityOffer(patient_id=patient_id or new_id(), **defaults | columns))
