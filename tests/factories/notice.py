"""A notice that nobody has seen yet."""

from typing import Any

from hub import clock
from hub.models.notice import Notice
from hub.records import new_id
from tests.factories import kept


def notice(recipient: str = "Practitioner/asha-nurse", **columns: Any) -> Notice:
    defaults = {
        "id": new_id(),
        "kind": "TaskAssigned",
        "subject": f"Task/{new_id()}",
        "line": "A visit is yours.",
        "created_at": clock.now(),
        "key": new_id(),
    }
    return kept(Notice(recipient=recipient, **defaults | columns))
