"""A person's account. No password opens it: tests of signing in use ``hub.auth.accounts``."""

from typing import Any

from hub import clock
from hub.models.account import Account
from hub.records import new_id
from tests.factories import kept


def account(username: str | None = None, **columns: Any) -> Account:
    name = username or f"asha-{new_id()}"
    now = clock.now()
    defaults = {
        "password_hash": "!",
        "display": "Asha Nurse",
        "practitioner": f"Practitioner/{name}",
        "organization": "Organization/rxs",
        "role": "district-nurse",
        "teams": ["CareTeam/district-nursing-west"],
        "created_at": now,
        "password_changed_at": now,
    }
    return kept(Account(username=name, **defaults | columns))
