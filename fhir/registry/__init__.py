"""What FHIR R4 says, as data: types, elements, bindings, reference targets, search parameters.

Generated from the official definitions (https://hl7.org/fhir/R4/downloads.html) by
``fhir.registry.generate`` and loaded when first asked for.
"""

from fhir.registry.elements import (
    PRIMITIVES,
    Element,
    constrained_paths,
    element,
    elements,
    invariants,
    is_domain_resource,
    is_supported,
    members,
    owners,
    required_codes,
    resource_types,
    sentence,
)
from fhir.registry.types import SUPPORTED_TYPES, UNSTORED_TYPES

__all__ = [
    "PRIMITIVES",
    "SUPPORTED_TYPES",
    "UNSTORED_TYPES",
    "Element",
    "constrained_paths",
    "element",
    "elements",
    "invariants",
    "is_domain_resource",
    "is_supported",
    "members",
    "owners",
    "required_codes",
    "resource_types",
    "sentence",
]
