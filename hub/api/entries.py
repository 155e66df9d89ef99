"""One entry of a transaction or batch: the interaction that its request names."""

from typing import Any

from flask import Response

from fhir.bundle import Entry
from fhir.jsontext import Parsed
from fhir.outcomes import BadRequestError, NotFoundError
from fhir.search.dates import date_range
from hub import records
from hub.api import dispatch, negotiation, patches, searches, writes
from hub.api.interactions import criteria
from hub.api.writes import Done
from hub.auth import Grant
from hub.domain.actor import Actor
from hub.records import Record

Answer = Done | Response | dict[str, Any]
"""What became of an entry: a write or a record read, a searchset, or what a view answered."""


def matching(entry: Entry) -> int | None:
    """Return the version that the entry wants to change."""
    return None if entry.if_match is None else negotiation.version_of(entry.if_match)


def perform(
    actor: Actor, grant: Grant | None, entry: Entry, resource: Parsed | str | None
) -> Answer:
    """Do what one entry asks; ``resource`` has its references resolved."""
    if dispatch.is_dispatched(entry):
        return dispatch.dispatched(entry)
    kind, if_match = entry.type, matching(entry)
    if entry.method in {"GET", "HEAD"} and (kind is None or entry.member):
        return _search(actor, entry)
    if kind is None or (entry.version is not None and entry.method not in {"GET", "HEAD"}):
        raise BadRequestError("is not possible in a bundle", code="not-supported")
    match entry.method:
        case "POST":
            assert resource is not None
            condition = entry.if_none_exist
            wanted = None if condition is None else criteria(condition, kind)
            return writes.create(actor, kind, resource, if_none_exist=wanted)
        case "PUT" if entry.id is None:
            assert resource is not None
            return writes.update_matching(
                actor, grant, kind, entry.params, resource, if_match=if_match
            )
        case "PUT":
            assert resource is not None
            assert entry.id is not None
            tag = entry.if_none_match
            only_new = tag is not None and negotiation.is_only_new(tag)
            return writes.update(
                actor, grant, kind, entry.id, resource, if_match=if_match, only_new=only_new
            )
        case "PATCH":
            assert isinstance(resource, str)
            change = patches.of_entry(resource)
            if entry.id is None:
                return patches.patch_matching(actor, kind, entry.params, change, if_match=if_match)
            return patches.patch(actor, kind, entry.id, change, if_match=if_match)
        case "DELETE" if entry.id is None:
            return writes.delete_matching(actor, kind, entry.params, if_match=if_match)
        case "DELETE":
            assert entry.id is not None
            return writes.delete(actor, kind, entry.id, if_match=if_match)
        case _ if entry.id is None:
            return searches.bundle(actor, kind, list(entry.params))
        case _ if entry.version:
            return _read(entry, records.vread(actor, kind, entry.id, _number(entry.version)))
        case _:
            return _read(entry, records.read(actor, kind, entry.id))


def _search(actor: Actor, entry: Entry) -> dict[str, Any]:
    """Search all types, or a compartment."""
    params = list(entry.params)
    if entry.type is None and entry.id is None:
        return searches.bundle_of_all(actor, params)
    if entry.type is None or entry.id is None or entry.member is None:
        raise BadRequestError("is not possible in a bundle", code="not-supported")
    if entry.member == "*":
        return searches.bundle_of_compartment(actor, entry.type, entry.id, params)
    return searches.bundle_in(actor, entry.type, entry.id, entry.member, params)


def _read(entry: Entry, record: Record) -> Done:
    """Answer a read, 304 where the entry says that the client has it: entry.request.ifNoneMatch."""
    known = False
    if entry.if_none_match is not None:
        known = negotiation.among(record.version, entry.if_none_match)
    elif entry.if_modified_since is not None:
        since, _ = date_range(entry.if_modified_since)
        known = since is not None and record.last_updated <= since
    return Done(304 if known else 200, record)


def _number(version: str) -> int:
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise NotFoundError("there is no such version")
    return int(version)
