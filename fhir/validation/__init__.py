"""Is this JSON a legal FHIR R4 resource? Every fault found has a FHIRPath expression.

https://hl7.org/fhir/R4/validation.html, compiled from ``fhir.registry`` once per type.
"""

from typing import Any

from fhir.outcomes import Issue


def validate(
    resource: dict[str, Any], *, resource_type: str | None = None, server_meta: bool = True
) -> list[Issue]:
    """Return every fault of the resource, none if it is legal.

    ``resource`` is parsed JSON (``fhir.jsontext.parse``; floats or ``Decimal`` both do).
    ``resource_type`` is the type that must stand in ``resourceType`` (that of the URL).
    ``server_meta=False`` ignores ``id``, ``meta.versionId`` and ``meta.lastUpdated``: on create
    the server replaces them, so what a client wrote there does not matter.
    """
    raise NotImplementedError
