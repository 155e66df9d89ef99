"""A critical line of a pack that nobody has acknowledged yet."""

from datetime import timedelta
from typing import Any

from hub.models.handover import HandoverLine, HandoverPack
from hub.records import new_id
from tests.factories import kept
from tests.factories.handover_pack import handover_pack


def handover_line(pack: HandoverPack | None = None, **columns: Any) -> HandoverLine:
    pack = pack or handover_pack()
    defaults = {
        "id": new_id(),
        "pack_id": pack.id,
        "place": 1,
        "kind": "urgent",
        "subject": f"Task/{new_id()}",
        "words": "Urgent work that is open",
        "critical": True,
        "told": 0,
        "alarm_at": pack.made_at + timedelta(minutes=30),
    }
    return kept(HandoverLine(**defaults | columns))
