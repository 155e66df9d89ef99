"""Create, update and delete, plain and conditional: shared by requests and bundle entries.

https://hl7.org/fhir/R4/http.html#create and the sections after it
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fhir.jsontext import Parsed
from fhir.outcomes import (
    BadRequestError,
    ForbiddenError,
    MethodNotAllowedError,
    MultipleMatchesError,
    NotFoundError,
    UnprocessableError,
)
from hub import records
from hub.api import withheld
from hub.auth import Grant
from hub.db import driver
from hub.domain.actor import Actor
from hub.records import Record
from hub.records.reading import fetch
from hub.records.saving import Body, read_body
from hub.transaction import transaction

VERSIONED_UPDATE = frozenset(
    {"CarePlan", "CareTeam", "Consent", "EpisodeOfCare", "Flag", "Goal", "Task"}
)
"""Types whose update needs If-Match: two people work on them at once."""

KEPT = frozenset(
    {
        "Goal",
        "HealthcareService",
        "Location",
        "MessageHeader",
        "Observation",
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "Provenance",
        "QuestionnaireResponse",
        "ServiceRequest",
    }
)
"""Types of which the hub writes managed records, and which have no guard (hub/services/guards)."""

WRITTEN_ONCE = frozenset({"AuditEvent"})
"""Types that clients may create and read, never change: behaviour.md, thirteenth rule."""

SUBSETTED = "SUBSETTED"
"""Code of the tag of an incomplete resource: https://hl7.org/fhir/R4/http.html#subset."""

Params = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Done:
    """What a write did: 201 created, 200 stored or found, 204 deleted."""

    status: int
    record: Record | None = None


def create(
    actor: Actor,
    resource_type: str,
    body: Body,
    *,
    if_none_exist: Params | None = None,
    record_id: str | None = None,
) -> Done:
    """Store a new record, or with ``if_none_exist`` return the one that matches already."""
    if if_none_exist is None:
        return Done(201, _created(actor, resource_type, body, record_id))
    with transaction():
        found = one_match(actor, resource_type, if_none_exist)
        if found is not None:
            return Done(200, found)
        return Done(201, _created(actor, resource_type, body, record_id))


def _created(actor: Actor, resource_type: str, body: Body, record_id: str | None) -> Record:
    return records.create(actor, body, type=resource_type, id=record_id)


def update(
    actor: Actor,
    grant: Grant | None,
    resource_type: str,
    record_id: str,
    body: Body,
    *,
    if_match: int | None = None,
) -> Done:
    """Supersede a record; where the client may name ids, create it under its own id."""
    _refuse_change(resource_type)
    _refuse_kept(actor, resource_type, record_id)
    parsed = Parsed(*read_body(body, resource_type))
    _refuse_part(parsed)
    body = withheld.restored(actor, resource_type, record_id, parsed)
    if if_match is None and resource_type in VERSIONED_UPDATE:
        stored = fetch(actor, resource_type, record_id, locked=False)
        if stored is not None and not stored.deleted:
            raise BadRequestError(
                f'an update of {resource_type} needs If-Match: W/"<version you read>"',
                code="required",
            )
    own_ids = grant is not None and grant.own_ids
    try:
        record = records.update(
            actor, body, type=resource_type, id=record_id, if_match=if_match, create=own_ids
        )
    except NotFoundError as error:
        if own_ids or error.issues[0].code != "not-found":
            raise
        raise MethodNotAllowedError(
            f"{error.text}, and this client may not choose ids: create it by POST",
            headers={"Allow": "GET, HEAD"},
        ) from error
    return Done(201 if record.version == 1 else 200, record)


def _refuse_change(resource_type: str) -> None:
    if resource_type in WRITTEN_ONCE:
        raise MethodNotAllowedError(
            f"{resource_type} is created and read, never changed or deleted",
            headers={"Allow": "GET, HEAD"},
        )


def _refuse_kept(actor: Actor, resource_type: str, record_id: str) -> None:
    """Refuse to change a managed record whose type has no rules of its own to change it by.

    What the hub writes beside a plan, a referral or a register entry changes with them, through
    the service that tells everybody who must know.
    """
    if resource_type in KEPT:
        stored = fetch(actor, resource_type, record_id, locked=False)
        if stored is not None and stored.managed:
            raise ForbiddenError(
                f"this {resource_type} is kept by the hub: it changes with what it belongs to"
            )


def _refuse_part(body: Parsed) -> None:
    """Refuse an answer to ``_summary`` or ``_elements`` sent back: it would delete the rest."""
    value, text = body.value, body.text
    if SUBSETTED not in text:
        return
    meta = value.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, dict) and tag.get("code") == SUBSETTED:
            raise UnprocessableError(
                "this is a part of a resource (tag SUBSETTED): read all of it, change that",
                expression="meta.tag",
            )


def update_matching(
    actor: Actor,
    grant: Grant | None,
    resource_type: str,
    params: Params,
    body: Body,
    *,
    if_match: int | None = None,
    record_id: str | None = None,
) -> Done:
    """Update the one record that matches, or create one (as ``record_id``) where none does."""
    _refuse_change(resource_type)
    with transaction():
        found = one_match(actor, resource_type, params)
        if found is None:
            return Done(201, _created(actor, resource_type, body, record_id))
        if if_match is None and resource_type in VERSIONED_UPDATE:
            # The search has locked nothing: the version that matched must still be the current.
            if_match = found.version
        return update(actor, grant, resource_type, found.id, body, if_match=if_match)


def delete(
    actor: Actor, resource_type: str, record_id: str, *, if_match: int | None = None
) -> Done:
    _refuse_change(resource_type)
    _refuse_kept(actor, resource_type, record_id)
    records.delete(actor, resource_type, record_id, if_match=if_match)
    return Done(204)


def delete_matching(actor: Actor, resource_type: str, params: Params) -> Done:
    """Delete the one record that matches; deleting nothing is no error."""
    _refuse_change(resource_type)
    with transaction():
        found = one_match(actor, resource_type, params)
        if found is not None:
            _refuse_kept(actor, resource_type, found.id)
            records.delete(actor, resource_type, found.id, if_match=found.version)
    return Done(204)


def one_match(actor: Actor, resource_type: str, params: Params) -> Record | None:
    """Return the one record that matches, None where none does, inside a transaction.

    Whoever asks for the same condition waits until this transaction has ended, so that two of
    them never both find nothing. Raises MultipleMatchesError.
    """
    if not params:
        raise BadRequestError("a conditional interaction needs search parameters", code="required")
    with driver() as connection:
        condition = f"{resource_type}?{sorted(params)}"
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (condition,))
    found = records.search(actor, resource_type, [*params, ("_count", "2")]).records
    if len(found) > 1:
        raise MultipleMatchesError(f"several {resource_type} match the condition")
    return found[0] if found else None
