"""The hub's MESH mailbox: what lies in it, its content, our receipt for it, and what leaves by it.

Through the NHS's own client (docs/adr/0014). Nothing is retried in here: what was not done stands
in PostgreSQL and is tried again by its row. A null mailbox where none is set up.
"""

import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import requests
import structlog
from mesh_client import MeshClient, MeshError
from urllib3.exceptions import HTTPError

from hub.adapters.gateways import Outcome
from hub.settings import Settings

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = (5.0, 30.0)
"""To connect, and between two parts of an answer."""
PAGE = 100
"""Ids of one page of the inbox."""
MOST = 2_000
"""Ids of one poll: the rest comes with the next one, when these are out of the mailbox."""
REPORT = "REPORT"
"""Mex-MessageType of what MESH itself says about a message of ours."""
LONGEST_ERROR = 500
_GZIP = b"\x1f\x8b"


class MailboxError(OSError):
    """MESH did not answer, or said no. What it was for is still in the mailbox, or in its row."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of the mailbox, whole."""

    mailbox: str
    message_id: str
    sender: str
    """Mex-From; empty for a report of MESH itself."""
    workflow: str
    is_report: bool
    headers: Mapping[str, str]
    """Mex-... headers as they came, names in lower case without ``mex-``."""
    content: bytes
    complete: bool = True
    """False: it is larger than what is taken; ``content`` is empty."""


class Mailbox(Protocol):
    @property
    def name(self) -> str: ...
    def listed(self) -> list[str]: ...
    def download(self, message_id: str, *, most: int) -> Letter: ...
    def acknowledge(self, message_id: str) -> None: ...
    def send(self, recipient: str, workflow: str, body: bytes, *, key: str) -> Outcome: ...


class NullMailbox:
    """Nothing lies in it; what would be sent is only noted, by its key."""

    name = ""

    def listed(self) -> list[str]:
        return []

    def download(self, message_id: str, *, most: int) -> Letter:  # noqa: ARG002
        raise MailboxError("no MESH mailbox is set up")

    def acknowledge(self, message_id: str) -> None:  # noqa: ARG002
        raise MailboxError("no MESH mailbox is set up")

    def send(self, recipient: str, workflow: str, body: bytes, *, key: str) -> Outcome:  # noqa: ARG002
        log.info("not sent: no MESH mailbox is set up", key=key, workflow=workflow)
        return Outcome(taken=True, real=False)


class MeshMailbox:
    """A mailbox of the MESH API. Each call opens its own session: workers fork."""

    def __init__(self, settings: Settings) -> None:
        missing = [
            f"CAREHUB_{name.upper()}"
            for name in ("mesh_mailbox", "mesh_password", "mesh_shared_key")
            if not getattr(settings, name)
        ]
        if missing:
            raise MailboxError(f"CAREHUB_MESH_URL is set; {' and '.join(missing)} must be too")
        self.name = settings.mesh_mailbox.upper()
        self._settings = settings

    def listed(self) -> list[str]:
        """Return the ids of what lies in the mailbox, page by page."""
        found: list[str] = []
        with self._said(), self._client() as client:
            for message_id in client.iterate_message_ids(batch_size=PAGE):
                found.append(message_id)
                if len(found) == MOST:
                    break
        return found

    def download(self, message_id: str, *, most: int) -> Letter:
        """Return a message with all its chunks; one of more than ``most`` bytes without content."""
        with self._said(), self._client() as client:
            message = client.retrieve_message(message_id)
            try:
                content = _read(message, most + 1)
            finally:
                message.close()
            content = _inflated(content, most + 1)
            headers = {str(name): str(value) for name, value in message.mex_headers()}
        return Letter(
            mailbox=self.name,
            message_id=message_id,
            sender=message.sender or "",
            workflow=message.workflow_id or "",
            is_report=message.message_type == REPORT,
            headers=headers,
            content=content if len(content) <= most else b"",
            complete=len(content) <= most,
        )

    def acknowledge(self, message_id: str) -> None:
        """Tell MESH that a message is ours now; it shows it no more. Twice is as good as once."""
        with self._said(), self._client() as client:
            client.acknowledge_message(message_id)

    def send(self, recipient: str, workflow: str, body: bytes, *, key: str) -> Outcome:
        """Hand a message to MESH under its local id."""
        try:
            with self._client() as client:
                message_id = client.send_message(
                    recipient,
                    body,
                    workflow_id=workflow,
                    local_id=key,
                    content_type="application/fhir+xml",
                    filename=f"{key.replace('/', '-')}.xml",
                )
        except MeshError as error:
            return Outcome(taken=False, error=_words(error))
        except requests.exceptions.ConnectTimeout as error:
            return Outcome(taken=False, error=_words(error))
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            return Outcome(taken=False, error=_words(error), uncertain=True)
        return Outcome(taken=True, provider_id=message_id)

    def _client(self) -> Any:
        told = self._settings
        certificate = (told.mesh_certificate, told.mesh_key)
        return MeshClient(
            told.mesh_url,
            self.name,
            told.mesh_password,
            shared_key=told.mesh_shared_key.encode(),
            cert=certificate if all(certificate) else None,
            verify=told.mesh_ca or None,
            max_retries=0,
            timeout=TIMEOUT_SECONDS,  # type: ignore[arg-type]  # requests takes a pair
            application_name="carehub",
        )

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Say in one kind of error what went wrong, without a header of the request."""
        try:
            yield
        except (
            MeshError,
            requests.RequestException,
            HTTPError,
            ValueError,
            zlib.error,
        ) as error:
            raise MailboxError(_words(error)) from None


def of(settings: Settings) -> Mailbox:
    """Return the mailbox that the settings name."""
    return MeshMailbox(settings) if settings.mesh_url else NullMailbox()


def _read(message: Any, most: int) -> bytes:
    parts = []
    left = most
    while left and (part := message.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _inflated(content: bytes, most: int) -> bytes:
    """Take off the gzip that a sender put on before MESH had it (Mex-Content-Compressed)."""
    if not content.startswith(_GZIP):
        return content
    return zlib.decompressobj(47).decompress(content, most)


def _words(error: Exception) -> str:
    """Name an error of MESH. A signature stands in no error; an address names our mailbox only."""
    answer = getattr(error, "response", None)
    if isinstance(answer, requests.Response):
        return f"MESH answered {answer.status_code}"
    first = error.args[0] if isinstance(error, MeshError) and error.args else ""
    said = first if isinstance(first, str) else ""
    return f"{type(error).__name__}{': ' if said else ''}{said}"[:LONGEST_ERROR]
