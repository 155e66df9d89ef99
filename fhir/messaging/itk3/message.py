"""The message around a document: MessageHeader, how it wants to be handled, what it is about."""

import re
from dataclasses import dataclass

from fhir.messaging.itk3.codes import (
    DOCUMENT_EVENTS,
    HANDLING,
    MESSAGE_EVENTS,
    ODS_CODE,
    ITKCode,
)
from fhir.messaging.itk3.document import Document, DocumentReader, identifier_of
from fhir.messaging.itk3.faults import Fault, ITK3RefusedError
from fhir.messaging.itk3.tree import Node, read

UNREADABLE = "UNREADABLE-IN-ORIGINAL-MESSAGE"
"""What an answer says instead of an identifier that could not be read (ITK3, code 10009)."""
LONGEST_REFERENCE = 255

_instant = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}.*").fullmatch


@dataclass(frozen=True, slots=True)
class Handling:
    """The ITKMessageHandling extension. A flag that nobody can read counts as asked for."""

    business: bool = True
    infrastructure: bool = True
    for_action: bool = True
    definition: str = ""
    sender_reference: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """Who sent which message: as much of it as can be read, for the answer."""

    id: str = UNREADABLE
    """MessageHeader.id: the identity of the message, which an answer names."""
    bundle: str = ""
    """Bundle.identifier, else Bundle.id."""
    event: str = ""
    sender: str = ""
    """ODS code of the organisation that sent it, where it is said."""
    handling: Handling = Handling()


@dataclass(frozen=True, slots=True)
class DocumentMessage:
    header: Header
    document: Document


def parse(body: bytes) -> DocumentMessage:
    """Read a message with a document. Raises ITK3RefusedError with every fault found."""
    bundle = read(body)
    faults: list[Fault] = []
    header = _header(bundle, faults)
    payload = _payload(bundle, faults)
    document = DocumentReader(payload, faults).read() if payload is not None else None
    if faults or document is None:
        raise ITK3RefusedError(faults)
    return DocumentMessage(header, document)


def header_of(body: bytes) -> Header:
    """Return what can be read of a header, whatever else is wrong: an answer must have it."""
    try:
        bundle = read(body)
    except ITK3RefusedError:
        return Header()
    return _header(bundle, [])


def _header(bundle: Node, faults: list[Fault]) -> Header:
    def say(code: ITKCode, text: str, *at: str, of: Node = bundle) -> None:
        faults.append(Fault(code, text, of.at(*at) if at else of.place))

    if bundle.type != "Bundle" or bundle.text("type") != "message":
        say(ITKCode.HEADER, "the body must be a Bundle of type message", "type")
    urls = [entry.text("fullUrl") for entry in bundle.all("entry") if entry.text("fullUrl")]
    if len(urls) != len(set(urls)):
        say(ITKCode.HEADER, "fullUrl must be unique in the Bundle", "entry")
    header = bundle.first("entry", "resource")
    if header is None or header.type != "MessageHeader":
        text = "the first entry of a message is its MessageHeader"
        say(ITKCode.HEADER, text, "entry[0]", "resource")
        return Header(bundle=identifier_of(bundle.first("identifier")) or bundle.text("id"))
    identity = header.text("id")
    if not identity:
        say(ITKCode.HEADER, "a MessageHeader has an id", "id", of=header)
    if not _instant(header.text("timestamp")):
        say(ITKCode.HEADER, "a MessageHeader has a timestamp", "timestamp", of=header)
    event = header.text("event", "code")
    if not event:
        say(ITKCode.HEADER, "a MessageHeader has an event", "event", "code", of=header)
    elif event not in DOCUMENT_EVENTS or header.text("event", "system") != MESSAGE_EVENTS:
        known = ", ".join(DOCUMENT_EVENTS)
        say(ITKCode.DEFINITION, f"the event is not taken here: {known}", "event", of=header)
    return Header(
        id=identity or UNREADABLE,
        bundle=identifier_of(bundle.first("identifier")) or bundle.text("id"),
        event=event,
        sender=_sender(bundle, header),
        handling=_handling(header, faults),
    )


def _handling(header: Node, faults: list[Fault]) -> Handling:
    extension = header.extension(HANDLING)
    if extension is None:
        text = "a MessageHeader has the extension ITKMessageHandling"
        faults.append(Fault(ITKCode.HANDLING, text, header.at("extension")))
        return Handling()
    parts = {each.url: each for each in extension.all("extension")}

    def flag(name: str, code: ITKCode) -> bool:
        part = parts.get(name)
        if part is None:
            return False
        said = part.text("valueBoolean")
        if said not in {"true", "false"}:
            faults.append(Fault(code, f"{name} is true or false", part.at("valueBoolean")))
        return said != "false"

    recipient = parts.get("RecipientType")
    kind = recipient.text("valueCoding", "code") if recipient is not None else "FA"
    if kind not in {"FA", "FI"}:
        assert recipient is not None
        place = recipient.at("valueCoding", "code")
        faults.append(Fault(ITKCode.RECIPIENT_TYPE, "RecipientType is FA or FI", place))
    definition = parts.get("MessageDefinition")
    named = definition.text("valueReference", "reference") if definition is not None else ""
    if definition is not None and not named:
        place = definition.at("valueReference", "reference")
        faults.append(Fault(ITKCode.DEFINITION, "MessageDefinition is a reference", place))
    reference = parts.get("SenderReference")
    words = reference.text("valueString") if reference is not None else ""
    if reference is not None and len(words) > LONGEST_REFERENCE:
        text = f"SenderReference has at most {LONGEST_REFERENCE} characters"
        faults.append(Fault(ITKCode.SENDER_REFERENCE, text, reference.at("valueString")))
    return Handling(
        business=flag("BusAckRequested", ITKCode.BUSINESS_FLAG),
        infrastructure=flag("InfAckRequested", ITKCode.INFRASTRUCTURE_FLAG),
        for_action=kind != "FI",
        definition=named,
        sender_reference=words[:LONGEST_REFERENCE],
    )


def _resolve(bundle: Node, reference: str) -> Node | None:
    for entry in bundle.all("entry"):
        resource = entry.first("resource")
        if resource is None or not resource.type:
            continue
        identity = resource.text("id")
        names = {entry.text("fullUrl"), f"{resource.type}/{identity}", f"urn:uuid:{identity}"}
        if reference and reference in names:
            return resource
    return None


def _sender(bundle: Node, header: Node) -> str:
    for each in ("sender", "responsible"):
        organisation = _resolve(bundle, header.text(each, "reference"))
        if organisation is None:
            continue
        for identifier in organisation.all("identifier"):
            if identifier.text("system").casefold() == ODS_CODE.casefold():
                return identifier.text("value")
    return ""


def _payload(bundle: Node, faults: list[Fault]) -> Node | None:
    """Return the document Bundle that the header's focus names."""
    header = bundle.first("entry", "resource")
    if header is None or header.type != "MessageHeader":
        return None
    focus = _resolve(bundle, header.text("focus", "reference"))
    if focus is None:
        text = "the focus does not resolve in the message"
        faults.append(Fault(ITKCode.HEADER, text, header.at("focus", "reference")))
        return None
    if focus.type != "Bundle" or focus.text("type") != "document":
        text = "the payload must be a Bundle of type document"
        faults.append(Fault(ITKCode.PAYLOAD, text, focus.at("type")))
        return None
    return focus
