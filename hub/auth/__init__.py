"""Who is at the door: accounts, sessions, registered systems and tokens become an Actor.

``init_app`` guards every route of the application; see ``public_routes`` for the open ones.
"""

from hub.auth.door import current_actor, current_grant, init_app
from hub.auth.sign_in import sign_in
from hub.auth.tokens import (
    Grant,
    actor_for_token,
    grant_for_token,
    issue_person_token,
    issue_token,
)

__all__ = [
    "Grant",
    "actor_for_token",
    "current_actor",
    "current_grant",
    "grant_for_token",
    "init_app",
    "issue_person_token",
    "issue_token",
    "sign_in",
]
