"""A file that was loaded to its end."""

import hashlib
from typing import Any

from hub import clock
from hub.models.loaded_file import LoadedFile
from hub.records import new_id
from tests.factories import kept


def loaded_file(**columns: Any) -> LoadedFile:
    defaults = {
        "digest": hashlib.sha256(new_id().encode()).hexdigest(),
        "name": "people.ndjson",
        "position": 46,
        "finished": True,
        "loaded_at": clock.now(),
    }
    return kept(LoadedFile(**defaults | columns))
