"""What a tour needs to know of the running hub beside the pages: tokens, records, who is who."""

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import requests

from hub import settings
from tests.web.conftest import RunningHub

T = TypeVar("T")

EXAMPLES = Path(settings.ROOT) / "docs" / "examples"


class System:
    """An external system with a token of its own."""

    def __init__(self, hub: RunningHub) -> None:
        self._hub = hub
        token = hub.command("token", "--client", "demo-system", "--scope", "system/*.cruds").strip()
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def sends_the_example_referral(self, *, bundle_id: str, request_id: str) -> requests.Response:
        """Post the message of the README under a bundle id of its own."""
        headers = dict(
            line.split(": ", 1)
            for line in (EXAMPLES / "referral.headers").read_text("utf-8").splitlines()
            if ": " in line
        )
        body = (EXAMPLES / "referral.json").read_text("utf-8")
        own = json.loads(body)["id"]
        return self._session.post(
            f"{self._hub.url}/fhir/$process-message",
            headers={
                **headers,
                "X-Request-Id": request_id,
                "X-Correlation-Id": str(uuid.uuid4()),
            },
            data=body.replace(own, bundle_id).encode(),
            timeout=30,
        )

    def sends_nonsense(self) -> str:
        """Post what is no message; return the id under which the hub keeps it all the same."""
        answer = self._session.post(
            f"{self._hub.url}/fhir/$process-message",
            data="{}",
            headers={
                "Content-Type": "application/fhir+json",
                "X-Request-Id": str(uuid.uuid4()),
                "X-Correlation-Id": str(uuid.uuid4()),
            },
            timeout=30,
        )
        assert answer.status_code == 400, answer.text
        kept: str = answer.json()["id"]
        return kept

    def reads(self, reference: str) -> dict[str, Any]:
        answer = self._session.get(f"{self._hub.url}/fhir/{reference}", timeout=30)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def finds(self, resource_type: str, **parameters: str) -> list[dict[str, Any]]:
        answer = self._session.get(
            f"{self._hub.url}/fhir/{resource_type}", params=parameters, timeout=30
        )
        answer.raise_for_status()
        return [entry["resource"] for entry in answer.json().get("entry", [])]


def until(look: Callable[[], T | None], *, within: float) -> T:
    """Look again and again until something is there; fail after ``within`` seconds."""
    end = time.monotonic() + within
    while True:
        found = look()
        if found is not None:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not seen within {within} seconds")
        time.sleep(0.1)
