"""The first stage of a hole's alarm, rung now: the lead was told."""

from typing import Any

from hub import clock
from hub.models.cover_alarm import CoverAlarm
from hub.models.cover_hole import CoverHole
from hub.records import new_id
from tests.factories import kept
from tests.factories.cover_hole import cover_hole


def cover_alarm(of: CoverHole | None = None, **columns: Any) -> CoverAlarm:
    hole = of or cover_hole()
    defaults = {
        "id": new_id(),
        "hole_id": hole.id,
        "round": hole.round,
        "stage": "lead",
        "rung_at": clock.now(),
        "told": ["Practitioner/phil-pharmacist"],
    }
    return kept(CoverAlarm(**defaults | columns))
