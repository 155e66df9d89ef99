"""The outside of the simulated hub: senders of messages and members of staff at their screens.

Everything goes through the public addresses. A sender keeps a message until it is acknowledged
and sends the same bytes again under the same request id, as a real one does.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from hub.samples.day_messages import OutgoingMessage

PATIENCE = 120.0
"""Seconds of real time after which a hub that does not answer has failed the day."""
_PAUSE = 0.05
_CSRF = re.compile(r'name="csrf_token" value="([0-9a-f]+)"')
_NOT_NOW = frozenset({502, 503, 504})


class HubLostError(RuntimeError):
    """The hub did not answer, or not as it should, for longer than anybody would wait."""


@dataclass(slots=True)
class Sent:
    """What became of one message, as its sender saw it."""

    message: OutgoingMessage
    attempts: int = 0
    status: int = 0
    """The last answer: 200, or 409 where an earlier attempt had been done."""
    subject: str | None = None
    """``ServiceRequest/<id>`` of the answer."""

    @property
    def acknowledged(self) -> bool:
        return self.status == 200 or (self.status == 409 and self.attempts > 1)


class Wire:
    """Requests that wait out a hub that is being started again."""

    def __init__(self, url: str, mend: Callable[[], None]) -> None:
        self.url = url
        self._mend = mend

    def ask(
        self, session: requests.Session, method: str, path: str, **options: Any
    ) -> tuple[requests.Response, int]:
        """Return the answer and how many attempts it took."""
        deadline = time.monotonic() + PATIENCE
        attempts = 0
        while True:
            attempts += 1
            try:
                response = session.request(
                    method, f"{self.url}{path}", timeout=20, allow_redirects=False, **options
                )
                if response.status_code not in _NOT_NOW:
                    return response, attempts
                trouble = f"status {response.status_code}"
            except requests.RequestException as error:
                trouble = type(error).__name__
            if time.monotonic() > deadline:
                raise HubLostError(f"{method} {path}: no answer in time ({trouble})")
            self._mend()
            time.sleep(_PAUSE)


class System:
    """A registered system: sends messages, reads records, moves the simulated clock."""

    def __init__(self, wire: Wire, token: str) -> None:
        self._wire = wire
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def send(self, message: OutgoingMessage) -> Sent:
        """Send a message until the hub has acknowledged or refused it."""
        response, attempts = self._wire.ask(
            self._session,
            "POST",
            "/fhir/$process-message",
            data=message.body,
            headers=dict(message.headers),
        )
        sent = Sent(message, attempts=attempts, status=response.status_code)
        if response.status_code == 200:
            sent.subject = _subject(response.json())
        return sent

    def get(self, path: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        response, _ = self._wire.ask(self._session, "GET", path, params=parameters)
        if response.status_code != 200:
            raise HubLostError(f"GET {path} answered {response.status_code}: {response.text[:300]}")
        found: dict[str, Any] = response.json()
        return found

    def search(self, resource_type: str, **parameters: str) -> list[dict[str, Any]]:
        """Return the matches of a search; names use ``_`` for ``-``."""
        asked = {name.replace("_", "-"): value for name, value in parameters.items()}
        bundle = self.get(f"/fhir/{resource_type}", asked)
        return [entry["resource"] for entry in bundle.get("entry", ())]

    def operate(self, path: str, **parameters: str) -> requests.Response:
        """Call an operation; values are ``valueX|text``."""
        body = {"resourceType": "Parameters", "parameter": []}
        listed: list[dict[str, str]] = []
        for name, value in parameters.items():
            kind, _, text = value.partition("|")
            listed.append({"name": name, kind: text})
        body["parameter"] = listed  # type: ignore[assignment]
        response, _ = self._wire.ask(
            self._session,
            "POST",
            path,
            json=body,
            headers={"Content-Type": "application/fhir+json"},
        )
        return response

    def idle(self) -> dict[str, Any]:
        return self.get("/simulation/idle", {"wait": "2"})

    def move_clock(self, instant: datetime) -> bool:
        """Move the clock; False while the hub is still at work."""
        response, _ = self._wire.ask(
            self._session, "POST", "/simulation/clock", json={"now": instant.isoformat()}
        )
        return response.status_code == 200


def _subject(bundle: Mapping[str, Any]) -> str | None:
    for entry in bundle.get("entry", ()):
        resource = entry.get("resource", {})
        if resource.get("resourceType") == "ServiceRequest":
            return f"ServiceRequest/{resource['id']}"
    return None


class Desk:
    """The screens of the staff: each signs in once and works with the pages' own forms."""

    def __init__(self, wire: Wire, password_of: Callable[[str], str]) -> None:
        self._wire = wire
        self._password_of = password_of
        self._signed_in: dict[str, tuple[requests.Session, str]] = {}

    def post(self, username: str, path: str, **form: str | int) -> requests.Response:
        """Send a form of a page as somebody who is signed in."""
        session, csrf = self._session(username)
        response, _ = self._wire.ask(session, "POST", path, data={"csrf_token": csrf, **form})
        return response

    def _session(self, username: str) -> tuple[requests.Session, str]:
        if username not in self._signed_in:
            session = requests.Session()
            page, _ = self._wire.ask(session, "GET", "/sign-in")
            answer, _ = self._wire.ask(
                session,
                "POST",
                "/sign-in",
                data={
                    "csrf_token": _csrf(page.text),
                    "username": username,
                    "password": self._password_of(username),
                },
            )
            if answer.status_code != 303:
                raise HubLostError(f"{username} cannot sign in: {answer.status_code}")
            page, _ = self._wire.ask(session, "GET", "/worklist")
            self._signed_in[username] = (session, _csrf(page.text))
        return self._signed_in[username]


def _csrf(html: str) -> str:
    found = _CSRF.search(html)
    if found is None:
        raise HubLostError("a page of the hub has no form token")
    return found[1]
