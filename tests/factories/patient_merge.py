"""A merge of two people made now, which moved nothing but themselves."""

from typing import Any

from hub import clock
from hub.models.patient_merge import PatientMerge
from hub.records import new_id
from tests.factories import kept


def patient_merge(source: str | None = None, **columns: Any) -> PatientMerge:
    from_id, target = source or new_id(), new_id()
    defaults = {
        "id": new_id(),
        "target": target,
        "merged_at": clock.now(),
        "merged_by": "user/morgan-manager",
        "moved": [[f"Patient/{from_id}", 1, 2], [f"Patient/{target}", 1, 2]],
    }
    return kept(PatientMerge(source=from_id, **defaults | columns))
