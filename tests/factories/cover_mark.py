"""What the hub's cover was counted from, just now."""

from typing import Any

from hub import clock
from hub.models.cover_mark import CoverMark
from hub.records import new_id
from tests.factories import kept


def cover_mark(**columns: Any) -> CoverMark:
    defaults = {"id": new_id(), "mark": "0123456789abcdef", "counted_at": clock.now()}
    return kept(CoverMark(**defaults | columns))
