"""A token of a registered system, good for an hour; its text is known to nobody."""

from datetime import timedelta
from secrets import token_bytes
from typing import Any

from hub import clock
from hub.models.access_token import AccessToken
from tests.factories import kept
from tests.factories.client import client


def access_token(**columns: Any) -> AccessToken:
    now = clock.now()
    if "username" not in columns and "client_id" not in columns:
        columns["client_id"] = client().id
    defaults = {
        "token_hash": token_bytes(32),
        "scopes": ["system/*.rs"],
        "issued_at": now,
        "expires_at": now + timedelta(hours=1),
    }
    return kept(AccessToken(**defaults | columns))
