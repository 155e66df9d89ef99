"""Messages of the Booking and Referral Standard to other systems: one POST, one verdict.

Which answers may be tried again: guide, Error handling, and RFC 9110. A 409 ``duplicate`` says
that an earlier attempt arrived.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import requests
from urllib3.exceptions import HTTPError

from hub.adapters.proxy_token import NONE, NoTokenError, Token

TIMEOUT_SECONDS = (3.0, 10.0)
"""To connect, to answer: the standard asks for an answer within five seconds."""
LONGEST_ANSWER = 100_000
_AGAIN = frozenset({401, 403, 408, 425, 429})
"""Refusals that pass: a token that has run out, too many at once. 403 is often the proxy's."""


class Verdict(StrEnum):
    TAKEN = "taken"
    REFUSED = "refused"
    """The message itself is not taken: the same bytes would be refused again."""
    AGAIN = "again"
    """It may or may not have arrived: it is sent again, with the same request id."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt."""

    verdict: Verdict
    http_status: int | None = None
    error: str | None = None


class MessagePost(Protocol):
    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer: ...


class HTTPMessagePost:
    """The real one. ``token`` gives the bearer token of the ``proxy``; nobody else gets it."""

    def __init__(self, proxy: str = "", token: Token = NONE) -> None:
        self._proxy = proxy
        self._token = token

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        sent = dict(headers)
        try:
            if url == self._proxy and (token := self._token()):
                sent["Authorization"] = f"Bearer {token}"
            with requests.post(
                url,
                data=body,
                headers=sent,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            ) as response:
                status = response.status_code
                said = response.raw.read(LONGEST_ANSWER, decode_content=True)
        except NoTokenError as error:
            # The message waits, as if the proxy could not be reached.
            return Answer(Verdict.AGAIN, error=str(error))
        except (requests.RequestException, HTTPError, ValueError) as error:
            return Answer(Verdict.AGAIN, error=type(error).__name__)
        return verdict_of(status, said)


def verdict_of(status: int, body: bytes) -> Answer:
    """Read an answer. Of its OperationOutcome codes and places are kept, never its texts."""
    issues = _issues(body)
    if 200 <= status < 300:
        return Answer(Verdict.TAKEN, status)
    if status == 409 and any(code == "duplicate" for code, _ in issues):
        return Answer(Verdict.TAKEN, status)
    told = "; ".join(" at ".join(part for part in issue if part) for issue in issues)
    error = f"{status} {told}".strip()[:1000]
    again = status >= 500 or status in _AGAIN or 300 <= status < 400
    return Answer(Verdict.AGAIN if again else Verdict.REFUSED, status, error)


def _issues(body: bytes) -> list[tuple[str, str]]:
    try:
        outcome = json.loads(body)
        return [
            (str(issue.get("code", "")), str(next(iter(issue.get("expression") or ()), "")))
            for issue in outcome["issue"]
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []
