"""Messages from other systems: one inbox row each, done once, answered as BaRS says, never lost."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from flask import current_app

from fhir.messaging import (
    SUPPORTED_VERSIONS,
    Message,
    MessageRefusedError,
    answer_bundle,
    decide,
    echoed,
    parse_message,
    parse_transport,
)
from fhir.messaging.refusal import duplicate
from fhir.outcomes import FHIRError, InvalidResourceError
from fhir.validation import validate
from hub import clock, records
from hub.db import db
from hub.domain.actor import Actor, ActorKind
from hub.domain.errors import NotPermittedError, RuleError, StateError
from hub.domain.scopes import permits
from hub.models.message import DUPLICATE, PROCESSED, QUARANTINED, REFUSED, InboxMessage
from hub.services import (
    bookings,
    definitions,
    inbox,
    message_effects,
    message_faults,
    outgoing_messages,
)
from hub.services.inbox import Arrival
from hub.services.message_effects import Effect, Taken

log = structlog.get_logger(__name__)

_KEPT_HEADERS = ("x-request-id", "x-correlation-id", "accept", "content-type", "use-context")
_NOT_DONE = (QUARANTINED, REFUSED)
_ALREADY = "This message has already been received and processed"


@dataclass(frozen=True, slots=True)
class MessageAnswer:
    """What the sender gets: HTTP status, a Bundle or an OperationOutcome, echoed headers."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


def process(
    actor: Actor,
    headers: Mapping[str, str],
    body: bytes,
    *,
    again: InboxMessage | None = None,
) -> MessageAnswer:
    """Take one message: grammar, inbox row and effect inside the caller's transaction.

    ``again`` is the row of an arrival that is tried anew by a person: it counts as no other one.
    A refusal or a fault of ours leaves the inbox row and no other trace. Raises only when the
    database could not do its work: the edge tries again or says 503.
    """
    arrival = Arrival(client=actor.id, received_at=clock.now(), body=body, transport=_kept(headers))
    savepoint = db.session.begin_nested()
    try:
        bundle = _process(actor, headers, arrival, again)
        db.session.flush()
        savepoint.commit()
    except Exception as error:  # a fault of ours must not lose the message
        if message_faults.of_database(error):
            raise
        savepoint.rollback()
        refusal = _refusal_of(error)
        row = _keep_refused(arrival, refusal, error)
        return MessageAnswer(refusal.status, refusal.outcome(row), echoed(headers))
    return MessageAnswer(200, bundle, echoed(headers))


def replay(actor: Actor, inbox_id: str, *, body: bytes | None = None) -> MessageAnswer:
    """Process a message that was not done again as its sender's, mended (``body``) or as it came.

    Whether a refused one may be is for ``hub.services.quarantine`` to say.
    """
    row = db.session.get(InboxMessage, inbox_id)
    if row is None or row.status not in _NOT_DONE:
        raise StateError(
            "only a message in quarantine or a refused one can be replayed", field="status"
        )
    sender = Actor(
        kind=ActorKind.SYSTEM,
        id=row.client,
        display=row.client,
        scopes=frozenset({"system/ServiceRequest.c"}),
    )
    detail = {"mended": body is not None, "attempt": row.attempts + 1}
    records.audit.record(actor, "message-replayed", f"InboxMessage/{row.id}", detail)
    return process(sender, row.transport, row.body if body is None else body, again=row)


def _process(
    actor: Actor, headers: Mapping[str, str], arrival: Arrival, again: InboxMessage | None
) -> dict[str, Any]:
    versions = supported_versions()
    transport = parse_transport(headers, versions=versions)
    arrival.read_transport(transport)
    _authorise(actor)
    earlier = inbox.seen(actor.id, transport.request_id)
    if earlier is not None and earlier.status == PROCESSED:
        raise duplicate(_ALREADY)
    message = parse_message(arrival.body, versions=versions, xml=transport.xml)
    arrival.read_message(message)
    _check_structure(message)
    inbox.serialise(actor, message.id)
    workflow = decide(message, on_file=_on_file(actor), slot_free=bookings.slot_free)
    arrival.kind = workflow.value
    if inbox.same_body(arrival):
        raise duplicate(_ALREADY)
    row = _claim_row(arrival, again or earlier)
    effect = message_effects.carry_out(Taken(actor, arrival, message, workflow, row.id))
    row.kind = workflow.value
    row.subject = effect.subject.reference
    row.subject_version = effect.subject.version
    row.patient = effect.patient or None
    records.audit.record(
        actor, "message", effect.subject.reference, {"inbox": row.id, "kind": workflow.value}
    )
    return _answer(message, effect)


def _on_file(actor: Actor) -> Callable[[str], bool]:
    """Say what this system may answer: what was sent to the hub, and what the hub sent to it."""
    return lambda bundle_id: (
        inbox.on_file(bundle_id) or outgoing_messages.of_bundle(actor.id, bundle_id) is not None
    )


def _authorise(actor: Actor) -> None:
    """Messages come from systems that may create referrals."""
    if actor.kind is not ActorKind.SYSTEM or not permits(actor.scopes, "ServiceRequest", "c"):
        raise MessageRefusedError(
            "Sending messages needs a system's token with the scope system/ServiceRequest.c",
            issue="forbidden",
            status=403,
        )


def _check_structure(message: Message) -> None:
    """Refuse what is not R4: every fault with its place, before anything is decided."""
    faults = [i for i in validate(message.bundle) if i.severity in {"error", "fatal"}]
    if faults:
        raise InvalidResourceError(faults)


def _claim_row(arrival: Arrival, before: InboxMessage | None) -> InboxMessage:
    """Take the row under which this message is done; a repeat finds it taken."""
    if before is not None:
        # The sender tries again what failed on our side, or a person what was refused: the same
        # row, one attempt more. Read again under the lock: it may have been done meanwhile.
        row = db.session.get(InboxMessage, before.id, with_for_update=True, populate_existing=True)
        if row is None or row.status not in _NOT_DONE:
            raise duplicate(_ALREADY)
        inbox.retry(row, arrival)
        return row
    kept = inbox.keep(arrival, status=PROCESSED, http_status=200)
    if kept is None:
        raise duplicate(_ALREADY)
    return kept


def _answer(message: Message, effect: Effect) -> dict[str, Any]:
    base = current_app.config["CAREHUB"].base_url
    return answer_bundle(
        message,
        answer_id=str(uuid.uuid4()),
        header_id=str(uuid.uuid4()),
        at=clock.now(),
        source={
            "name": definitions.current().name,
            "software": "Carehub",
            "endpoint": f"{base}/fhir/$process-message",
        },
        results=[(f"{base}/fhir/{effect.subject.reference}", effect.subject.resource)],
    )


def _refusal_of(error: Exception) -> MessageRefusedError:
    """Return what the sender is told: its own fault with its place, or that we keep the message."""
    if isinstance(error, MessageRefusedError):
        return error
    if isinstance(error, NotPermittedError):
        return MessageRefusedError(error.text, issue="forbidden", status=403)
    if isinstance(error, RuleError) and not isinstance(error, StateError):
        return MessageRefusedError(error.text, issue="business-rule", status=422)
    if isinstance(error, FHIRError) and error.status < 500:
        return MessageRefusedError(
            error.text, issue=error.issues[0].code, status=error.status, issues=error.issues
        )
    log.error("message quarantined", exc_info=error)
    return MessageRefusedError(
        "The receiver could not process the message. It is kept for a person to look at",
        issue="exception",
        status=500,
    )


def _keep_refused(arrival: Arrival, refusal: MessageRefusedError, cause: Exception) -> str:
    """Write what became of a message that had no effect; returns the id of its row."""
    told: dict[str, Any] = {
        "http_status": refusal.status,
        "error_code": refusal.code,
        "issue_code": refusal.issue,
        "error": "; ".join(issue.text for issue in refusal.issues)[: message_faults.LONGEST],
    }
    if refusal.status >= 500:
        # The type says where to look; its text may quote the message.
        return inbox.quarantine(arrival, **{**told, "error": message_faults.where(cause)}).id
    status = DUPLICATE if refusal.issue == "duplicate" else REFUSED
    row = inbox.keep(arrival, status=status, **told)
    assert row is not None  # only what was done or quarantined is unique
    return row.id


def supported_versions() -> tuple[str, ...]:
    """Return the versions of the standard that this hub speaks: the setting, else the default."""
    configured: tuple[str, ...] = current_app.config["CAREHUB"].bars_versions
    return configured or SUPPORTED_VERSIONS


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.items()
        if name.lower() in _KEPT_HEADERS or name.lower().startswith("nhsd-")
    }
