"""An export that nobody has begun."""

from typing import Any

from hub import clock
from hub.models.bulk import EXPORT, BulkJob
from hub.records import new_id
from tests.factories import kept

ORDER: dict[str, Any] = {
    "types": ["Patient"],
    "since": None,
    "until": None,
    "of_people": False,
    "people": None,
    "group": None,
    "filters": {},
    "elements": {},
}


def bulk_job(**columns: Any) -> BulkJob:
    defaults = {
        "id": new_id(),
        "kind": EXPORT,
        "actor_id": "client/test-system",
        "actor": {
            "kind": "system",
            "id": "client/test-system",
            "display": "Test system",
            "practitioner": None,
            "organization": None,
            "role": None,
            "teams": [],
            "scopes": ["system/*.cruds"],
        },
        "request": "https://hub.example.org/fhir/$export?_type=Patient",
        "asked": ORDER,
        "created_at": clock.now(),
        "turn_at": clock.now(),
    }
    return kept(BulkJob(**defaults | columns))
