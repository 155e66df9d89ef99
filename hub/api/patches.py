"""PATCH of a record, plain and conditional: https://hl7.org/fhir/R4/http.html#patch.

A patch is done to the version that is current while its row is held, so it never loses another's
change. What it makes is checked and written as an update is.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from flask import Response, request
from werkzeug.http import parse_options_header

from fhir import jsontext
from fhir.bundle import Links
from fhir.outcomes import (
    BadRequestError,
    NotFoundError,
    UnprocessableError,
    UnsupportedMediaTypeError,
    VersionConflictError,
)
from fhir.patch import Patch, exact, patched, read_fhirpath_patch, read_json_patch, with_values
from fhir.xml import MEDIA_TYPES as XML_TYPES
from hub import records
from hub.api import limits, negotiation, withheld, writes
from hub.api.interactions import only, query, written
from hub.api.media_types import JSON_TYPES
from hub.api.negotiation import ANY_VERSION, FHIR_JSON, FHIR_XML
from hub.api.site import blueprint
from hub.api.writes import VERSIONED_UPDATE, Done, Params
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.records import Record
from hub.records.record import is_managed
from hub.transaction import transaction

JSON_PATCH = "application/json-patch+json"
FORMATS = (JSON_PATCH, FHIR_JSON, FHIR_XML)
"""What CapabilityStatement.patchFormat lists; the last two are forms of a FHIRPath Patch."""


@blueprint.patch("/<fhirtype:resource_type>/<fhirid:record_id>")
def patch_record(resource_type: str, record_id: str) -> Response:
    negotiation.check_accept()
    only()
    writes.refuse_change(resource_type)
    matching = negotiation.if_match()
    change = _of_request()
    return written(patch(current_actor(), resource_type, record_id, change, if_match=matching))


@blueprint.patch("/<fhirtype:resource_type>")
def patch_matching_record(resource_type: str) -> Response:
    negotiation.check_accept()
    writes.refuse_change(resource_type)
    matching = negotiation.if_match()
    change = _of_request()
    done = patch_matching(current_actor(), resource_type, query(), change, if_match=matching)
    return written(done)


def _of_request() -> Patch:
    kind, _ = parse_options_header(request.headers.get("Content-Type", ""))
    if kind.lower() not in {JSON_PATCH, *JSON_TYPES, *XML_TYPES}:
        raise UnsupportedMediaTypeError(
            f"send a JSON Patch as {JSON_PATCH}, or a FHIRPath Patch (Parameters) as {FHIR_JSON}"
            f" or {FHIR_XML}",
            headers={"Accept-Patch": ", ".join(FORMATS)},
        )
    negotiation.check_content_type({JSON_PATCH, *JSON_TYPES})
    read = read_json_patch if kind.lower() == JSON_PATCH else read_fhirpath_patch
    return read(limits.body())


def of_resource(text: str) -> tuple[bool, str]:
    """Return (whether it is a JSON Patch, its text) of the resource of a PATCH entry.

    R4 http.html#transaction: a JSON Patch comes as a Binary, a FHIRPath Patch as Parameters.
    """
    resource, _ = jsontext.parse(text)
    if resource.get("resourceType") == "Parameters":
        return False, text
    if resource.get("resourceType") != "Binary" or resource.get("contentType") != JSON_PATCH:
        raise BadRequestError(
            f"a PATCH entry holds Parameters, or a Binary with contentType {JSON_PATCH}",
            code="structure",
        )
    try:
        return True, base64.b64decode(resource.get("data", ""), validate=True).decode()
    except (binascii.Error, TypeError, ValueError) as error:
        raise BadRequestError("the data of the Binary is not base64 of UTF-8") from error


def of_entry(text: str) -> Patch:
    """Read the patch of a batch entry."""
    is_json_patch, found = of_resource(text)
    return read_json_patch(found) if is_json_patch else read_fhirpath_patch(found)


def of_text(text: str, links: Links, *, is_json_patch: bool) -> Patch:
    """Read the patch of a transaction entry, whose references in resources are resolved."""
    if not is_json_patch:
        return read_fhirpath_patch(text)

    def resolved(path: Sequence[str], value: Any) -> Any:
        # The path says that the value is a reference, no name does.
        if isinstance(value, str) and path[-1:] == ("reference",):
            return links.target(value) or value
        return value

    return with_values(read_json_patch(text), resolved)


def patch(
    actor: Actor,
    resource_type: str,
    record_id: str,
    change: Patch,
    *,
    if_match: int | None = None,
) -> Done:
    """Do a patch to the current version; one that changes nothing makes no version."""
    writes.refuse_change(resource_type)
    with transaction():
        stored = records.lock(actor, resource_type, record_id)
        if resource_type in VERSIONED_UPDATE and if_match in {None, ANY_VERSION}:
            raise writes.needs_version(resource_type)
        if if_match not in {None, ANY_VERSION, stored.version}:
            assert if_match is not None
            raise VersionConflictError(stored.reference, current=stored.version, given=if_match)
        # A client sees no secrets, so its patch does not either: neither tests nor copies them.
        before = withheld.shown(stored).text
        after = patched(before, change)
        _check_protected(stored, after)
        if exact.identical(exact.loads(before), exact.loads(after)):
            return Done(200, stored)
        return writes.update(actor, None, resource_type, record_id, after, if_match=stored.version)


def patch_matching(
    actor: Actor,
    resource_type: str,
    params: Params,
    change: Patch,
    *,
    if_match: int | None = None,
) -> Done:
    """Patch the one record that matches. Raises NotFoundError where none does."""
    writes.refuse_change(resource_type)
    with transaction():
        found = writes.held_match(actor, resource_type, params)
        if found is None:
            raise NotFoundError(f"no {resource_type} matches the condition")
        return patch(actor, resource_type, found.id, change, if_match=if_match)


def _check_protected(stored: Record, after: str) -> None:
    """Refuse a patch of what belongs to the server."""
    value: dict[str, Any] = jsontext.loads(after)
    for name, wanted in (("resourceType", stored.type), ("id", stored.id)):
        if value.get(name) != wanted:
            raise _protected(f"{name} never changes", f"{stored.type}.{name}")
    meta = value.get("meta", {})
    if not isinstance(meta, dict):
        return  # the validator says what is wrong
    for name in ("versionId", "lastUpdated"):
        # Gone is no fault: who replaces meta need not repeat them.
        if name in meta and meta[name] != stored["meta"][name]:
            raise _protected(f"meta.{name} is the server's", f"{stored.type}.meta.{name}")
    tags = meta.get("tag", ())
    if isinstance(tags, list | tuple) and is_managed({"meta": {"tag": tags}}) != stored.managed:
        raise _protected("the tag of managed records is set by the hub only", "meta.tag")


def _protected(text: str, expression: str) -> UnprocessableError:
    return UnprocessableError(text, expression=expression)
