"""Search of a type by GET and POST: https://hl7.org/fhir/R4/http.html#search."""

from typing import Any

import orjson
from flask import Response

from fhir.bundle import parameters
from fhir.outcomes import NotImplementedFeatureError
from fhir.systems import CAREHUB
from hub import records
from hub.api import answers, limits, negotiation, site, subsets
from hub.api.interactions import query
from hub.api.site import blueprint
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.records import Record

ESTIMATED = f"{CAREHUB}/StructureDefinition/estimated-total"
"""Extension on Bundle.total: counting took too long, so the total is an estimate."""
FORM = "application/x-www-form-urlencoded"


@blueprint.get("/<fhirtype:resource_type>")
def search(resource_type: str) -> Response:
    negotiation.check_accept()
    return _answer(resource_type, query())


@blueprint.post("/<fhirtype:resource_type>/_search")
def search_by_form(resource_type: str) -> Response:
    negotiation.check_accept()
    negotiation.check_content_type({FORM})
    pairs = parameters(limits.body().decode("ascii", "replace"))
    negotiation.take_form(pairs)
    params = [pair for pair in pairs if pair[0] not in negotiation.TRANSPORT]
    return _answer(resource_type, query() + params)


@blueprint.get("")
@blueprint.post("/_search")
def search_all() -> Response:
    raise NotImplementedFeatureError("a search names its type: GET [base]/[type]?...")


def _answer(resource_type: str, params: list[tuple[str, str]]) -> Response:
    lenient = negotiation.prefer().lenient
    return answers.of_json(bundle(current_actor(), resource_type, params, lenient=lenient))


def bundle(
    actor: Actor, resource_type: str, params: list[tuple[str, str]], *, lenient: bool = False
) -> dict[str, Any]:
    """Return the searchset Bundle of a search."""
    page = records.search(actor, resource_type, params, lenient=lenient)
    asked = page.query
    subsets.check_elements(resource_type, asked.elements)
    path = f"/{resource_type}"
    links = [answers.link("self", path, page.self_params)]
    if page.next:
        links.append(answers.link("next", path, [*page.self_params, ("_cursor", page.next)]))
    entries = [
        _entry(record, "match", subsets.resource(record, asked.summary, asked.elements))
        for record in page.records
    ] + [_entry(record, "include", answers.resource(record)) for record in page.included]
    found = answers.bundle("searchset", entries, links, page.total)
    if page.estimated:
        found["_total"] = {"extension": [{"url": ESTIMATED, "valueBoolean": True}]}
    return found


def _entry(record: Record, mode: str, resource: orjson.Fragment) -> dict[str, Any]:
    return {"fullUrl": site.full_url(record), "resource": resource, "search": {"mode": mode}}
