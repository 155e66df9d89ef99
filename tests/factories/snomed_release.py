"""A SNOMED CT release, without rows of its own."""

from typing import Any

from hub import clock
from hub.models.snomed_release import SnomedRelease
from tests.factories import kept


def snomed_release(**columns: Any) -> SnomedRelease:
    defaults = {
        "edition": 900000000000207008,
        "version": "http://snomed.info/sct/900000000000207008/version/20260101",
        "concepts": 0,
        "active": False,
        "loaded_at": clock.now(),
    }
    return kept(SnomedRelease(**defaults | columns))
