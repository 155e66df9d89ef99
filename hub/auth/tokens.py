"""Bearer tokens: issued to registered systems and to people's applications; turned into an Actor.

A token is 256 random bits; only its SHA-256 is stored. ``actor_for_token`` is on the API's hot
path, so a found grant is kept for two seconds in the process: that is how long a revoked token,
a deactivated client or account can at most go on being accepted by a process that knew it.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock

from hub import clock
from hub.auth.real_time import real_now
from hub.db import db, driver
from hub.domain.actor import Actor, ActorKind
from hub.domain.errors import RuleError
from hub.domain.scopes import uncovered
from hub.models.access_token import AccessToken
from hub.models.account import Account
from hub.models.client import Client
from hub.transaction import transaction

REVOCATION_SECONDS = 2.0
LONGEST = timedelta(days=366)
_CACHE_SIZE = 4096


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token gives: the Actor, and how the API treats the client behind it."""

    actor: Actor
    rate_limit: int | None
    """Points a minute; None: no limit."""
    own_ids: bool
    """May create resources under its own ids by PUT."""
    trusted_nhs_numbers: bool


_known: dict[bytes, tuple[float, Grant]] = {}
_lock = Lock()


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def new_token() -> str:
    return secrets.token_urlsafe(32)


def issue_token(client_id: str, scope: str, ttl: int = 3600) -> str:
    """Issue a token for a registered system; ``scope`` is a space-separated list of scopes."""
    client = db.session.get(Client, client_id)
    if client is None or not client.active:
        raise RuleError(f"no active client is registered as {client_id}")
    scopes = scope.split() or list(client.scopes)
    refused = uncovered(scopes, client.scopes)
    if refused:
        raise RuleError(
            f"{client_id} was not registered for {' '.join(refused)}; "
            f"it may ask for {' '.join(client.scopes)}"
        )
    return _issue(ttl, scopes, client_id=client_id)


def issue_person_token(username: str, ttl: int = 3600) -> str:
    """Issue a token with which an application acts as this person, with the person's own access."""
    account = db.session.get(Account, username)
    if account is None or not account.active:
        raise RuleError(f"no active account is called {username}")
    return _issue(ttl, ["user/*.cruds"], username=username)


def _issue(
    ttl: int, scopes: list[str], *, client_id: str | None = None, username: str | None = None
) -> str:
    if not 0 < ttl <= LONGEST.total_seconds():
        raise RuleError("a token lives between one second and 366 days")
    token = new_token()
    issued_at = real_now()
    with transaction():
        db.session.add(
            AccessToken(
                token_hash=token_hash(token),
                client_id=client_id,
                username=username,
                scopes=scopes,
                issued_at=issued_at,
                expires_at=issued_at + timedelta(seconds=ttl),
            )
        )
    return token


def revoke_token(token: str) -> None:
    """End a token now; processes that know it go on for at most ``REVOCATION_SECONDS``."""
    with transaction():
        found = db.session.get(AccessToken, token_hash(token))
        if found is not None and found.revoked_at is None:
            found.revoked_at = real_now()
    with _lock:
        _known.pop(token_hash(token), None)


def actor_for_token(token: str) -> Actor | None:
    """Return who holds this token, or None where it is unknown, expired or revoked."""
    grant = grant_for_token(token)
    return grant.actor if grant else None


def grant_for_token(token: str) -> Grant | None:
    """Return what this token gives: from the cache of two seconds, or by one indexed SELECT."""
    key = token_hash(token)
    moment = time.monotonic()
    found = _known.get(key)
    if found is not None and found[0] > moment:
        return found[1]
    grant, seconds_left = _select(key)
    with _lock:
        if grant is None:
            _known.pop(key, None)
            return None
        if len(_known) >= _CACHE_SIZE:
            _known.clear()
        _known[key] = (moment + min(REVOCATION_SECONDS, seconds_left), grant)
    return grant


def forget_tokens() -> None:
    """Empty this process's cache (tests; a client that was just changed here)."""
    with _lock:
        _known.clear()


_SELECT = """
SELECT t.scopes, t.expires_at, c.scopes, c.id, c.name, c.organization, c.rate_limit, c.own_ids,
       c.trusted_nhs_numbers, a.username, a.display, a.practitioner, a.organization, a.role,
       a.teams,
       ARRAY(SELECT d.practitioner FROM deputy d JOIN absence ab ON ab.id = d.absence_id
             WHERE d.deputy = a.practitioner AND ab.during @> %s::timestamptz)
FROM access_token t
LEFT JOIN client c ON c.id = t.client_id AND c.active
LEFT JOIN account a ON a.username = t.username AND a.active
  AND t.issued_at >= a.password_changed_at
WHERE t.token_hash = %s AND t.revoked_at IS NULL AND t.expires_at > %s
  AND (c.id IS NOT NULL OR a.username IS NOT NULL)
"""


def _select(key: bytes) -> tuple[Grant | None, float]:
    moment = real_now()
    with driver() as connection:
        row = connection.execute(_SELECT, (clock.now(), key, moment)).fetchone()
    if row is None:
        return None, 0.0
    scopes, expires_at, registered = row[:3]
    client_id, name, organization, rate_limit, own_ids, trusted = row[3:9]
    if client_id is not None:
        actor = Actor(
            kind=ActorKind.SYSTEM,
            id=f"client/{client_id}",
            display=name,
            organization=organization,
            # What was taken from a client since is taken from the tokens it holds.
            scopes=frozenset(scopes).difference(uncovered(scopes, registered)),
        )
        grant = Grant(actor, rate_limit, own_ids, trusted)
    else:
        username, display, practitioner, employer, role, teams, acts_for = row[9:]
        actor = Actor(
            kind=ActorKind.PERSON,
            id=f"user/{username}",
            display=display,
            practitioner=practitioner,
            organization=employer,
            role=role,
            teams=frozenset(teams),
            acts_for=frozenset(acts_for),
        )
        # A person's application types what a person types: no limit beyond the server's own.
        grant = Grant(actor, None, False, True)
    return grant, (expires_at - moment).total_seconds()
