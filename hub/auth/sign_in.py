"""Signing in with a local account: throttled per account and per address, every attempt kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from hub.auth import passwords, sessions
from hub.auth.real_time import real_now
from hub.db import db
from hub.domain.actor import hub_actor
from hub.models.account import Account
from hub.models.sign_in_attempt import SignInAttempt
from hub.records import audit

WINDOW = timedelta(minutes=15)
ACCOUNT_FAILURES = 5
"""Wrong passwords for one account within the window before it must wait."""
ADDRESS_FAILURES = 50
"""The same for one address: a whole hospital may sit behind one, so it is more."""
KEPT = timedelta(days=30)
"""Attempts older than this are deleted; the audit keeps what must be kept."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    token: str
    """The value of the session cookie."""
    username: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Nobody was signed in. It does not say whether the account exists."""

    message: str
    wait: timedelta | None = None
    """How long until another try can succeed, when there were too many."""


def sign_in(username: str, password: str, *, address: str = "") -> SignedIn | Refused:
    """Check the password and open a session; a refusal is a value, so that it commits too."""
    name = username.strip().lower()
    moment = real_now()
    # Two guesses at once for one account are counted one after the other.
    db.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    wait = _wait(name, address, moment)
    if wait is not None:
        audit.record(hub_actor("sign-in"), "sign-in-throttled", f"user/{name}", {"from": address})
        minutes = max(1, round(wait.total_seconds() / 60))
        return Refused(
            f"There have been too many attempts. Try again in {minutes} "
            f"minute{'' if minutes == 1 else 's'}.",
            wait,
        )
    account = db.session.get(Account, name)
    right = passwords.matches(
        account.password_hash if account is not None and account.active else None, password
    )
    db.session.add(
        SignInAttempt(username=name, address=address, attempted_at=moment, succeeded=right)
    )
    if account is None or not right:
        db.session.flush()
        audit.record(hub_actor("sign-in"), "sign-in-refused", f"user/{name}", {"from": address})
        return Refused("The user name or the password is not right.")
    if passwords.needs_rehash(account.password_hash):
        account.password_hash = passwords.hashed(password)
    token = sessions.open_session(account, address=address)
    db.session.execute(delete(SignInAttempt).where(SignInAttempt.attempted_at < moment - KEPT))
    audit.record(sessions.actor_of(account), "sign-in", f"user/{name}", {"from": address})
    return SignedIn(token, name)


def _wait(name: str, address: str, moment: datetime) -> timedelta | None:
    """Return how long this account or address must wait, or None.

    Failures count since the account's last success, within the window.
    """
    since = moment - WINDOW
    last_success = (
        select(func.coalesce(func.max(SignInAttempt.attempted_at), since))
        .where(
            SignInAttempt.username == name,
            SignInAttempt.succeeded,
            SignInAttempt.attempted_at > since,
        )
        .scalar_subquery()
    )
    by_account = _failures(
        SignInAttempt.username == name, SignInAttempt.attempted_at > last_success
    )
    by_address = _failures(SignInAttempt.address == address, SignInAttempt.attempted_at > since)
    waits = []
    for times, allowed in ((by_account, ACCOUNT_FAILURES), (by_address, ADDRESS_FAILURES)):
        if len(times) >= allowed:
            # The oldest of the last ``allowed`` failures leaves the window first.
            waits.append(times[allowed - 1] + WINDOW - moment)
    return max(waits) if waits else None


def _failures(*where: object) -> list[datetime]:
    statement = (
        select(SignInAttempt.attempted_at)
        .where(~SignInAttempt.succeeded, *where)  # type: ignore[arg-type] # columns compared
        .order_by(SignInAttempt.attempted_at.desc())
        .limit(ADDRESS_FAILURES)
    )
    return list(db.session.scalars(statement))
