"""A shift of an hour ago as it stood until a minute ago."""

from datetime import timedelta
from typing import Any

from sqlalchemy.dialects.postgresql import Range

from hub import clock
from hub.models.rota_history import RotaHistory
from hub.records import new_id
from tests.factories import kept


def rota_history(practitioner: str = "Practitioner/asha-nurse", **columns: Any) -> RotaHistory:
    now = clock.now()
    defaults = {
        "kind": "shift",
        "row_id": new_id(),
        "uid": new_id(),
        "team": "CareTeam/district-nursing-west",
        "during": Range(now - timedelta(hours=1), now + timedelta(hours=7)),
        "known": Range(now - timedelta(days=1), now - timedelta(minutes=1)),
        "content": {"role": "district-nurse", "kind": "work"},
        "ended_at": now - timedelta(minutes=1),
        "ended_by": "user/asha-nurse",
        "cause": "taken-off",
    }
    return kept(RotaHistory(practitioner=practitioner, **defaults | columns))
