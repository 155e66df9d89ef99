"""Rest-hooks: one POST to a subscriber's endpoint. A null one tells nobody, for dry runs."""

import ipaddress
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

import requests

TIMEOUT_SECONDS = (3.0, 10.0)
"""To connect, to answer: a subscriber that is slower is tried again later."""

LONGEST_ANSWER = 500
"""Characters of an answer that are kept."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from one attempt."""

    http_status: int | None
    milliseconds: int
    text: str = ""
    """The subscriber's own reference or the start of its answer."""
    error: str | None = None

    @property
    def acknowledged(self) -> bool:
        return self.http_status is not None and 200 <= self.http_status < 300


class RestHook(Protocol):
    def post(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> Answer: ...


class NullRestHook:
    """Accepts everything and tells nobody."""

    def post(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> Answer:  # noqa: ARG002
        return Answer(http_status=204, milliseconds=0)


class HTTPRestHook:
    """The real one. Redirects are not followed: they could lead where the check did not look."""

    def post(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> Answer:
        started = time.monotonic()
        try:
            response = requests.post(
                endpoint,
                data=body,
                headers=dict(headers),
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return Answer(None, _since(started), error=f"{type(error).__name__}: {error}"[:1000])
        status = response.status_code
        text = response.headers.get("X-Acknowledgement-Id") or response.text[:LONGEST_ANSWER]
        refused = None if 200 <= status < 300 else f"the subscriber answered {status}"
        return Answer(status, _since(started), text=text, error=refused)


def refusal(endpoint: str, *, hub_url: str) -> str | None:
    """Say why an endpoint must not be contacted, or None.

    Loopback is for a hub that itself listens there (a laptop, the sample hub); link-local
    addresses are where machines keep their secrets; the hub never tells itself.
    """
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return "the endpoint must be an http or https address"
    if parts.username or parts.password:
        return "the endpoint must not carry a password: use channel.header"
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "the endpoint's port is not a number"
    hub = urlsplit(hub_url)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return f"the host {parts.hostname} is not known"
    addresses = {ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found}
    return _refused_address(addresses, hub) or (
        "the endpoint is this hub itself"
        if (parts.hostname, port) == (hub.hostname, hub.port)
        else None
    )


def _refused_address(
    addresses: set[ipaddress.IPv4Address | ipaddress.IPv6Address], hub: SplitResult
) -> str | None:
    local_hub = hub.hostname in {"127.0.0.1", "localhost", "::1"}
    for address in addresses:
        if address.is_loopback and not local_hub:
            return "the endpoint is a loopback address"
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            return "the endpoint's address is not one of a subscriber"
    return None


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
