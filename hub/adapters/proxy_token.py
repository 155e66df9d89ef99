"""Bearer tokens of the NHS's API platform: a signed JWT is exchanged for one, kept until it ends.

Application-restricted access: OAuth 2.0 client credentials with ``private_key_jwt`` (RFC 7523),
RS512, as the platform's guide "Application-restricted RESTful APIs - signed JWT authentication"
has it. Safe for threads; the clock is the real one, a hub's simulated day does not count.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import jwt
import requests

from hub.settings import Settings

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHM = "RS512"
_LIVES = 300
"""Seconds of an assertion: the platform takes none that lives longer."""
_BEFORE_ITS_END = 30.0
"""Seconds before its end from which a token is not used any more."""
_SHORTEST = 60.0
_TIMEOUT_SECONDS = (3.0, 10.0)


class NoTokenError(Exception):
    """The platform gave no token. Says which status it answered, nothing of key or token."""


Token = Callable[[], str]
"""Gives the bearer token to send now, or "" where none is set up. Raises NoTokenError."""


def fixed(token: str) -> Token:
    """Give a token that whoever runs the hub has fetched."""
    return lambda: token


NONE = fixed("")


@dataclass(slots=True)
class SignedJWT:
    """Fetches tokens for one application. ``key`` is an RSA private key, PEM."""

    url: str
    client: str
    """API key of the application: iss and sub of the assertion."""
    key: str = field(repr=False)
    key_id: str = ""
    """Under which name its public half is registered."""
    _token: str = field(default="", repr=False)
    _until: float = 0.0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def __call__(self) -> str:
        with self._lock:
            if time.monotonic() >= self._until:
                self._token, lives = self._fetch()
                self._until = time.monotonic() + max(lives - _BEFORE_ITS_END, 0.0)
            return self._token

    def _fetch(self) -> tuple[str, float]:
        try:
            answer = requests.post(
                self.url,
                data={
                    "grant_type": "client_credentials",
                    "client_assertion_type": _ASSERTION,
                    "client_assertion": self.assertion(),
                },
                timeout=_TIMEOUT_SECONDS,
                allow_redirects=False,
            )
            said: Any = answer.json() if answer.status_code == 200 else {}
            token, lives = said["access_token"], float(said.get("expires_in", _SHORTEST))
        except requests.RequestException as error:
            raise NoTokenError(f"no token: {type(error).__name__}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NoTokenError(f"no token: the platform answered {answer.status_code}") from error
        if not isinstance(token, str) or not token:
            raise NoTokenError("no token in the answer of the platform")
        return token, lives

    def assertion(self) -> str:
        """Return a new assertion: each is good for one request."""
        claims = {
            "iss": self.client,
            "sub": self.client,
            "aud": self.url,
            "jti": str(uuid.uuid4()),
            "exp": int(time.time()) + _LIVES,
        }
        return jwt.encode(claims, self.key, _ALGORITHM, headers={"kid": self.key_id})


_made: dict[tuple[str, ...], SignedJWT] = {}
"""By what it was made from: a process fetches one token, however many send with it."""


def of(settings: Settings, own: str) -> Token:
    """Return where a client of the platform gets its token: ``own`` where that is set, else here.

    Raises OSError where the key cannot be read.
    """
    if own or not settings.nhs_token_url:
        return fixed(own)
    asked = (
        settings.nhs_token_url,
        settings.nhs_client,
        settings.nhs_key,
        settings.nhs_key_id,
    )
    if asked not in _made:
        url, client, file, key_id = asked
        _made[asked] = SignedJWT(url, client, Path(file).read_text("ascii"), key_id)
    return _made[asked]
