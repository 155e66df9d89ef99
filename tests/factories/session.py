"""A session that was opened now and lasts twelve hours."""

from datetime import timedelta
from secrets import token_bytes
from typing import Any

from hub import clock
from hub.models.session import Session
from tests.factories import kept
from tests.factories.account import account


def session(username: str | None = None, **columns: Any) -> Session:
    now = clock.now()
    defaults = {
        "token_hash": token_bytes(32),
        "created_at": now,
        "seen_at": now,
        "expires_at": now + timedelta(hours=12),
        "address": "192.0.2.1",
    }
    return kept(Session(username=username or account().username, **defaults | columns))
