"""Is this JSON a legal FHIR R4 resource? Every fault found has a FHIRPath expression.

https://hl7.org/fhir/R4/validation.html, compiled from ``fhir.registry`` once per type: a fast
pass that only accepts, and where it does not, a second one that names the faults.
"""

from itertools import islice
from typing import Any

from fhir.outcomes import Issue
from fhir.validation.accept import accepts
from fhir.validation.report import report

__all__ = ["MOST_ISSUES", "validate"]

MOST_ISSUES = 1_000
"""A body of 20 MB has room for a million faults; nobody reads an answer of 100 MB."""


def validate(
    resource: dict[str, Any], *, resource_type: str | None = None, server_meta: bool = True
) -> list[Issue]:
    """Return every fault of the resource, none if it is legal.

    ``resource`` is parsed JSON (``fhir.jsontext.parse``; floats or ``Decimal`` both do).
    ``resource_type`` is the type that must stand in ``resourceType`` (that of the URL).
    ``server_meta=False`` ignores ``id``, ``meta.versionId`` and ``meta.lastUpdated``: on create
    the server replaces them, so what a client wrote there does not matter.
    """
    kind = resource.get("resourceType")
    if resource_type is not None and kind != resource_type and isinstance(kind, str):
        return [Issue("invalid", f"resourceType must be {resource_type}", "resourceType")]
    if not server_meta:
        resource = _without_server_meta(resource)
    if accepts(resource):
        return []
    found = list(islice(report(resource), MOST_ISSUES + 1))
    if len(found) > MOST_ISSUES:
        text = "there are more faults: mend these, then send it again"
        found[-1] = Issue("too-long", text, str(kind))
    return found


def _without_server_meta(resource: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in resource.items() if name not in {"id", "_id"}}
    meta = kept.get("meta")
    if isinstance(meta, dict) and meta:
        ours = {"versionId", "_versionId", "lastUpdated", "_lastUpdated"}
        kept["meta"] = {name: value for name, value in meta.items() if name not in ours}
        if not kept["meta"]:
            del kept["meta"]
    return kept
