"""Interactions on one record: create, read, vread, update, delete.

https://hl7.org/fhir/R4/http.html
"""

from flask import Response

from fhir.bundle import parameters
from fhir.outcomes import BadRequestError, NotFoundError
from hub import at_hand, records
from hub.api import answers, limits, negotiation, subsets, writes
from hub.api.site import blueprint
from hub.auth import current_actor, current_grant
from hub.records import Record


def only(*allowed: str) -> None:
    """Refuse query parameters that this interaction does not have."""
    if not at_hand.request().environ["QUERY_STRING"]:
        return
    valid = {*allowed, *negotiation.TRANSPORT}
    for name in at_hand.request().args:
        if name not in valid:
            raise BadRequestError(
                f"{name} is no parameter here; valid: {', '.join(sorted(valid))}",
                expression=name,
            )


def query() -> list[tuple[str, str]]:
    """Return the parameters of the address in their order, without those of transport."""
    pairs = parameters(at_hand.request().query_string.decode("utf-8", "replace"))
    return [(name, value) for name, value in pairs if name not in negotiation.TRANSPORT]


@blueprint.get("/<fhirtype:resource_type>/<fhirid:record_id>")
def read(resource_type: str, record_id: str) -> Response:
    negotiation.check_accept()
    only("_summary", "_elements")
    return _shown(records.read(current_actor(), resource_type, record_id))


@blueprint.get("/<fhirtype:resource_type>/<fhirid:record_id>/_history/<version>")
def vread(resource_type: str, record_id: str, version: str) -> Response:
    negotiation.check_accept()
    only("_summary", "_elements")
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise NotFoundError(f"{resource_type}/{record_id} has no such version")
    return _shown(records.vread(current_actor(), resource_type, record_id, int(version)))


def _shown(record: Record) -> Response:
    if negotiation.is_known(record.version, record.last_updated):
        response = answers.of_record(record, 304)
        response.set_data(b"")
        return response
    response = answers.of_record(record)
    if at_hand.request().environ["QUERY_STRING"] and (part := _part(record)) is not None:
        response.set_data(part)
    return response


def _part(record: Record) -> str | None:
    """Return the part of the record that _summary or _elements asks for."""
    summary = at_hand.request().args.get("_summary")
    if (summary is not None and summary not in subsets.SUMMARIES) or summary == "count":
        raise BadRequestError("_summary is true, text, data or false", expression="_summary")
    elements = [
        name.strip() for name in at_hand.request().args.get("_elements", "").split(",") if name
    ]
    subsets.check_elements(record.type, elements)
    return subsets.shown(record, summary, elements)


@blueprint.post("/<fhirtype:resource_type>")
def create(resource_type: str) -> Response:
    negotiation.check_accept()
    negotiation.check_content_type()
    only()
    condition = at_hand.request().headers.get("If-None-Exist")
    done = writes.create(
        current_actor(),
        resource_type,
        limits.body(),
        if_none_exist=None if condition is None else criteria(condition, resource_type),
    )
    return written(done)


def criteria(text: str, resource_type: str) -> list[tuple[str, str]]:
    """Read the search of If-None-Exist or ifNoneExist; it may carry the type or only ``?``."""
    text = text.strip().removeprefix(resource_type).removeprefix("?")
    return parameters(text)


@blueprint.put("/<fhirtype:resource_type>/<fhirid:record_id>")
def update(resource_type: str, record_id: str) -> Response:
    negotiation.check_accept()
    negotiation.check_content_type()
    only()
    done = writes.update(
        current_actor(),
        current_grant(),
        resource_type,
        record_id,
        limits.body(),
        if_match=negotiation.if_match(),
        only_new=negotiation.only_new(),
    )
    return written(done)


@blueprint.put("/<fhirtype:resource_type>")
def update_matching(resource_type: str) -> Response:
    negotiation.check_accept()
    negotiation.check_content_type()
    if negotiation.only_new():
        raise BadRequestError("to create where nothing matches, POST with If-None-Exist")
    done = writes.update_matching(
        current_actor(),
        current_grant(),
        resource_type,
        query(),
        limits.body(),
        if_match=negotiation.if_match(),
    )
    return written(done)


def written(done: writes.Done) -> Response:
    """Answer a write as the client prefers."""
    assert done.record is not None
    return answers.of_write(done.record, done.status)


@blueprint.delete("/<fhirtype:resource_type>/<fhirid:record_id>")
def delete(resource_type: str, record_id: str) -> Response:
    negotiation.check_accept()
    only()
    writes.delete(current_actor(), resource_type, record_id, if_match=negotiation.if_match())
    return Response(status=204)


@blueprint.delete("/<fhirtype:resource_type>")
def delete_matching(resource_type: str) -> Response:
    negotiation.check_accept()
    matching = negotiation.if_match()
    writes.delete_matching(current_actor(), resource_type, query(), if_match=matching)
    return Response(status=204)
