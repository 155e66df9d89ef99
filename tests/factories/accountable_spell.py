"""A coordinator who has answered for somebody for an hour."""

from datetime import timedelta
from typing import Any

from sqlalchemy.dialects.postgresql import Range

from hub import clock
from hub.models.accountability import AccountableSpell
from hub.records import new_id
from tests.factories import kept


def accountable_spell(patient_id: str | None = None, **columns: Any) -> AccountableSpell:
    defaults = {
        "id": new_id(),
        "role": "care-coordinator",
        "practitioner": "Practitioner/jo-coordinator",
        "during": Range(clock.now() - timedelta(hours=1), None),
        "stands_in": False,
    }
    return kept(AccountableSpell(patient_id=patient_id or new_id(), **defaults | columns))
