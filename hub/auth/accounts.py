"""Accounts and registered systems, opened, changed and switched off by set-up and commands."""

from collections.abc import Iterable

from hub.auth import passwords, sessions
from hub.auth.real_time import real_now
from hub.auth.tokens import forget_tokens
from hub.db import db
from hub.domain.errors import RuleError
from hub.models.account import Account
from hub.models.client import Client


def open_account(
    username: str,
    password: str,
    *,
    display: str,
    role: str,
    practitioner: str | None = None,
    organization: str | None = None,
    teams: Iterable[str] = (),
) -> Account:
    """Open an account, or bring an existing one up to date (its password only if it differs)."""
    name = username.strip().lower()
    if not name:
        raise RuleError("an account needs a user name")
    if len(password) < passwords.SHORTEST:
        raise RuleError(f"a password has at least {passwords.SHORTEST} characters")
    moment = real_now()
    account = db.session.get(Account, name)
    if account is None:
        account = Account(
            username=name,
            password_hash=passwords.hashed(password),
            created_at=moment,
            password_changed_at=moment,
        )
        db.session.add(account)
    elif not passwords.matches(account.password_hash, password):
        account.password_hash = passwords.hashed(password)
        account.password_changed_at = moment
    account.display = display
    account.role = role
    account.practitioner = practitioner
    account.organization = organization
    account.teams = sorted(teams)
    account.active = True
    db.session.flush()
    forget_tokens()
    return account


def close_account(username: str) -> None:
    """Switch an account off and end its sessions; its name stays in the audit."""
    account = db.session.get(Account, username)
    if account is None:
        raise RuleError(f"no account is called {username}")
    account.active = False
    sessions.end_all_sessions(username)
    db.session.flush()
    forget_tokens()


def register_client(
    client_id: str,
    name: str,
    *,
    scopes: Iterable[str],
    organization: str | None = None,
    rate_limit: int | None = None,
    own_ids: bool = False,
    trusted_nhs_numbers: bool = False,
) -> Client:
    """Register a system that may ask for tokens, or bring its registration up to date."""
    client = db.session.get(Client, client_id)
    if client is None:
        client = Client(id=client_id, created_at=real_now())
        db.session.add(client)
    client.name = name
    client.organization = organization
    client.scopes = list(scopes)
    client.rate_limit = rate_limit
    client.own_ids = own_ids
    client.trusted_nhs_numbers = trusted_nhs_numbers
    client.active = True
    db.session.flush()
    forget_tokens()
    return client
