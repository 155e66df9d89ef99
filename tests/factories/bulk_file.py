"""A file that an export is going to write."""

from typing import Any

from hub.models.bulk import OUTPUT, BulkFile
from tests.factories import kept
from tests.factories.bulk_job import bulk_job


def bulk_file(**columns: Any) -> BulkFile:
    defaults = {
        "number": 1,
        "kind": OUTPUT,
        "type": "Patient",
        "name": "Patient.0001.ndjson",
        "count": 3,
    }
    if "job_id" not in columns:
        defaults["job_id"] = bulk_job().id
    return kept(BulkFile(**defaults | columns))
