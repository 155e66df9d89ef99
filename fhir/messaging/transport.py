"""The HTTP headers of a BaRS message, read and written: ids, who sends, for whom, which version."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fhir import jsontext
from fhir.messaging.codes import version_supported
from fhir.messaging.refusal import MessageRefusedError, required
from fhir.outcomes import FHIRError
from fhir.xml import MEDIA_TYPES as XML_TYPES

REQUEST_ID = "X-Request-Id"
CORRELATION_ID = "X-Correlation-Id"
TARGET = "NHSD-Target-Identifier"
ORGANISATION = "NHSD-End-User-Organisation"
PRACTITIONER = "NHSD-Requesting-Practitioner"
SOFTWARE = "NHSD-Requesting-Software"
USE_CONTEXT = "use-context"

_ENCODED = {TARGET: None, ORGANISATION: "Organization", PRACTITIONER: "PractitionerRole",
            SOFTWARE: "Device"}  # fmt: skip
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MEDIA_TYPES = frozenset({"application/fhir+json", "application/json", "text/json"}) | XML_TYPES
_ACCEPTABLE = _MEDIA_TYPES | {"*/*", "application/*"}


@dataclass(frozen=True, slots=True)
class Transport:
    """What the headers of one message said, decoded."""

    request_id: str
    correlation_id: str
    decoded: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """The base64 headers that were present, by header name."""
    use_context: str | None = None
    version: str | None = None
    """``version=`` of the media type: the version of the exchange, not of the Bundle."""
    xml: bool = False
    """Whether the body is FHIR XML. The standard speaks JSON; the receiver reads both."""


def echoed(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the ids as they came, well formed or not: they go back with every answer.

    An empty one is none: the hub's own id of the request stands there then.
    """
    found = _lowered(headers)
    return {
        name: found[name.lower()]
        for name in (REQUEST_ID, CORRELATION_ID)
        if found.get(name.lower(), "").strip()
    }


def parse_transport(headers: Mapping[str, str], *, versions: Iterable[str]) -> Transport:
    """Check and decode the headers (guide, Bundle processing and Transactional integrity)."""
    found = _lowered(headers)
    request_id = _guid(found, REQUEST_ID)
    correlation_id = _guid(found, CORRELATION_ID)
    media_type = _content_type(found.get("content-type"))
    version = _accepted_version(found.get("accept"), tuple(versions))
    decoded = {
        name: _decoded(name, found[name.lower()], resource_type)
        for name, resource_type in _ENCODED.items()
        if found.get(name.lower())
    }
    return Transport(
        request_id=request_id,
        correlation_id=correlation_id,
        decoded=decoded,
        use_context=found.get(USE_CONTEXT),
        version=version,
        xml=media_type in XML_TYPES,
    )


def outgoing(
    transport: Transport, *, target: str, organisation: Mapping[str, Any]
) -> dict[str, str]:
    """Return the headers of a message that we send; ``target`` is ``system|value``."""
    system, _, value = target.partition("|")
    version = f"; version={transport.version}" if transport.version else ""
    software = {"resourceType": "Device", "deviceName": [{"name": "Carehub", "type": "other"}]}
    headers = {
        "Content-Type": "application/fhir+json",
        "Accept": f"application/fhir+json{version}",
        REQUEST_ID: transport.request_id,
        CORRELATION_ID: transport.correlation_id,
        ORGANISATION: _encoded(organisation),
        SOFTWARE: _encoded(software),
    }
    if system and value:
        headers[TARGET] = _encoded({"system": system, "value": value})
    if transport.use_context:
        headers[USE_CONTEXT] = transport.use_context
    return headers


def _encoded(resource: Mapping[str, Any]) -> str:
    return base64.b64encode(jsontext.dumpb(resource)).decode()


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _guid(found: Mapping[str, str], name: str) -> str:
    value = found.get(name.lower(), "").strip()
    if not value:
        raise required(f"The header {name} is not present")
    if not _GUID.fullmatch(value):
        raise MessageRefusedError(f"The header {name} is not a GUID", issue="invalid")
    return value.lower()


def _content_type(value: str | None) -> str:
    media_type, *parameters = ((part.strip().lower()) for part in (value or "").split(";"))
    named = [text.partition("=")[2].strip('"') for text in parameters if "fhirversion" in text]
    if media_type and (
        media_type not in _MEDIA_TYPES or not all(text.startswith("4.0") for text in named)
    ):
        raise MessageRefusedError(
            "A message is sent as application/fhir+json or application/fhir+xml, of FHIR R4",
            issue="not-supported",
            status=415,
        )
    return media_type


def _accepted_version(value: str | None, versions: tuple[str, ...]) -> str | None:
    """Negotiate: one of the listed media types must be of a version that is supported."""
    if not value:
        return None
    for choice in value.split(","):
        media_type, *parameters = (part.strip() for part in choice.split(";"))
        if media_type.lower() not in _ACCEPTABLE:
            continue
        named = [text for text in parameters if text.lower().startswith("version=")]
        wanted = named[0].split("=", 1)[1].strip('" ') if named else None
        if wanted is None or version_supported(wanted, versions):
            return wanted
    raise MessageRefusedError(
        "The Accept header asks for a media type or version that this receiver does not answer"
        f" in; versions: {', '.join(versions)}",
        issue="processing",
        status=406,
    )


def _decoded(name: str, value: str, resource_type: str | None) -> dict[str, Any]:
    try:
        padded = value.strip() + "=" * (-len(value.strip()) % 4)
        parsed, _ = jsontext.parse(base64.b64decode(padded, validate=True))
    except (binascii.Error, ValueError, FHIRError) as error:
        raise MessageRefusedError(
            f"The header {name} is not base64 of a JSON object", issue="structure"
        ) from error
    if resource_type is None and not (parsed.get("value") and parsed.get("system")):
        raise MessageRefusedError(f"The header {name} needs a value and a system", issue="value")
    if resource_type and parsed.get("resourceType") != resource_type:
        raise MessageRefusedError(f"The header {name} must hold a {resource_type}", issue="value")
    return parsed
