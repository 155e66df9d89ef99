"""What a receiver answers: a STU3 message Bundle in XML with MessageHeader and OperationOutcome.

The same acknowledgement is always written the same way: its ids are given, not drawn here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fhir.messaging.itk3.codes import (
    HANDLING_WRITTEN,
    ISSUE_TYPES,
    MESSAGE_EVENTS,
    ODS_CODE,
    POSITIVE,
    PROFILES,
    RECIPIENT_TYPES,
    RESPONSE_CODES,
    RESPONSE_EVENT,
    WORDS,
    ITKCode,
)
from fhir.messaging.itk3.faults import Fault
from fhir.messaging.itk3.message import Header
from fhir.xml import NAMESPACE
from fhir.xml.xhtml import ATTRIBUTE


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One answer to one message."""

    ids: tuple[str, str, str, str]
    """UUIDs of Bundle, MessageHeader, OperationOutcome and Organization."""
    header: Header
    """Of the message that is answered."""
    faults: tuple[Fault, ...]
    """What is said, the first first: a success is a fault of the code 20013 or 30001."""
    at: str
    """Instant, as FHIR writes it."""
    endpoint: str
    """Our mailbox."""
    organisation: str
    ods_code: str


def written(answer: Acknowledgement) -> bytes:
    """Return the message, UTF-8 XML."""
    bundle, header, outcome, organisation = answer.ids
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n',
        f'<Bundle xmlns="{NAMESPACE}">',
        _value("id", bundle),
        f"<meta>{_value('profile', f'{PROFILES}/ITK-Message-Bundle-1')}</meta>",
        f"<identifier>{_value('value', bundle)}</identifier>",
        _value("type", "message"),
        _entry(header, _header(answer)),
        _entry(organisation, _organisation(answer)),
        _entry(outcome, _outcome(answer)),
        "</Bundle>\n",
    ]
    return "".join(parts).encode()


def _value(name: str, value: str) -> str:
    return f'<{name} value="{_safe(value)}"/>'


def _safe(text: str) -> str:
    allowed = "".join(c for c in text if c in "\t\n\r" or " " <= c < "\ufffe")
    return allowed.translate(ATTRIBUTE)


def _entry(identity: str, resource: str) -> str:
    full_url = _value("fullUrl", f"urn:uuid:{identity}")
    return f"<entry>{full_url}<resource>{resource}</resource></entry>"


def _reference(name: str, identity: str) -> str:
    return f"<{name}>{_value('reference', f'urn:uuid:{identity}')}</{name}>"


def _header(answer: Acknowledgement) -> str:
    _, header, outcome, organisation = answer.ids
    good = answer.faults[0].code in POSITIVE
    reference = answer.header.handling.sender_reference or "None"
    handling = "".join(
        f'<extension url="{url}">{inner}</extension>'
        for url, inner in (
            ("BusAckRequested", _value("valueBoolean", "false")),
            ("InfAckRequested", _value("valueBoolean", "false")),
            (
                "RecipientType",
                f"<valueCoding>{_value('system', RECIPIENT_TYPES)}{_value('code', 'FI')}"
                "</valueCoding>",
            ),
            ("SenderReference", _value("valueString", reference)),
        )
    )
    return "".join(
        (
            "<MessageHeader>",
            _value("id", header),
            f"<meta>{_value('profile', f'{PROFILES}/ITK-MessageHeader-2')}</meta>",
            f'<extension url="{HANDLING_WRITTEN}">{handling}</extension>',
            f"<event>{_value('system', MESSAGE_EVENTS)}{_value('code', RESPONSE_EVENT)}"
            f"{_value('display', 'ITK Response')}</event>",
            _reference("sender", organisation),
            _value("timestamp", answer.at),
            f"<source>{_value('name', 'Carehub')}{_value('endpoint', answer.endpoint)}</source>",
            f"<response>{_value('identifier', answer.header.id)}"
            f"{_value('code', 'ok' if good else 'fatal-error')}"
            f"{_reference('details', outcome)}</response>",
            _reference("focus", outcome),
            "</MessageHeader>",
        )
    )


def _organisation(answer: Acknowledgement) -> str:
    return "".join(
        (
            "<Organization>",
            _value("id", answer.ids[3]),
            f"<identifier>{_value('system', ODS_CODE)}{_value('value', answer.ods_code)}"
            "</identifier>",
            _value("name", answer.organisation),
            "</Organization>",
        )
    )


def _outcome(answer: Acknowledgement) -> str:
    return "".join(
        (
            "<OperationOutcome>",
            _value("id", answer.ids[2]),
            f"<meta>{_value('profile', f'{PROFILES}/ITK-Response-OperationOutcome-1')}</meta>",
            *_issues(answer.faults),
            "</OperationOutcome>",
        )
    )


def _issues(faults: Iterable[Fault]) -> Iterable[str]:
    for each in faults:
        severity = "information" if each.code in POSITIVE else "fatal"
        yield "".join(
            (
                "<issue>",
                _value("severity", severity),
                _value("code", ISSUE_TYPES.get(each.code, "invalid")),
                f"<details><coding>{_value('system', RESPONSE_CODES)}{_value('code', each.code)}"
                f"{_value('display', WORDS[ITKCode(each.code)])}</coding></details>",
                _value("diagnostics", each.text),
                _value("expression", each.place) if each.place else "",
                "</issue>",
            )
        )
