"""Server-side sessions in PostgreSQL. The cookie is the only copy of a session's token."""

from datetime import timedelta

from sqlalchemy import delete, select, update

from hub import clock
from hub.auth.real_time import real_now
from hub.auth.tokens import new_token, token_hash
from hub.db import db
from hub.domain.actor import Actor, ActorKind
from hub.models.account import Account
from hub.models.session import Session
from hub.queries import deputising

IDLE = timedelta(hours=2)
"""Without a request by the person: a shift's pause, not a night."""
ABSOLUTE = timedelta(hours=13)
"""A long shift and its handover."""
_TOUCH = timedelta(minutes=1)
"""``seen_at`` is written at most this often: a read must not cost a write each time."""


def actor_of(account: Account) -> Actor:
    return Actor(
        kind=ActorKind.PERSON,
        id=f"user/{account.username}",
        display=account.display,
        practitioner=account.practitioner,
        organization=account.organization,
        role=account.role,
        teams=frozenset(account.teams),
        acts_for=deputising.absent_for(account.practitioner, clock.now()),
    )


def open_session(account: Account, *, address: str = "") -> str:
    """Start a session and return its token; sessions that are long over are cleared away."""
    token = new_token()
    moment = real_now()
    db.session.execute(delete(Session).where(Session.expires_at < moment - timedelta(days=1)))
    db.session.add(
        Session(
            token_hash=token_hash(token),
            username=account.username,
            created_at=moment,
            seen_at=moment,
            expires_at=moment + ABSOLUTE,
            address=address,
        )
    )
    # In the hub's own time: it is read by rules about work, not by the door.
    account.signed_in_at = clock.now()
    db.session.flush()
    return token


def actor_for_session(token: str) -> tuple[Actor, bool] | None:
    """Return who is signed in with this cookie, and whether ``seen_at`` should be written."""
    moment = real_now()
    statement = (
        select(Account, Session.seen_at)
        .join(Session, Session.username == Account.username)
        .where(
            Session.token_hash == token_hash(token),
            Session.revoked_at.is_(None),
            Session.expires_at > moment,
            Session.seen_at > moment - IDLE,
            Session.created_at >= Account.password_changed_at,
            Account.active,
        )
    )
    row = db.session.execute(statement).one_or_none()
    if row is None:
        return None
    return actor_of(row[0]), row[1] < moment - _TOUCH


def touch(token: str) -> None:
    """Note that the person is still there."""
    db.session.execute(
        update(Session).where(Session.token_hash == token_hash(token)).values(seen_at=real_now())
    )


def end_session(token: str) -> None:
    db.session.execute(
        update(Session)
        .where(Session.token_hash == token_hash(token), Session.revoked_at.is_(None))
        .values(revoked_at=real_now())
    )


def end_all_sessions(username: str) -> int:
    """End every session of a person: a lost device, a leaver."""
    statement = (
        update(Session)
        .where(Session.username == username, Session.revoked_at.is_(None))
        .values(revoked_at=real_now())
        .returning(Session.token_hash)
    )
    return len(list(db.session.scalars(statement)))
