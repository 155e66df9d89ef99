"""Gateways to telephones and mailboxes: SMS by HTTP, e-mail by SMTP, a null one for dry runs.

Each takes one message with its idempotency key. What a gateway has not clearly refused or taken
may have arrived: it is sent again with the same key, and counted.
"""

import hashlib
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import unquote, urlsplit

import requests
import structlog
from urllib3.exceptions import HTTPError

from hub.settings import Settings

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = (3.0, 10.0)
"""To connect, to answer; both together are shorter than the lease of a send."""

LONGEST_ANSWER = 500

SMS = "sms"
EMAIL = "email"
CHANNELS = (SMS, EMAIL)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt."""

    taken: bool
    provider_id: str | None = None
    """The gateway's own reference."""
    error: str | None = None
    uncertain: bool = False
    """It may have arrived though nobody said so."""
    real: bool = True
    """False: the null gateway, which tells nobody."""


class Gateway(Protocol):
    def send(self, address: str, text: str, *, key: str) -> Outcome: ...


class NullGateway:
    """Writes to the log that something would have been sent; not to whom, and not what."""

    def __init__(self, channel: str) -> None:
        self._channel = channel

    def send(self, address: str, text: str, *, key: str) -> Outcome:  # noqa: ARG002
        log.info("not sent: no gateway is set up", channel=self._channel, key=key)
        return Outcome(taken=True, real=False)


class HTTPSMSGateway:
    """POSTs ``{"to", "text", "reference"}`` as JSON; the key is the header Idempotency-Key too."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token

    def send(self, address: str, text: str, *, key: str) -> Outcome:
        headers = {"Idempotency-Key": key}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            answer = requests.post(
                self._url,
                json={"to": address, "text": text, "reference": key},
                headers=headers,
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
            )
        except requests.exceptions.ConnectTimeout as error:
            return Outcome(taken=False, error=_said(error))
        except (requests.RequestException, HTTPError, ValueError) as error:
            return Outcome(taken=False, error=_said(error), uncertain=True)
        if 200 <= answer.status_code < 300:
            return Outcome(taken=True, provider_id=_reference(answer))
        # A gateway that failed inside may have sent before it did; a refusal has sent nothing.
        return Outcome(
            taken=False,
            error=f"the gateway answered {answer.status_code}",
            uncertain=answer.status_code >= 500,
        )


class SMTPGateway:
    """Hands e-mail to a mail server; its Message-ID is made from the key, so repeats are equal."""

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "smtps"
        self._host = parts.hostname or "localhost"
        self._port = parts.port or (465 if self._secure else 25)
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._start_tls = parts.query == "starttls"
        self._sender = sender

    def send(self, address: str, text: str, *, key: str) -> Outcome:
        message = EmailMessage()
        name = hashlib.sha256(key.encode()).hexdigest()[:32]
        message["Message-ID"] = f"<{name}@{self._sender.rpartition('@')[2]}>"
        message["Idempotency-Key"] = key
        message["From"], message["To"] = self._sender, address
        message["Subject"] = "Carehub: work that needs you"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        handed = False
        try:
            with self._open() as server:
                if self._user:
                    server.login(self._user, self._password)
                handed = True
                server.send_message(message)
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
            return Outcome(taken=False, error=_said(error))
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return Outcome(taken=False, error=_said(error), uncertain=handed)
        return Outcome(taken=True, provider_id=str(message["Message-ID"]))

    def _open(self) -> smtplib.SMTP:
        wait = TIMEOUT_SECONDS[1]
        context = ssl.create_default_context()
        if self._secure:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=wait, context=context)
        server = smtplib.SMTP(self._host, self._port, timeout=wait)
        if self._start_tls:
            server.starttls(context=context)
        return server


def of(settings: Settings) -> dict[str, Gateway]:
    """Return the gateway of each channel: the real one where the settings name it."""
    return {
        SMS: HTTPSMSGateway(settings.sms_url, settings.sms_token)
        if settings.sms_url
        else NullGateway(SMS),
        EMAIL: SMTPGateway(settings.smtp_url, settings.email_from)
        if settings.smtp_url
        else NullGateway(EMAIL),
    }


def _reference(answer: requests.Response) -> str | None:
    try:
        said = answer.json()
    except ValueError:
        said = None
    found = said.get("id") if isinstance(said, dict) else None
    text = str(found or answer.headers.get("X-Acknowledgement-Id") or "")
    # PostgreSQL keeps no U+0000.
    return text.replace("\0", "")[:LONGEST_ANSWER] or None


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".replace("\0", "")[:LONGEST_ANSWER]
