"""Passwords: argon2id, tuned to about 60 ms on a small server, and what a password must be.

https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
"""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# 19 MiB and two passes is the floor that OWASP gives for argon2id; three passes are about
# 60 ms here: slow for a guesser, not felt by a nurse, and it cannot exhaust a small machine.
_hasher = PasswordHasher(time_cost=3, memory_cost=19_456, parallelism=1)

_NOBODY = _hasher.hash("no account has this password")
"""Verified when the account does not exist, so that the answer takes as long as for one."""

SHORTEST = 10


def hashed(password: str) -> str:
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Tell whether the password is right; takes as long when there is no account."""
    try:
        _hasher.verify(password_hash or _NOBODY, password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    return _hasher.check_needs_rehash(password_hash)
