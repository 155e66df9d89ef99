"""An attempt at a message that failed on our side."""

from typing import Any

from hub import clock
from hub.models.message_attempt import MessageAttempt
from hub.records import new_id
from tests.factories import kept
from tests.factories.inbox_message import inbox_message


def message_attempt(message_id: str | None = None, **columns: Any) -> MessageAttempt:
    defaults = {
        "id": new_id(),
        "message_id": message_id or inbox_message().id,
        "at": clock.now(),
        "by": "client/test-system",
        "body": b"{}",
        "http_status": 500,
        "faults": [{"code": "exception", "text": "ZeroDivisionError at referrals.py:1"}],
    }
    return kept(MessageAttempt(**defaults | columns))
