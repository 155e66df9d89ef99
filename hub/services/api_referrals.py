"""A referral by the FHIR API: a ServiceRequest of a system that knows the person on record here.

A ServiceRequest that is only created is a foreign record, kept and shown and triaged by nobody; one
that is referred goes through the same door as every other.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import func, select

from fhir.outcomes import BadRequestError, ForbiddenError, InvalidResourceError
from fhir.systems import CAREHUB
from fhir.validation import validate
from hub import records
from hub.db import db
from hub.domain.actor import Actor, ActorKind
from hub.domain.referral_request import Channel, Code, ReceiveReferral, Referrer
from hub.domain.scopes import permits
from hub.models.client import Client
from hub.records import Record
from hub.services import definitions, referral_request_record, referrals

SENDER = f"{CAREHUB}/StructureDefinition/referral-sender"
"""Extension with the Actor id of the system that referred: whose identifier it is."""
_LONGEST_REASON = 600


def refer(
    actor: Actor, request: dict[str, Any], *, source: str | None = None
) -> tuple[Record, bool]:
    """Take a ServiceRequest in as a referral; returns the hub's record and whether it is new.

    It needs an identifier of the sender's own: sent again with the same one it is the same
    referral, which is returned as it stands. Raises BadRequestError, ForbiddenError,
    InvalidResourceError with the place of what is missing, RuleError for what triage cannot take.
    """
    if actor.kind is not ActorKind.SYSTEM or not permits(actor.scopes, "ServiceRequest", "c"):
        raise ForbiddenError("referring needs a system's token with system/ServiceRequest.c")
    faults = [each for each in validate(request) if each.severity in {"error", "fatal"}]
    if faults:
        raise InvalidResourceError(faults)
    system, value = _identifier(request)
    lock = func.hashtextextended(f"{actor.id}|{system}|{value}", 0)
    db.session.execute(select(func.pg_advisory_xact_lock(lock)))
    known = _known(actor, system, value)
    if known is not None:
        return known, False
    subject = str((request.get("subject") or {}).get("reference", ""))
    kind, _, patient_id = subject.partition("/")
    if kind != "Patient" or not patient_id:
        raise BadRequestError(
            "the subject is a Patient on record here, as Patient/[id]: search or create it first",
            expression="ServiceRequest.subject",
        )
    patient = records.read(actor, "Patient", patient_id)
    others = [each for each in request.get("extension") or () if each.get("url") != SENDER]
    request["extension"] = [*others, {"url": SENDER, "valueString": actor.id}]
    receipt = referrals.receive(actor, _command(actor, request, patient, source))
    return receipt.service_request, True


def _command(
    actor: Actor, request: dict[str, Any], patient: Record, source: str | None
) -> ReceiveReferral:
    client = db.session.get(Client, actor.id.removeprefix("client/"))
    display = str((request.get("requester") or {}).get("display", ""))
    reason = "; ".join(dict.fromkeys(word for word in map(_words, _concepts(request)) if word))
    if not reason:
        raise BadRequestError(
            "say why: a reasonCode with its text or a coding",
            expression="ServiceRequest.reasonCode",
        )
    sources = definitions.current().code_lists["referral-sources"].codes
    if source is not None and source not in sources:
        raise BadRequestError(f"source is one of {', '.join(sources)}", expression="source")
    return ReceiveReferral(
        person=patient.reference,
        reason=reason[:_LONGEST_REASON],
        referrer=Referrer(
            display=display or (client.name if client else actor.display),
            organization=actor.organization,
        ),
        channel=Channel.API,
        source=source or "professional",
        reason_codes=tuple(_codes(request)),
        service=referral_request_record.requested_service(request),
        priority=str(request.get("priority", "routine")),
        request=request,
    )


def _known(actor: Actor, system: str, value: str) -> Record | None:
    """Return the referral that this system has made with this identifier, or None."""
    page = records.search(
        actor,
        "ServiceRequest",
        [("identifier", f"{system}|{value}"), ("_tag", "carehub|managed"), ("_count", "20")],
    )
    return next(
        (
            each
            for each in page.records
            if any(
                found.get("url") == SENDER and found.get("valueString") == actor.id
                for found in each.get("extension") or ()
            )
        ),
        None,
    )


def _identifier(request: Mapping[str, Any]) -> tuple[str, str]:
    for each in request.get("identifier") or ():
        if each.get("system") and each.get("value"):
            return str(each["system"]), str(each["value"])
    raise BadRequestError(
        "a referral needs an identifier of yours, with system and value: a repeat is known by it",
        expression="ServiceRequest.identifier",
    )


def _concepts(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from request.get("reasonCode") or ()


def _words(concept: Mapping[str, Any]) -> str:
    coding: Mapping[str, Any] = next(iter(concept.get("coding") or ()), {})
    return str(concept.get("text") or coding.get("display") or coding.get("code") or "").strip()


def _codes(request: Mapping[str, Any]) -> Iterator[Code]:
    for concept in (request.get("code") or {}, *_concepts(request)):
        for coding in concept.get("coding") or ():
            if coding.get("code"):
                yield Code(
                    code=str(coding["code"]),
                    display=str(coding.get("display", "")),
                    system=str(coding.get("system", "")),
                )
