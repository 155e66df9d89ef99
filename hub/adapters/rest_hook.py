"""Rest-hooks: one POST to a subscriber's endpoint. A null one tells nobody, for dry runs."""

import ipaddress
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

import requests
from urllib3.exceptions import HTTPError

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
    """The real one. Redirects are not followed: they could lead where the check did not look.

    The address is looked at again before each POST: a name can lead elsewhere than it did when
    the Subscription was accepted.
    """

    def __init__(self, hub_url: str) -> None:
        self._hub_url = hub_url

    def post(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> Answer:
        started = time.monotonic()
        if why := refusal(endpoint, hub_url=self._hub_url):
            return Answer(None, _since(started), error=why)
        try:
            with requests.post(
                endpoint,
                data=body,
                headers=dict(headers),
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                stream=True,
            ) as response:
                status = response.status_code
                text = response.headers.get("X-Acknowledgement-Id") or _start_of(response)
        except (requests.RequestException, HTTPError, ValueError) as error:
            # ValueError: a header that HTTP cannot carry must not stop the worker each time.
            return Answer(None, _since(started), error=f"{type(error).__name__}: {error}"[:1000])
        # PostgreSQL keeps no U+0000: an answer with one would be sent for again for ever.
        text = text.replace("\0", "")[:LONGEST_ANSWER]
        refused = None if 200 <= status < 300 else f"the subscriber answered {status}"
        return Answer(status, _since(started), text=text, error=refused)


def _start_of(response: requests.Response) -> str:
    """Return the start of an answer, however long it goes on."""
    start: bytes = response.raw.read(LONGEST_ANSWER, decode_content=True)
    return start.decode("utf-8", "replace")


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
    addresses = {_address(str(entry[4][0])) for entry in found}
    hub_port = hub.port or (443 if hub.scheme == "https" else 80)
    return _refused_address(addresses, hub) or (
        "the endpoint is this hub itself"
        if (parts.hostname, port) == (hub.hostname, hub_port)
        else None
    )


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an address; ``::ffff:127.0.0.1`` is 127.0.0.1, whatever it is written as."""
    found = ipaddress.ip_address(text.partition("%")[0])
    return getattr(found, "ipv4_mapped", None) or found


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
