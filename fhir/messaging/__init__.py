"""The grammar of messages: MessageHeader, BaRS receiver rules, acknowledgements. Pure."""

from fhir.messaging.answer import answer_bundle
from fhir.messaging.codes import SUPPORTED_VERSIONS, version_supported
from fhir.messaging.decision import (
    BOOKINGS,
    CANCELLATIONS,
    REQUESTS,
    RESPONSES,
    Workflow,
    decide,
)
from fhir.messaging.message import Entry, Message, category_of, parse_message, use_case_of
from fhir.messaging.parts import Sender
from fhir.messaging.refusal import MessageRefusedError, bars_code
from fhir.messaging.request import Receiver, Referral, cancellation_bundle, request_bundle
from fhir.messaging.response import Response, ResponseKind, response_bundle
from fhir.messaging.transport import Transport, echoed, outgoing, parse_transport

__all__ = [
    "BOOKINGS",
    "CANCELLATIONS",
    "REQUESTS",
    "RESPONSES",
    "SUPPORTED_VERSIONS",
    "Entry",
    "Message",
    "MessageRefusedError",
    "Receiver",
    "Referral",
    "Response",
    "ResponseKind",
    "Sender",
    "Transport",
    "Workflow",
    "answer_bundle",
    "bars_code",
    "cancellation_bundle",
    "category_of",
    "decide",
    "echoed",
    "outgoing",
    "parse_message",
    "parse_transport",
    "request_bundle",
    "response_bundle",
    "use_case_of",
    "version_supported",
]
