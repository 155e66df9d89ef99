"""Create, update and delete, plain and conditional: shared by requests and bundle entries.

https://hl7.org/fhir/R4/http.html#create and the sections after it
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fhir.jsontext import Parsed
from fhir.outcomes import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    MethodNotAllowedError,
    MultipleMatchesError,
    NotFoundError,
    PreconditionFailedError,
    UnprocessableError,
)
from hub import records
from hub.api import withheld
from hub.api.negotiation import ANY_VERSION
from hub.auth import Grant
from hub.db import driver
from hub.domain.actor import Actor
from hub.records import Record
from hub.records.reading import fetch
from hub.records.saving import Body, check, read_body
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
        "Schedule",
        "ServiceRequest",
        "Slot",
    }
)
"""Types of which the hub writes managed records, and which have no guard (hub/services/guards)."""

WRITTEN_ONCE = frozenset({"AuditEvent"})
"""Types that clients may create and read, never change: behaviour.md, thirteenth rule."""

SUBSETTED = "SUBSETTED"
"""Code of the tag of an incomplete resource: https://hl7.org/fhir/R4/http.html#subset."""

Params = Sequence[tuple[str, str]]

_TRIES = 10
"""A condition whose one match keeps changing is given up after this many looks."""


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
    only_new: bool = False,
) -> Done:
    """Supersede a record; where the client may name ids, create it under its own id.

    ``only_new`` (``If-None-Match: *``) creates and never supersedes.
    """
    refuse_change(resource_type)
    if only_new:
        return _create_as(actor, grant, resource_type, record_id, body)
    refuse_kept(actor, resource_type, record_id)
    parsed = Parsed(*read_body(body, resource_type))
    _refuse_part(parsed)
    body = withheld.restored(actor, resource_type, record_id, parsed)
    if if_match == ANY_VERSION or (if_match is None and resource_type in VERSIONED_UPDATE):
        stored = fetch(actor, resource_type, record_id, locked=False)
        there = stored is not None and not stored.deleted
        if if_match == ANY_VERSION and not there:
            raise PreconditionFailedError(f"{resource_type}/{record_id} is not here")
        if there and resource_type in VERSIONED_UPDATE:
            raise needs_version(resource_type)
        if_match = None
    own_ids = grant is not None and grant.own_ids
    try:
        record = records.update(
            actor, body, type=resource_type, id=record_id, if_match=if_match, create=own_ids
        )
    except NotFoundError as error:
        if own_ids or error.issues[0].code != "not-found":
            raise
        raise _no_own_ids(error.text) from error
    return Done(201 if record.version == 1 else 200, record)


def needs_version(resource_type: str) -> BadRequestError:
    return BadRequestError(
        f'a change of {resource_type} needs If-Match: W/"<version you read>"', code="required"
    )


def _no_own_ids(why: str) -> MethodNotAllowedError:
    return MethodNotAllowedError(
        f"{why}, and this client may not choose ids: create it by POST",
        headers={"Allow": "GET, HEAD"},
    )


def _create_as(
    actor: Actor, grant: Grant | None, resource_type: str, record_id: str, body: Body
) -> Done:
    """Create a record under the client's own id. Raises PreconditionFailedError if it is there."""
    parsed = Parsed(*read_body(body, resource_type))
    check(parsed.value)
    if parsed.value.get("id") != record_id:
        raise BadRequestError(
            f"the resource's id must be {record_id}, as in the address",
            expression=f"{resource_type}.id",
        )
    with transaction():
        stored = fetch(actor, resource_type, record_id, locked=True)
        if stored is not None and not stored.deleted:
            raise PreconditionFailedError(f"{resource_type}/{record_id} is here already")
        if grant is None or not grant.own_ids:
            raise _no_own_ids(f"{resource_type}/{record_id} is not here")
        if stored is not None:
            return update(actor, grant, resource_type, record_id, parsed, if_match=stored.version)
        try:
            return Done(201, _created(actor, resource_type, parsed, record_id))
        except ConflictError as error:
            # Somebody else has just created it, or it is there and hidden.
            raise PreconditionFailedError(error.text) from error


def named_id(value: dict[str, Any]) -> str | None:
    """Return the id that a resource names."""
    named = value.get("id")
    return None if named is None else str(named)


def refuse_change(resource_type: str) -> None:
    if resource_type in WRITTEN_ONCE:
        raise MethodNotAllowedError(
            f"{resource_type} is created and read, never changed or deleted",
            headers={"Allow": "GET, HEAD"},
        )


def refuse_kept(actor: Actor, resource_type: str, record_id: str) -> None:
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
    """Update the one record that matches, or create one where none does.

    The new record gets the id that the resource names, else ``record_id``, else one of ours:
    https://hl7.org/fhir/R4/http.html#cond-update.
    """
    refuse_change(resource_type)
    with transaction():
        found = held_match(actor, resource_type, params)
        return update_found(
            actor, grant, resource_type, found, body, if_match=if_match, record_id=record_id
        )


def update_found(
    actor: Actor,
    grant: Grant | None,
    resource_type: str,
    found: Record | None,
    body: Body,
    *,
    if_match: int | None = None,
    record_id: str | None = None,
) -> Done:
    """Update what a condition has found (``held_match``), or create where that is nothing."""
    refuse_change(resource_type)
    parsed = Parsed(*read_body(body, resource_type))
    named = named_id(parsed.value)
    if found is not None:
        if named is None:
            text = f'{{"id":"{found.id}",{parsed.text[1:]}'
            parsed = Parsed({"id": found.id, **parsed.value}, text)
        return update(actor, grant, resource_type, found.id, parsed, if_match=if_match)
    if if_match is not None:
        raise _no_match(resource_type)
    if named is None:
        return Done(201, _created(actor, resource_type, parsed, record_id))
    try:
        return _create_as(actor, grant, resource_type, named, parsed)
    except PreconditionFailedError as error:
        raise ConflictError(
            f"{resource_type}/{named} is here already and does not match the condition"
        ) from error


def _no_match(resource_type: str) -> PreconditionFailedError:
    return PreconditionFailedError(f"no {resource_type} matches the condition")


def delete(
    actor: Actor, resource_type: str, record_id: str, *, if_match: int | None = None
) -> Done:
    refuse_change(resource_type)
    refuse_kept(actor, resource_type, record_id)
    version = None if if_match == ANY_VERSION else if_match
    records.delete(actor, resource_type, record_id, if_match=version)
    return Done(204)


def delete_matching(
    actor: Actor, resource_type: str, params: Params, *, if_match: int | None = None
) -> Done:
    """Delete the one record that matches; deleting nothing is no error."""
    refuse_change(resource_type)
    with transaction():
        found = held_match(actor, resource_type, params)
        return delete_found(actor, resource_type, found, if_match=if_match)


def delete_found(
    actor: Actor, resource_type: str, found: Record | None, *, if_match: int | None = None
) -> Done:
    """Delete what a condition has found; nothing is no error, unless it has a version."""
    if found is not None:
        return delete(actor, resource_type, found.id, if_match=if_match)
    if if_match is not None:
        raise _no_match(resource_type)
    return Done(204)


def held_match(actor: Actor, resource_type: str, params: Params) -> Record | None:
    """Return the one record that matches, whose row is held until the transaction ends."""
    for _ in range(_TRIES):
        found = one_match(actor, resource_type, params)
        if found is None:
            return None
        stored = fetch(actor, resource_type, found.id, locked=True)
        if stored is not None and stored.version == found.version:
            return found
        # It has changed since the search looked, and may match no more.
    raise ConflictError(f"the {resource_type} that matches is being changed by others: try again")


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
