"""Messages with a document that came by MESH: one inbox row each, done once, answered as ITK3 says.

What cannot be processed is kept whole in quarantine, for the page Messages, whoever's fault it is:
the sender is told later than by a web request, and somebody's summary lies in it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from fhir.messaging import itk3
from fhir.messaging.itk3 import DocumentMessage, Fault, Header, ITK3RefusedError, ITKCode
from fhir.messaging.itk3.codes import DOCUMENT_EVENTS, RESPONSE_EVENT
from fhir.outcomes import FHIRError
from hub import clock, records
from hub.adapters.mesh import Letter
from hub.db import db
from hub.domain.actor import Actor, ActorKind, hub_actor
from hub.domain.errors import StateError
from hub.models.mesh_send import BUSINESS, INFRASTRUCTURE
from hub.models.message import DUPLICATE, PROCESSED, QUARANTINED, REFUSED, InboxMessage
from hub.services import (
    definitions,
    discharge_summaries,
    inbox,
    mesh_sends,
    message_faults,
)
from hub.services.discharge_summaries import Kept
from hub.services.inbox import Arrival
from hub.services.messages import MessageAnswer

log = structlog.get_logger(__name__)

CLIENT = "mesh/"
"""``InboxMessage.client`` of what came by MESH: ``mesh/<our mailbox>``."""
_HTTP = {
    ITKCode.DUPLICATE_MESSAGE: 409,
    ITKCode.DUPLICATE_DOCUMENT: 409,
    ITKCode.TOO_LARGE: 413,
}
_OURS = Fault(
    ITKCode.HANDLING,
    "The receiver could not process the message. It is kept for a person to look at",
)
_MEGABYTE = 1_000_000


class _RepeatedError(ITK3RefusedError):
    """The same message, or the same document, has been taken in before."""


def largest() -> int:
    """Return how many bytes of a message are taken."""
    return definitions.current().discharge.largest_mb * _MEGABYTE


def take_in(letter: Letter) -> str | None:
    """Take one message of the mailbox in, in the caller's transaction; return its inbox row.

    None for a report of MESH itself. Raises only when the database could not do its work: then
    the message is still in the mailbox.
    """
    if letter.is_report:
        _note_report(letter)
        return None
    arrival = _arrival(letter)
    savepoint = db.session.begin_nested()
    try:
        if not letter.complete:
            text = f"a message may have at most {largest() // _MEGABYTE} MB"
            raise ITK3RefusedError([Fault(ITKCode.TOO_LARGE, text)])  # noqa: TRY301
        row_id = _carry_out(arrival, None)
        db.session.flush()
        savepoint.commit()
    except Exception as error:  # a fault of ours must not lose the message
        if message_faults.of_database(error):
            raise
        savepoint.rollback()
        return _keep_refused(arrival, error)
    return row_id


def replay(actor: Actor, row: InboxMessage, *, body: bytes | None = None) -> MessageAnswer:
    """Process a quarantined message again, mended (``body``) or as it came.

    Its sender hears nothing more: after a negative answer ITK3 has no other.
    """
    if row.status != QUARANTINED:
        raise StateError("only a message in quarantine can be replayed", field="status")
    detail = {"mended": body is not None, "attempt": row.attempts + 1}
    records.audit.record(actor, "message-replayed", f"InboxMessage/{row.id}", detail)
    arrival = Arrival(
        client=row.client,
        received_at=clock.now(),
        body=row.body if body is None else body,
        transport=row.transport,
        request_id=row.request_id,
        reply_to=row.reply_to,
        kind=row.kind,
    )
    savepoint = db.session.begin_nested()
    try:
        _carry_out(arrival, row)
        db.session.flush()
        savepoint.commit()
    except Exception as error:
        if message_faults.of_database(error):
            raise
        savepoint.rollback()
        told = _faults_of(error)
        status = _HTTP.get(told[0].code, 500 if told[0] is _OURS else 422)
        return MessageAnswer(status, {"issue": [_issue(each, error) for each in told]}, {})
    return MessageAnswer(200, {}, {})


def faults_in(body: bytes) -> tuple[Fault, ...]:
    """Return what is wrong with a body by the grammar of ITK3; empty: the fault is ours."""
    try:
        message = itk3.parse(body)
        _check_attachments(message)
    except ITK3RefusedError as error:
        return error.faults
    return ()


def _arrival(letter: Letter) -> Arrival:
    kept = {
        f"mex-{name}": letter.headers.get(name, "") for name in ("from", "workflowid", "localid")
    }
    return Arrival(
        client=f"{CLIENT}{letter.mailbox}",
        received_at=clock.now(),
        body=letter.content,
        transport={name: value for name, value in kept.items() if value},
        request_id=letter.message_id,
        reply_to=letter.sender,
        kind="document",
    )


def _carry_out(arrival: Arrival, quarantined: InboxMessage | None) -> str:
    message = itk3.parse(arrival.body)
    header = message.header
    _read_header(arrival, header)
    _check_attachments(message)
    sender = Actor(kind=ActorKind.SYSTEM, id=arrival.client, display=arrival.client)
    inbox.serialise(sender, header.id)
    inbox.serialise(sender, f"document/{message.document.identifier}")
    _check_repeat(arrival, message)
    row = _claim(arrival, quarantined)
    kept = discharge_summaries.keep(message, arrival.body, sender=arrival.reply_to or "")
    row.subject = kept.reference.reference
    row.subject_version = kept.reference.version
    row.patient = kept.patient.reference
    row.error_code = ITKCode.SUCCESS.value
    records.audit.record(
        hub_actor("mesh"), "message", kept.reference.reference, {"inbox": row.id, "kind": row.kind}
    )
    if quarantined is None:
        _acknowledge(row.id, arrival, header, kept)
    return row.id


def _read_header(arrival: Arrival, header: Header) -> None:
    arrival.bundle_id = header.id if header.id != itk3.UNREADABLE else None
    arrival.focus = header.bundle or None
    arrival.bundle_version = header.event or None
    if header.event in DOCUMENT_EVENTS:
        arrival.kind = DOCUMENT_EVENTS[header.event]


def _check_attachments(message: DocumentMessage) -> None:
    allowed = definitions.current().discharge.attachments
    faults = [
        Fault(ITKCode.ATTACHMENT_NOT_SUPPORTED, f"attachments may be {', '.join(allowed)}", a.place)
        for a in message.document.attachments
        if allowed and a.content_type not in allowed
    ]
    if faults:
        raise ITK3RefusedError(faults)


def _check_repeat(arrival: Arrival, message: DocumentMessage) -> None:
    """Refuse what was done before: once by the message's id, once by the document's.

    A repeat with other content is no repeat: it is kept for a person to look at.
    """
    same_message = inbox.latest(
        InboxMessage.client == arrival.client,
        InboxMessage.bundle_id == message.header.id,
        InboxMessage.reply_to == arrival.reply_to,
    )
    if same_message:
        same = any(each.body_hash == arrival.body_hash for each in same_message)
        raise _repeated(ITKCode.DUPLICATE_MESSAGE, "message", "MessageHeader.id", same=same)
    same_document = discharge_summaries.earlier(message.document.identifier)
    if same_document:
        bodies = (discharge_summaries.original(each)[0] for each in same_document)
        same = any(itk3.parse(each).document.node == message.document.node for each in bodies)
        place = message.document.node.at("identifier")
        raise _repeated(ITKCode.DUPLICATE_DOCUMENT, "document", place, same=same)


def _repeated(code: ITKCode, what: str, place: str, *, same: bool) -> ITK3RefusedError:
    if same:
        return _RepeatedError([Fault(code, f"this {what} has been taken in before", place)])
    text = f"another {what} with this identifier has been taken in before: its content differs"
    return ITK3RefusedError([Fault(code, text, place)])


def _claim(arrival: Arrival, quarantined: InboxMessage | None) -> InboxMessage:
    if quarantined is not None:
        inbox.retry(quarantined, arrival)
        quarantined.kind = arrival.kind
        return quarantined
    kept = inbox.keep(arrival, status=PROCESSED, http_status=200)
    if kept is None:
        text = "this message has been taken in before"
        raise _RepeatedError([Fault(ITKCode.DUPLICATE_MESSAGE, text, "MessageHeader.id")])
    return kept


def _acknowledge(row_id: str, arrival: Arrival, header: Header, kept: Kept) -> None:
    handling = header.handling
    if handling.infrastructure:
        text = "The message has been taken in"
        _answer(row_id, INFRASTRUCTURE, [Fault(ITKCode.SUCCESS, text)], arrival, header)
    if handling.business:
        if kept.deceased:
            said = Fault(ITKCode.PATIENT_DECEASED, "The person is known here and has died")
        elif kept.known:
            said = Fault(ITKCode.PATIENT_KNOWN, "The person is known here")
        else:
            text = "The person is not known here yet. The document is kept and is being traced"
            said = Fault(ITKCode.PATIENT_NOT_KNOWN, text)
        _answer(row_id, BUSINESS, [said], arrival, header)


def _answer(
    row_id: str, kind: str, said: Iterable[Fault], arrival: Arrival, header: Header
) -> None:
    mesh_sends.queue(
        row_id,
        kind,
        said,
        header=header,
        mailbox=arrival.client.removeprefix(CLIENT),
        recipient=arrival.reply_to or "",
        workflow=arrival.transport.get("mex-workflowid", ""),
    )


def _faults_of(error: Exception) -> tuple[Fault, ...]:
    if isinstance(error, ITK3RefusedError):
        return error.faults
    if isinstance(error, FHIRError) and error.status < 500:
        # It reads well as STU3, but says what R4 cannot keep.
        return tuple(Fault(ITKCode.PAYLOAD, each.text, each.expression) for each in error.issues)
    log.error("message quarantined", exc_info=error)
    return (_OURS,)


def _keep_refused(arrival: Arrival, error: Exception) -> str:
    """Write what became of a message that had no effect, and answer it; return the row's id."""
    faults = _faults_of(error)
    header = itk3.header_of(arrival.body)
    _read_header(arrival, header)
    code = faults[0].code
    ours = faults[0] is _OURS
    told: dict[str, Any] = {
        "http_status": _HTTP.get(code, 500 if ours else 422),
        "error_code": code.value,
        "issue_code": "exception" if ours else "invalid",
        "error": message_faults.where(error)
        if ours
        else "; ".join(_told(each) for each in faults)[: message_faults.LONGEST],
    }
    answers_us = header.event == RESPONSE_EVENT or arrival.transport.get(
        "mex-workflowid", ""
    ).endswith(mesh_sends.ACKNOWLEDGING)
    if isinstance(error, _RepeatedError):
        row = inbox.keep(arrival, status=DUPLICATE, **told)
    elif (code is ITKCode.TOO_LARGE and not arrival.body) or answers_us:
        row = inbox.keep(arrival, status=REFUSED, **told)
    else:
        row = inbox.quarantine(arrival, **told)
    assert row is not None
    handling = header.handling
    # An answer to an answer would go to and fro for ever.
    if not answers_us and arrival.reply_to and (handling.infrastructure or handling.business):
        _answer(row.id, INFRASTRUCTURE, faults, arrival, header)
    return row.id


def _told(fault: Fault) -> str:
    return f"{fault.place}: {fault.text}" if fault.place else fault.text


def _issue(fault: Fault, error: Exception) -> dict[str, Any]:
    text = message_faults.where(error) if fault is _OURS else fault.text
    issue: dict[str, Any] = {"code": fault.code.value, "diagnostics": text}
    return issue | ({"expression": [fault.place]} if fault.place else {})


def _note_report(letter: Letter) -> None:
    """MESH itself says that it could not deliver a message of ours."""
    headers: Mapping[str, str] = letter.headers
    why = headers.get("statusdescription", "") or "MESH could not deliver it"
    linked = headers.get("linkedmsgid", "")
    log.warning("MESH could not deliver", message=linked, why=why)
    if linked:
        mesh_sends.undeliverable(linked, why[: message_faults.LONGEST])
