"""The pack of a nursing team for a shift change an hour ago."""

from datetime import timedelta
from typing import Any

from hub import clock
from hub.models.handover import HandoverPack
from hub.records import new_id
from tests.factories import kept


def handover_pack(team: str = "CareTeam/district-nursing-west", **columns: Any) -> HandoverPack:
    at = clock.now() - timedelta(hours=1)
    defaults = {
        "id": new_id(),
        "at": at,
        "since": at - timedelta(hours=8),
        "until": at + timedelta(hours=8),
        "made_at": at,
    }
    return kept(HandoverPack(team=team, **defaults | columns))
