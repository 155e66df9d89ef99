"""Answers of the API: a record's own text, a bundle around records, or an outcome."""

import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
from flask import Response, g

from fhir.jsontext import dumpb
from fhir.outcomes import Issue, operation_outcome
from hub import clock
from hub.api import negotiation, site, withheld
from hub.records import Record, instant
from hub.written import Written, http_date


def of_record(record: Record, status: int = 200) -> Written:
    """Answer with a record: its stored text as it is, ETag and Last-Modified."""
    return Written(
        withheld.shown(record).text,
        status=status,
        headers=[("Content-Type", negotiation.FHIR_JSON), *_versioned(record)],
    )


def of_write(record: Record, status: int) -> Response:
    """Answer a create or update as Prefer wants it."""
    wanted = negotiation.prefer().answer
    if wanted == "minimal":
        response = Written(status=status, content_type=negotiation.FHIR_JSON)
        response.headers.extend(_versioned(record))
    elif wanted == "OperationOutcome":
        outcome = operation_outcome([done(record, status)], g.get("request_id"))
        response = Written(dumpb(outcome), status=status, content_type=negotiation.FHIR_JSON)
        response.headers.extend(_versioned(record))
    else:
        response = of_record(record, status)
    response.beside = (("Location", site.location(record)),)
    return response


def done(record: Record, status: int) -> Issue:
    what = "created" if status == 201 else "stored"
    text = f"{record.reference} is {what} as version {record.version}"
    return Issue("informational", text, severity="information")


def of_issues(issues: Iterable[Issue], status: int) -> Response:
    return of_json(operation_outcome(issues, g.get("request_id")), status)


def of_json(value: dict[str, Any], status: int = 200) -> Response:
    return Written(dumpb(value), status=status, content_type=negotiation.FHIR_JSON)


def _versioned(record: Record) -> list[tuple[str, str]]:
    return [("ETag", site.etag(record)), ("Last-Modified", http_date(record.last_updated))]


def resource(record: Record) -> orjson.Fragment:
    """Return the record's text for a place inside a bundle."""
    return orjson.Fragment(withheld.shown(record).text)


def link(relation: str, path: str, params: Sequence[tuple[str, str]]) -> dict[str, str]:
    if (asked := negotiation.asked().format) is not None:
        # Who cannot set headers gets the next page in the same format.
        params = [*params, ("_format", asked)]
    query = f"?{'&'.join([_pair(*each) for each in params])}" if params else ""
    return {"relation": relation, "url": f"{site.base()}{path}{query}"}


_bare = re.compile(r"[A-Za-z0-9_.~,|:$/-]*").fullmatch


def _pair(name: str, value: str) -> str:
    """Write a parameter as an address has it; most need no escape, and looking is quicker."""
    if _bare(name) and _bare(value):
        return f"{name}={value}"
    return urlencode([(name, value)], safe=",|:$/")


def bundle(
    kind: str,
    entries: list[dict[str, Any]] | orjson.Fragment | None,
    links: list[dict[str, str]] | None = None,
    total: int | None = None,
) -> dict[str, Any]:
    """Build a Bundle; empty lists are left out, as FHIR wants. A Fragment is a list in JSON."""
    built: dict[str, Any] = {
        "resourceType": "Bundle",
        "meta": {"lastUpdated": instant(clock.now())},
        "type": kind,
    }
    if total is not None:
        built["total"] = total
    if links:
        built["link"] = links
    if entries:
        built["entry"] = entries
    return built
