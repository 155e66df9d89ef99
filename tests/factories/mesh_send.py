"""An acknowledgement that waits to be sent by MESH."""

from typing import Any

from hub import clock
from hub.models.mesh_send import INFRASTRUCTURE, MeshSend
from hub.records import new_id
from tests.factories import kept
from tests.factories.inbox_message import inbox_message


def mesh_send(inbox_id: str | None = None, **columns: Any) -> MeshSend:
    now = clock.now()
    defaults = {
        "id": new_id(),
        "key": f"{new_id()}/infrastructure",
        "inbox_id": inbox_id or inbox_message().id,
        "kind": INFRASTRUCTURE,
        "code": "20013",
        "recipient": "X26ABC1",
        "workflow": "TOC_FHIR_EDISCHARGE_ACK",
        "body": b"<Bundle/>",
        "created_at": now,
        "due_at": now,
    }
    return kept(MeshSend(**defaults | columns))
