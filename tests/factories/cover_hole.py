"""An hour of tomorrow for which a team has nobody, found now."""

from datetime import timedelta
from typing import Any

from hub import clock
from hub.models.cover_hole import CoverHole
from hub.records import new_id
from tests.factories import kept


def cover_hole(team: str = "CareTeam/pharmacy", **columns: Any) -> CoverHole:
    now = clock.now()
    defaults = {
        "id": new_id(),
        "need": "pharmacists",
        "name": "Pharmacist",
        "missing": "nobody",
        "short": 1,
        "starts_at": now + timedelta(days=1),
        "ends_at": now + timedelta(days=1, hours=1),
        "cause": "Nobody is planned.",
        "caused_by": "sweep",
        "caused_at": now,
        "opened_at": now,
    }
    return kept(CoverHole(team=team, **defaults | columns))
