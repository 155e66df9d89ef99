"""A message that a poll has just found in the mailbox."""

from typing import Any

from hub import clock
from hub.models.mesh_arrival import MeshArrival
from hub.records import new_id
from tests.factories import kept


def mesh_arrival(**columns: Any) -> MeshArrival:
    now = clock.now()
    defaults = {
        "id": new_id(),
        "mailbox": "X26ABC2",
        "message_id": new_id().upper(),
        "seen_at": now,
        "due_at": now,
    }
    return kept(MeshArrival(**defaults | columns))
