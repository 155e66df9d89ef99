"""Searches: of a type, of all types, of a compartment; by GET and POST.

https://hl7.org/fhir/R4/http.html#search
"""

from collections.abc import Sequence
from typing import Any

import orjson
from flask import Response

from fhir.bundle import parameters
from fhir.outcomes import BadRequestError
from fhir.registry import SUPPORTED_TYPES
from fhir.search import compartments, types
from fhir.search.criteria import Criterion, Query
from fhir.search.own_references import relative
from fhir.search.query import parse
from fhir.systems import CAREHUB
from hub import records
from hub.api import answers, limits, negotiation, site, slot_search, subsets
from hub.api.interactions import query
from hub.api.site import blueprint
from hub.auth import current_actor
from hub.domain.actor import Actor
from hub.records import Page, Record

ESTIMATED = f"{CAREHUB}/StructureDefinition/estimated-total"
"""Extension on Bundle.total: counting took too long, so the total is an estimate."""
FORM = "application/x-www-form-urlencoded"

Params = list[tuple[str, str]]


@blueprint.get("/<fhirtype:resource_type>")
def search(resource_type: str) -> Response:
    negotiation.check_accept()
    return _answer(resource_type, slot_search.as_r4(resource_type, query()))


@blueprint.post("/<fhirtype:resource_type>/_search")
def search_by_form(resource_type: str) -> Response:
    negotiation.check_accept()
    return _answer(resource_type, _with_form())


@blueprint.get("")
def search_all() -> Response:
    negotiation.check_accept()
    return answers.of_json(bundle_of_all(current_actor(), query(), lenient=_lenient()))


@blueprint.post("/_search")
def search_all_by_form() -> Response:
    negotiation.check_accept()
    return answers.of_json(bundle_of_all(current_actor(), _with_form(), lenient=_lenient()))


@blueprint.get("/<fhirtype:compartment>/<fhirid:record_id>/*")
def search_compartment(compartment: str, record_id: str) -> Response:
    negotiation.check_accept()
    return _compartment(compartment, record_id, query())


@blueprint.post("/<fhirtype:compartment>/<fhirid:record_id>/_search")
def search_compartment_by_form(compartment: str, record_id: str) -> Response:
    negotiation.check_accept()
    return _compartment(compartment, record_id, _with_form())


@blueprint.get("/<fhirtype:compartment>/<fhirid:record_id>/<fhirtype:resource_type>")
def search_type_in_compartment(compartment: str, record_id: str, resource_type: str) -> Response:
    negotiation.check_accept()
    return _answer(resource_type, query(), compartment, record_id)


@blueprint.post("/<fhirtype:compartment>/<fhirid:record_id>/<fhirtype:resource_type>/_search")
def search_type_in_compartment_by_form(
    compartment: str, record_id: str, resource_type: str
) -> Response:
    negotiation.check_accept()
    return _answer(resource_type, _with_form(), compartment, record_id)


def _lenient() -> bool:
    return negotiation.prefer().lenient


def _with_form() -> Params:
    """Return the parameters of the address and those of the body: all of them hold."""
    negotiation.check_content_type({FORM})
    try:
        pairs = parameters(limits.body().decode())
    except UnicodeDecodeError as error:
        raise BadRequestError("the form is not UTF-8") from error
    negotiation.take_form(pairs)
    return query() + [pair for pair in pairs if pair[0] not in negotiation.TRANSPORT]


def _answer(
    resource_type: str, params: Params, compartment: str | None = None, record_id: str = ""
) -> Response:
    actor, lenient = current_actor(), _lenient()
    if compartment is None:
        return answers.of_json(bundle(actor, resource_type, params, lenient=lenient))
    found = bundle_in(actor, compartment, record_id, resource_type, params, lenient=lenient)
    return answers.of_json(found)


def _compartment(compartment: str, record_id: str, params: Params) -> Response:
    found = bundle_of_compartment(
        current_actor(), compartment, record_id, params, lenient=_lenient()
    )
    return answers.of_json(found)


def bundle(
    actor: Actor, resource_type: str, params: Params, *, lenient: bool = False
) -> dict[str, Any]:
    """Return the searchset Bundle of a search."""
    page = _found(actor, resource_type, params, (), lenient=lenient)
    subsets.check_elements(resource_type, page.query.elements)
    return _searchset(page, f"/{resource_type}", params)


def bundle_in(
    actor: Actor,
    compartment: str,
    record_id: str,
    resource_type: str,
    params: Params,
    *,
    lenient: bool = False,
) -> dict[str, Any]:
    """Return the searchset of one type in a compartment."""
    within = compartments.within(compartment, record_id, resource_type)
    page = _found(actor, resource_type, params, (within,), lenient=lenient)
    subsets.check_elements(resource_type, page.query.elements)
    return _searchset(page, f"/{compartment}/{record_id}/{resource_type}", params)


def bundle_of_compartment(
    actor: Actor, compartment: str, record_id: str, params: Params, *, lenient: bool = False
) -> dict[str, Any]:
    """Return the searchset of all that is in a compartment."""
    members = compartments.members(compartment)
    chosen = types.named(params, members) or records.allowed_types(actor, members)
    queries = _queries(chosen, params, lenient=lenient)
    within = {each: compartments.within(compartment, record_id, each) for each in chosen}
    page = records.find_all(actor, queries, within)
    subsets.check_elements_of(chosen, page.query.elements)
    return _searchset(page, f"/{compartment}/{record_id}/*", params)


def bundle_of_all(actor: Actor, params: Params, *, lenient: bool = False) -> dict[str, Any]:
    """Return the searchset of a search of several types."""
    chosen = types.named(params) or records.allowed_types(actor, SUPPORTED_TYPES)
    page = records.find_all(actor, _queries(chosen, params, lenient=lenient))
    subsets.check_elements_of(chosen, page.query.elements)
    return _searchset(page, "", params)


def _found(
    actor: Actor, resource_type: str, params: Params, also: Sequence[Criterion], *, lenient: bool
) -> Page:
    base = site.base()
    if any(base in value for _, value in params):
        records.supported(resource_type)
        asked = relative(parse(resource_type, params, lenient=lenient), base)
        return records.find(actor, asked, also=also)
    return records.search(actor, resource_type, params, lenient=lenient, also=also)


def _queries(chosen: Sequence[str], params: Params, *, lenient: bool) -> list[Query]:
    asked = types.parse_all(chosen, params, lenient=lenient)
    return [relative(query, site.base()) for query in asked]


def _searchset(page: Page, path: str, params: Params) -> dict[str, Any]:
    asked = page.query
    here = [pair for pair in params if pair[0] == "_cursor"]
    links = [answers.link("self", path, [*page.self_params, *here])]
    if page.next:
        links.append(answers.link("next", path, [*page.self_params, ("_cursor", page.next)]))
    entries = _entries(
        "match", page.records, subsets.texts(page.records, asked.summary, asked.elements)
    )
    entries += _entries("include", page.included, subsets.texts(page.included))
    listed = orjson.Fragment(f"[{','.join(entries)}]") if entries else None
    found = answers.bundle("searchset", listed, links, page.total)
    if page.estimated:
        found["_total"] = {"extension": [{"url": ESTIMATED, "valueBoolean": True}]}
    return found


def _entries(mode: str, found: Sequence[Record], texts: Sequence[str]) -> list[str]:
    """Write the entries: the text of a record goes in as it is, and no object is made of it."""
    base = site.base()
    return [
        f'{{"fullUrl":"{base}/{record.type}/{record.id}","resource":{text},'
        f'"search":{{"mode":"{mode}"}}}}'
        for record, text in zip(found, texts, strict=True)
    ]
